/** From a float model to a ternary one, layer by layer. */
import { UnsupportedError } from "../core/errors.ts";
import { BitConv2d } from "./bit-conv2d.ts";
import { BitLinear } from "./bit-linear.ts";
import { cloneModule } from "./clone.ts";
import { Conv2d } from "./conv2d.ts";
import { Linear } from "./linear.ts";
import type { Module } from "./module.ts";
import { pathOf } from "./sequential.ts";
import type { TernaryOptions } from "./ternary-weight.ts";

/** Options of `convertToBitLinear`. */
export interface ConvertOptions extends TernaryOptions {
  /** Layers to leave as they are: paths (`head`, `blocks.0`: with everything below), or patterns of whole paths. */
  skip?: readonly (string | RegExp)[];
  /** False converts a copy and leaves the model as it is; true by default. */
  inPlace?: boolean;
}

/** What a conversion did. */
export interface Conversion<M extends Module> {
  /** The converted model: the one that was given (unless it was itself a layer to convert), or its copy. */
  readonly model: M;
  /** Paths of the layers that became ternary. */
  readonly converted: readonly string[];
  /** Paths of the layers that `skip` kept. */
  readonly skipped: readonly string[];
}

/**
 * Turns every `Linear` and `Conv2d` of a model, at any depth, into `BitLinear` and `BitConv2d` with the same float
 * weights, ready to be fine-tuned or deployed. Names of parameters stay the same.
 *
 * @throws UnsupportedError when an entry of `skip` matches no layer, or the model has no layer to convert
 */
export function convertToBitLinear<M extends Module>(model: M, options: ConvertOptions = {}): Conversion<Module> {
  const { skip = [], inPlace = true, ...ternary } = options;
  const layers = model.namedModules().flatMap(([path, module]) => (isFloatLayer(module) ? [path] : []));
  if (layers.length === 0) throw new UnsupportedError("this model has no Linear or Conv2d to convert");
  for (const entry of skip) {
    if (layers.some((path) => matches(entry, path))) continue;
    throw new UnsupportedError(`skip ${String(entry)} matches no layer; the layers are: ${layers.join(", ")}`);
  }
  const isSkipped = (path: string): boolean => skip.some((entry) => matches(entry, path));
  const root = inPlace ? model : cloneModule(model);
  const converted = isFloatLayer(root) && !isSkipped("") ? ternaryLayer(root, ternary) : root;
  if (converted === root) convertChildren(root, "", ternary, isSkipped);
  return { model: converted, converted: layers.filter((path) => !isSkipped(path)), skipped: layers.filter(isSkipped) };
}

function convertChildren(
  module: Module,
  path: string,
  options: TernaryOptions,
  isSkipped: (path: string) => boolean,
): void {
  for (const [name, child] of module.children()) {
    const childPath = pathOf(path, name);
    if (!isFloatLayer(child)) convertChildren(child, childPath, options, isSkipped);
    else if (!isSkipped(childPath)) module.replaceChild(name, ternaryLayer(child, options));
  }
}

function ternaryLayer(layer: Linear | Conv2d, options: TernaryOptions): Module {
  return layer instanceof Linear ? BitLinear.fromLinear(layer, options) : BitConv2d.fromConv2d(layer, options);
}

function isFloatLayer(module: Module): module is Linear | Conv2d {
  return module instanceof Linear || module instanceof Conv2d;
}

function matches(entry: string | RegExp, path: string): boolean {
  if (typeof entry === "string") return path === entry || path.startsWith(`${entry}.`);
  return new RegExp(entry.source, entry.flags.replace(/[gy]/g, "")).test(path);
}
