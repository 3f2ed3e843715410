/** Fine-tuning a ternary model through low-rank updates of its layers. */
import { UnsupportedError } from "../core/errors.ts";
import { deriveSeed } from "../core/random.ts";
import { decompose, sumPlanes } from "../quantizers/multi-ternary.ts";
import type { QuantizerOptions } from "../quantizers/quantizer.ts";
import { cloneModule } from "./clone.ts";
import { distinctParameters } from "./distinct-parameters.ts";
import { nextSeed } from "./initialise.ts";
import type { Module } from "./module.ts";
import { BitLinear } from "./modules/bit-linear.ts";
import { type LoraLayerOptions, LoraLinear } from "./modules/lora-linear.ts";
import { MultiTernaryLinear } from "./modules/multi-ternary-linear.ts";
import { TernaryLinear } from "./modules/ternary-linear.ts";
import { chosenLayers, type LayerChoice, replaceModules } from "./replace-layers.ts";
import { relativeError } from "./ternarize.ts";

/** Options of `addLora`. */
export interface LoraOptions extends LoraLayerOptions, LayerChoice {}

/** What `addLora` did. */
export interface LoraAddition {
  /** The model with updates: the one that was given (unless it was itself a layer), or its copy. */
  readonly model: Module;
  /** Paths of the layers that got an update. */
  readonly adapted: readonly string[];
  /** Number of values that training changes from now on. */
  readonly trainableCount: number;
}

type TernaryFullyConnected = BitLinear | MultiTernaryLinear | TernaryLinear;

/**
 * Freezes a ternary model and puts a low-rank update beside each of its fully connected ternary layers (`BitLinear`,
 * `MultiTernaryLinear`, `TernaryLinear`), which become `LoraLinear` over a `TernaryLinear` of the trits they have now: what
 * the model computes does not change. `fit` then trains the updates alone, and keeps optimizer state for nothing else; set
 * `isTrainable` of further parameters, such as those of a float head, to train them as well. Convolutions and classes derived
 * from the three stay as they are, frozen.
 *
 * @param options layers are chosen as `convertToBitLinear` does
 * @throws UnsupportedError when there is no layer to adapt or an entry matches none, ShapeError for a rank or alpha out of
 *   range; the model is as it was then
 */
export async function addLora(model: Module, options: LoraOptions = {}): Promise<LoraAddition> {
  const { include, skip, inPlace = true, seed = nextSeed(), rank, alpha } = options;
  const root = inPlace ? model : cloneModule(model);
  const places = root.namedModules().filter((place): place is [string, TernaryFullyConnected] => isTernary(place[1]));
  if (places.length === 0) {
    throw new UnsupportedError(
      "this model has no fully connected ternary layer; convertToBitLinear or ternarize it first",
    );
  }
  const chosen = chosenLayers(places, { include, skip });

  const replacements = new Map<Module, LoraLinear>();
  for (const [path, layer] of places) {
    if (!chosen.has(layer) || replacements.has(layer)) continue;
    const sizes = { ...(rank !== undefined && { rank }), ...(alpha !== undefined && { alpha }) };
    const frozen = await frozenCopy(layer);
    const { isTraining, inputShape, sampleShape } = layer;
    const lora = new LoraLinear(frozen, { ...sizes, seed: deriveSeed(seed, path) });
    replacements.set(layer, Object.assign(lora.train(isTraining), { inputShape, sampleShape }));
  }
  const adapted = places.flatMap(([path, layer]) => (replacements.has(layer) ? [path] : []));
  const result = replaceModules(root, replacements);
  const updates = new Set([...replacements.values()].flatMap(({ loraA, loraB }) => [loraA, loraB]));
  for (const [, parameter] of distinctParameters(result)) parameter.isTrainable = updates.has(parameter);
  return { model: result, adapted, trainableCount: [...updates].reduce((sum, { size }) => sum + size, 0) };
}

