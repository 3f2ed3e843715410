/** From a float model to a ternary one in one shot: planes that replace the weights, without any training. */
import type { ActivationRuleId } from "../activation-rules/index.ts";
import { ShapeError } from "../core/errors.ts";
import type { MatrixShape, TernaryMatrix } from "../core/ternary-matrix.ts";
import { checkPlanes, decompose, type PlaneFit, sumPlanes } from "../quantizers/multi-ternary.ts";
import { checkMagnitudes, type QuantizerOptions } from "../quantizers/quantizer.ts";
import type { Module } from "./module.ts";
import type { Conv2d } from "./modules/conv2d.ts";
import { Linear } from "./modules/linear.ts";
import { TernaryConv2d } from "./modules/ternary-conv2d.ts";
import { TernaryLinear } from "./modules/ternary-linear.ts";
import { type Conversion, type LayerChoice, replaceFloatLayers } from "./replace-layers.ts";

/**
 * Makes the planes of one layer.
 *
 * @param weights row-major `[outFeatures, inFeatures]`; of a convolution `[outChannels, inChannels · kernelHeight ·
 *   kernelWidth]`; not to be changed
 * @param path of the layer; the first one where it stands in several places
 */
export type LayerFit = (weights: Float32Array, shape: MatrixShape, path: string) => readonly TernaryMatrix[];

/** Options of `ternarize`. */
export interface TernarizeOptions extends LayerChoice {
  /** Weight rule of each plane by name; `optimal` by default. */
  quantizer?: string;
  /** Options of the weight rule. */
  quantizerOptions?: QuantizerOptions;
  /** Planes of each layer; 1 by default. Each takes the room of a ternary layer. */
  planes?: number;
  /**
   * How planes are found: `joint` (the default for 2 to 4 planes) or `greedy`, from the weights alone; or a function, such as
   * one that knows the inputs of the layers, to which the three options above mean nothing.
   */
  fit?: PlaneFit | LayerFit;
  /** Activation rule of the layers; `none` by default: float inputs, so that only the weights change. */
  activation?: ActivationRuleId;
}

/** What `ternarize` did. */
export interface Ternarization extends Conversion {
  /** Relative error of the weights of each converted layer, ‖W - Σ trits · scale‖ / ‖W‖, by path; 0 for weights of 0. */
  readonly weightErrors: Readonly<Record<string, number>>;
}

/**
 * Turns every `Linear` and `Conv2d` of a model, at any depth, into `TernaryLinear` and `TernaryConv2d`, whose planes stay
 * as they are from then on. Layers are chosen as `convertToBitLinear` does, which is the one to take before training.
 *
 * @throws UnsupportedError as `convertToBitLinear` does, and for an unknown quantizer or fit; ShapeError for a number of
 *   planes that is not allowed, weights that are not finite, and planes of another shape than the weights; the model is as
 *   it was then
 */
export function ternarize(model: Module, options: TernarizeOptions = {}): Ternarization {
  const fit = layerFit(options);
  const errors = new Map<Module, number>();
  const conversion = replaceFloatLayers(model, options, (layer, path) => {
    const weights = layer.weight.value;
    checkMagnitudes(`weights of the layer ${JSON.stringify(path)}`, weights);
    const shape = matrixShape(layer);
    const planes = checkShape(fit(weights, shape, path), shape, path);
    const ternary = frozenLayer(layer, planes, options.activation);
    errors.set(ternary, relativeError(weights, planes));
    return ternary;
  });
  const places = new Map(conversion.model.namedModules());
  const weightErrors = conversion.converted.map((path): [string, number] => {
    const layer = places.get(path);
    return [path, (layer && errors.get(layer)) ?? 0];
  });
  return { ...conversion, weightErrors: Object.fromEntries(weightErrors) };
}

function layerFit({ fit, planes = 1, quantizer, quantizerOptions }: TernarizeOptions): LayerFit {
  if (typeof fit === "function") return fit;
  const options = {
    planes,
    fit: fit ?? (planes > 1 && planes <= 4 ? "joint" : "greedy"),
    ...(quantizer !== undefined && { quantizer }),
    ...(quantizerOptions && { quantizerOptions }),
  };
  checkPlanes(options.planes, options.fit);
  return (weights, shape) => decompose(weights, shape, options);
}

function matrixShape(layer: Linear | Conv2d): MatrixShape {
  const outFeatures = layer.weight.shape[0];
  return { outFeatures, inFeatures: layer.weight.size / outFeatures };
}

function frozenLayer(layer: Linear | Conv2d, planes: readonly TernaryMatrix[], activation = "none"): Module {
  const options = { bias: layer.bias?.value, activation };
  if (layer instanceof Linear) return new TernaryLinear(planes, options);
  const { inChannels, kernelSize, stride, padding } = layer;
  return new TernaryConv2d(inChannels, planes, { ...options, kernelSize, stride, padding });
}

function checkShape(
  planes: readonly TernaryMatrix[],
  { outFeatures, inFeatures }: MatrixShape,
  path: string,
): readonly TernaryMatrix[] {
  const wrong = planes.find((plane) => plane.outFeatures !== outFeatures || plane.inFeatures !== inFeatures);
  if (!wrong) return planes;
  throw new ShapeError(
    `planes of the layer ${JSON.stringify(path)} must be [${outFeatures}, ${inFeatures}], got [${wrong.outFeatures}, ${wrong.inFeatures}]`,
  );
}

/** ‖W - Σ trits · scale‖ / ‖W‖, summed in float64; ‖Σ trits · scale‖ for weights of 0. */
export function relativeError(weights: Float32Array, planes: readonly TernaryMatrix[]): number {
  const real = sumPlanes(planes);
  let [error, size] = [0, 0]; // float64
  for (let i = 0; i < weights.length; i++) {
    error += (weights[i] - real[i]) ** 2;
    size += weights[i] ** 2;
  }
  return size === 0 ? Math.sqrt(error) : Math.sqrt(error / size);
}
