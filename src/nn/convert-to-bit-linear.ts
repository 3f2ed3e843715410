/** From a float model to a ternary one that trains on, layer by layer. */
import type { Module } from "./module.ts";
import { BitConv2d } from "./modules/bit-conv2d.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Linear } from "./modules/linear.ts";
import type { TernaryOptions } from "./modules/ternary-weight.ts";
import { type Conversion, type LayerChoice, replaceFloatLayers } from "./replace-layers.ts";

/** Options of `convertToBitLinear`. */
export interface ConvertOptions extends TernaryOptions, LayerChoice {}

/**
 * Turns every `Linear` and `Conv2d` of a model, at any depth, into `BitLinear` and `BitConv2d` with the same float
 * weights, ready to be fine-tuned or deployed. Names of parameters stay the same. A layer in several places becomes one
 * ternary layer, and stays where `skip` names one of them; classes derived from `Linear` or `Conv2d`, which may compute
 * something else, stay.
 *
 * @throws UnsupportedError when an entry of `include` or `skip` matches no layer, the model has no layer to convert, or a
 *   layer shares its weight with another one; the model is as it was then
 */
export function convertToBitLinear(model: Module, options: ConvertOptions = {}): Conversion {
  const { include, skip, inPlace, ...ternary } = options;
  const choice = { ...(include && { include }), ...(skip && { skip }), ...(inPlace !== undefined && { inPlace }) };
  return replaceFloatLayers(model, choice, (layer) =>
    layer instanceof Linear ? BitLinear.fromLinear(layer, ternary) : BitConv2d.fromConv2d(layer, ternary),
  );
}