/** Options of `mergeLora`. */
export interface MergeOptions {
  /** Weight rule of the planes that updates become; `optimal` by default. */
  quantizer?: string;
  /** Options of the weight rule. */
  quantizerOptions?: QuantizerOptions;
  /** Planes of each update; 1 by default. */
  planes?: number;
  /** False merges in a copy and leaves the model as it is; true by default. */
  inPlace?: boolean;
}

/** What merging an update cost. */
export interface MergeError {
  /** ‖ΔW - planes‖ / ‖ΔW‖: how much of the update was lost. */
  readonly ofUpdate: number;
  /** ‖ΔW - planes‖ / ‖W + ΔW‖: how much of the whole weight that is. */
  readonly ofWeight: number;
}

/** What `mergeLora` did. */
export interface LoraMerge {
  /** The model without updates. */
  readonly model: Module;
  /** By path of the layer. */
  readonly errors: Readonly<Record<string, MergeError>>;
}

/**
 * Makes further ternary planes of the updates that `addLora` put into a model: each `LoraLinear` becomes the `TernaryLinear`
 * that it stands on, with the planes of alpha / rank · B · A added. The model is ternary throughout again, and exact when
 * deployed; a plane cannot hold the update exactly, and the errors say how much was lost. A model that is not merged deploys
 * as well, with the updates in float. Layers that learned nothing get no plane. Nothing becomes trainable again.
 *
 * @throws UnsupportedError when the model has no update, and for an unknown quantizer; ShapeError for a number of planes that
 *   is not allowed or an update that is not finite; the model is as it was then
 */
export function mergeLora(model: Module, options: MergeOptions = {}): LoraMerge {
  const { inPlace = true, planes = 1, ...rule } = options;
  const root = inPlace ? model : cloneModule(model);
  const places = root.namedModules().filter((place): place is [string, LoraLinear] => place[1] instanceof LoraLinear);
  if (places.length === 0) throw new UnsupportedError("this model has no LoraLinear to merge; addLora puts them in");
  const replacements = new Map<Module, TernaryLinear>();
  const errors = new Map<string, MergeError>();
  for (const [path, layer] of places) {
    if (replacements.has(layer)) continue;
    const { merged, error } = mergedLayer(layer, {
      planes,
      fit: planes > 1 && planes <= 4 ? "joint" : "greedy",
      ...rule,
    });
    replacements.set(layer, merged);
    errors.set(path, error);
  }
  return { model: replaceModules(root, replacements), errors: Object.fromEntries(errors) };
}

function mergedLayer(
  layer: LoraLinear,
  options: Parameters<typeof decompose>[2],
): { merged: TernaryLinear; error: MergeError } {
  const { base, isTraining, inputShape, sampleShape } = layer;
  const update = layer.update();
  const planes = decompose(update, base, options);
  const before = base.planes;
  const isEmpty = update.every((value) => value === 0);
  const { bias, activation } = base;
  const merged = new TernaryLinear(isEmpty ? before : [...before, ...planes], { bias: bias?.value, activation });
  if (merged.bias) merged.bias.isTrainable = false;
  const whole = sumPlanes(before).map((weight, i) => weight + update[i]);
  const ofUpdate = isEmpty ? 0 : relativeError(update, planes);
  const ofWeight = isEmpty ? 0 : (ofUpdate * norm(update)) / norm(whole);
  return { merged: Object.assign(merged, { isTraining, inputShape, sampleShape }), error: { ofUpdate, ofWeight } };
}

/** The layer that computes what a ternary one does now, of its own. */
async function frozenCopy(layer: TernaryFullyConnected): Promise<TernaryLinear> {
  if (!(layer instanceof TernaryLinear)) return await TernaryLinear.freeze(layer);
  return new TernaryLinear(layer.planes, { bias: layer.bias?.value, activation: layer.activation });
}

function isTernary(module: Module): module is TernaryFullyConnected {
  return [BitLinear, MultiTernaryLinear, TernaryLinear].some((kind) => module.constructor === kind);
}

function norm(values: Float32Array): number {
  let sum = 0; // float64
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
