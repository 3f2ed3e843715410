/** From a float model to a ternary one, layer by layer. */
import { UnsupportedError } from "../core/errors.ts";
import { cloneModule } from "./clone.ts";
import type { Module } from "./module.ts";
import { BitConv2d } from "./modules/bit-conv2d.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { Conv2d } from "./modules/conv2d.ts";
import { Linear } from "./modules/linear.ts";
import { pathOf } from "./modules/sequential.ts";
import type { TernaryOptions } from "./modules/ternary-weight.ts";

/** Options of `convertToBitLinear`. */
export interface ConvertOptions extends TernaryOptions {
  /** Layers to leave as they are: paths (`head`, `blocks.0`: with everything below), or patterns of whole paths. */
  skip?: readonly (string | RegExp)[];
  /** False converts a copy and leaves the model as it is; true by default. */
  inPlace?: boolean;
}

/** What a conversion did. */
export interface Conversion {
  /** The converted model: the one that was given (unless it was itself a layer to convert), or its copy. */
  readonly model: Module;
  /** Paths of the layers that became ternary. */
  readonly converted: readonly string[];
  /** Paths of the layers that `skip` kept. */
  readonly skipped: readonly string[];
}

/**
 * Turns every `Linear` and `Conv2d` of a model, at any depth, into `BitLinear` and `BitConv2d` with the same float
 * weights, ready to be fine-tuned or deployed. Names of parameters stay the same. A layer in several places becomes one
 * ternary layer, and stays where `skip` names one of them; classes derived from `Linear` or `Conv2d`, which may compute
 * something else, stay.
 *
 * @throws UnsupportedError when an entry of `skip` matches no layer, the model has no layer to convert, or a layer shares
 *   its weight with another one; the model is as it was then
 */
export function convertToBitLinear(model: Module, options: ConvertOptions = {}): Conversion {
  const { skip = [], inPlace = true, ...ternary } = options;
  const root = inPlace ? model : cloneModule(model);
  const places = root.namedModules().filter((place): place is Place => isFloatLayer(place[1]));
  if (places.length === 0) throw new UnsupportedError("this model has no Linear or Conv2d to convert");
  const paths = places.map(([path]) => path);
  for (const entry of skip) {
    if (paths.some((path) => matches(entry, path))) continue;
    throw new UnsupportedError(`skip ${String(entry)} matches no layer; the layers are: ${paths.join(", ")}`);
  }

  const isNamed = ([path]: Place): boolean => skip.some((entry) => matches(entry, path));
  const kept = new Set(places.filter(isNamed).map(([, layer]) => layer));
  const replacements = new Map<Module, Module>();
  for (const [path, layer] of places) {
    if (kept.has(layer) || replacements.has(layer)) continue;
    checkUntied(root, places, path, layer);
    replacements.set(layer, ternaryLayer(layer, ternary));
  }
  for (const [, module] of root.namedModules()) {
    for (const [name, child] of module.children()) {
      const replacement = replacements.get(child);
      if (replacement) module.replaceChild(name, replacement);
    }
  }
  const pathsOf = (isKept: boolean): string[] =>
    places.flatMap(([path, layer]) => (kept.has(layer) === isKept ? [path] : []));
  return { model: replacements.get(root) ?? root, converted: pathsOf(false), skipped: pathsOf(true) };
}

/** A float layer with one of its paths. */
type Place = [string, Linear | Conv2d];

function ternaryLayer(layer: Linear | Conv2d, options: TernaryOptions): Module {
  const ternary = layer instanceof Linear ? BitLinear.fromLinear(layer, options) : BitConv2d.fromConv2d(layer, options);
  const { inputShape, sampleShape } = layer;
  return Object.assign(ternary.train(layer.isTraining), { inputShape, sampleShape });
}

function isFloatLayer(module: Module): module is Linear | Conv2d {
  return module.constructor === Linear || module.constructor === Conv2d;
}

/** A weight that is also another module's, as of a head and an embedding, would become two weights. */
function checkUntied(root: Module, places: readonly Place[], path: string, layer: Linear | Conv2d): void {
  const own = new Set(
    places.flatMap(([at, other]) => (other === layer ? [pathOf(at, "weight"), pathOf(at, "bias")] : [])),
  );
  const tied = root
    .namedParameters()
    .find(([name, parameter]) => (parameter === layer.weight || parameter === layer.bias) && !own.has(name));
  if (!tied) return;
  throw new UnsupportedError(
    `the layer ${JSON.stringify(path)} shares its weight with ${tied[0]}, and a ternary layer has its own: skip it, or give it a copy first`,
  );
}

function matches(entry: string | RegExp, path: string): boolean {
  if (typeof entry === "string") return path === entry || path.startsWith(`${entry}.`);
  return new RegExp(entry.source, entry.flags.replace(/[gy]/g, "")).test(path);
}
