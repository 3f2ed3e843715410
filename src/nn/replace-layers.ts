/** Puts layers of another kind in the places of a model's float layers. */
import { UnsupportedError } from "../core/errors.ts";
import { cloneModule } from "./clone.ts";
import type { Module } from "./module.ts";
import { Conv2d } from "./modules/conv2d.ts";
import { Linear } from "./modules/linear.ts";
import { pathOf } from "./modules/sequential.ts";

/** Which layers of a model to convert, and where. */
export interface LayerChoice {
  /** Layers to convert: paths (`body`, `blocks.0`: with everything below), or patterns of whole paths; all by default. */
  include?: readonly (string | RegExp)[];
  /** Layers to leave as they are, named in the same way, also where `include` names them. */
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
  /** Paths of the layers that stayed as they are: named by `skip`, or not by `include`. */
  readonly skipped: readonly string[];
}

/** A float layer with one of its paths. */
type Place = [string, Linear | Conv2d];

/**
 * Replaces every chosen `Linear` and `Conv2d` of a model, at any depth. A layer in several places becomes one layer;
 * it is chosen where `include` names one of them, and stays where `skip` does; classes derived from `Linear` or `Conv2d`, which may compute something else, stay.
 *
 * @param replacement a layer's successor, given one of its paths; takes over mode and input shape
 * @throws UnsupportedError when an entry of `include` or `skip` matches no layer, the model has no layer to convert, or a
 *   layer shares its weight with another one; the model is as it was then
 */
export function replaceFloatLayers(
  model: Module,
  { include, skip, inPlace = true }: LayerChoice,
  replacement: (layer: Linear | Conv2d, path: string) => Module,
): Conversion {
  const root = inPlace ? model : cloneModule(model);
  const places = root.namedModules().filter((place): place is Place => isFloatLayer(place[1]));
  if (places.length === 0) throw new UnsupportedError("this model has no Linear or Conv2d to convert");
  const chosen = chosenLayers(places, { include, skip });
  const replacements = new Map<Module, Module>();
  for (const [path, layer] of places) {
    if (!chosen.has(layer) || replacements.has(layer)) continue;
    checkUntied(root, places, path, layer);
    const { inputShape, sampleShape, isTraining } = layer;
    replacements.set(layer, Object.assign(replacement(layer, path).train(isTraining), { inputShape, sampleShape }));
  }
  const pathsOf = (isChosen: boolean): string[] =>
    places.flatMap(([path, layer]) => (chosen.has(layer) === isChosen ? [path] : []));
  return { model: replaceModules(root, replacements), converted: pathsOf(true), skipped: pathsOf(false) };
}

/**
 * The layers that options choose. One in several places is chosen where `include` names one of them, and stays where `skip`
 * does.
 *
 * @param places layers with their paths
 * @throws UnsupportedError for an entry that matches no layer
 */
export function chosenLayers<M extends Module>(
  places: readonly [string, M][],
  { include, skip = [] }: { [Name in "include" | "skip"]?: LayerChoice[Name] | undefined },
): ReadonlySet<M> {
  const paths = places.map(([path]) => path);
  checkEntries("include", include ?? [], paths);
  checkEntries("skip", skip, paths);
  const isNamed = (entries: readonly (string | RegExp)[]) => (place: [string, M]) => matchesAny(entries, place[0]);
  const skipped = new Set(places.filter(isNamed(skip)).map(([, layer]) => layer));
  const included = include ? places.filter(isNamed(include)) : places;
  return new Set(included.flatMap(([, layer]) => (skipped.has(layer) ? [] : [layer])));
}

/** Puts modules in the places of others, wherever they stand below `root`; gives what stands at the root then. */
export function replaceModules(root: Module, replacements: ReadonlyMap<Module, Module>): Module {
  for (const [, module] of root.namedModules()) {
    for (const [name, child] of module.children()) {
      const replacement = replacements.get(child);
      if (replacement) module.replaceChild(name, replacement);
    }
  }
  return replacements.get(root) ?? root;
}

/** Whether an entry names a path: as itself, as something above it, or as a pattern of the whole. */
function matchesAny(entries: readonly (string | RegExp)[], path: string): boolean {
  return entries.some((entry) => matches(entry, path));
}

/** @throws UnsupportedError for an entry that matches none of the paths, which is rather a slip than a wish */
function checkEntries(option: string, entries: readonly (string | RegExp)[], paths: readonly string[]): void {
  for (const entry of entries) {
    if (paths.some((path) => matches(entry, path))) continue;
    throw new UnsupportedError(`${option} ${String(entry)} matches no layer; the layers are: ${paths.join(", ")}`);
  }
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
