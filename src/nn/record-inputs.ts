/** What the layers of a model see: the calibration data of conversions that look at more than the weights. */
import { UnsupportedError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import { compile, concatenate, type Tensor, tensor, traceWithParameters } from "../tensor/index.ts";
import { distinctParameters } from "./distinct-parameters.ts";
import { inEvaluationMode } from "./evaluation-mode.ts";
import type { Module } from "./module.ts";
import { Conv2d } from "./modules/conv2d.ts";
import { everyNth, outputSize } from "./modules/images.ts";
import { Linear } from "./modules/linear.ts";
import { chosenLayers } from "./replace-layers.ts";
import { batchesOf, checkTrainingData, type TrainingData } from "./training/batches.ts";
import { Pauses } from "./training/pauses.ts";
import { watchLayers } from "./watch-layers.ts";

/** Inputs of one layer, for one batch of the data. */
export interface LayerInputs {
  /** The first of the layer's paths. */
  readonly path: string;
  readonly tokens: number;
  /** Values of a token: of a convolution inChannels · kernelHeight · kernelWidth, in the order of its weight rows. */
  readonly inFeatures: number;
  /** `[tokens, inFeatures]`; of a convolution the patches of all images, with the zeros of its padding. */
  readonly values: Float32Array;
}

/** Options of `recordInputs`. */
export interface RecordOptions {
  /** Layers to look at, as `convertToBitLinear` names them; every `Linear` and `Conv2d` by default. */
  include?: readonly (string | RegExp)[];
  /** 64 by default: what the layers see of one batch is in memory together. */
  batchSize?: number;
  /** Stops after the batch that runs. */
  signal?: AbortSignal;
}

type FloatLayer = Linear | Conv2d;

/**
 * Runs a model over data, in evaluation mode, and gives what its `Linear` and `Conv2d` layers see: for each batch one entry
 * for every call of each layer, in the order of the layers.
 *
 *     for await (const { path, values } of recordInputs(model, data)) moments[path].add(values);
 *
 * @param data as for `evaluate`; targets are not read
 * @throws ShapeError when data and model do not fit, UnsupportedError when there is no such layer, UsageError when there
 *   are no samples, the reason of `signal` once it is aborted
 */
export async function* recordInputs(
  model: Module,
  data: TrainingData,
  options: RecordOptions = {},
): AsyncGenerator<LayerInputs> {
  const { batchSize = 64, signal } = options;
  checkTrainingData("the data of recordInputs", data);
  checkSize("batchSize", batchSize);
  const layers = layersToWatch(model, options.include);
  const parameters = distinctParameters(model).map(([, parameter]) => parameter);
  let records: Omit<LayerInputs, "values">[] = []; // of the last trace: a batch of another size is traced anew
  using forward = compile(([x, ...values]) => {
    const { results } = traceWithParameters(parameters, values, {}, () => {
      const seen = seenBy(layers, model, x);
      records = seen.map(({ path, rows: { shape } }) => ({ path, tokens: shape[0], inFeatures: shape[1] }));
      return seen.map(({ rows }) => rows);
    });
    return results;
  });

  const values = parameters.map((parameter) => tensor(parameter.value, parameter.shape));
  const pauses = new Pauses();
  try {
    for await (const batch of batchesOf(data, 0, { batchSize, inputShape: model.inputShape })) {
      await pauses.take();
      signal?.throwIfAborted();
      const x = tensor(batch.inputs, [batch.count, ...batch.inputShape]);
      const rows = inEvaluationMode(model, () => forward([x, ...values]));
      const numbers = await Promise.all(rows.map((array) => array.data()));
      for (const array of [x, ...rows]) array.dispose();
      for (const [i, record] of records.entries()) yield { ...record, values: numbers[i] };
    }
  } finally {
    for (const value of values) value.dispose();
  }
}

/** The layers with the first of their paths. */
function layersToWatch(model: Module, include: RecordOptions["include"]): Map<FloatLayer, string> {
  const places = model
    .namedModules()
    .filter((place): place is [string, FloatLayer] => place[1] instanceof Linear || place[1] instanceof Conv2d);
  if (places.length === 0) {
    throw new UnsupportedError("this model has no Linear or Conv2d whose inputs could be recorded");
  }
  const chosen = chosenLayers(places, { include });
  const firstPaths = new Map<FloatLayer, string>();
  for (const [path, layer] of places) if (chosen.has(layer) && !firstPaths.has(layer)) firstPaths.set(layer, path);
  return firstPaths;
}

/** Inputs of the layers as rows, one entry for each call. */
function seenBy(layers: ReadonlyMap<FloatLayer, string>, model: Module, x: Tensor): { path: string; rows: Tensor }[] {
  const { calls } = watchLayers([...layers.keys()], () => model.forward(x));
  return [...layers].flatMap(([layer, path]) =>
    (calls.get(layer) ?? []).map(({ input }) => ({ path, rows: rowsOf(layer, input) })),
  );
}

function rowsOf(layer: FloatLayer, input: Tensor): Tensor {
  return layer instanceof Linear ? input.reshape([-1, layer.inFeatures]) : patchesOf(layer, input);
}

/** What the window of a convolution sees, `[B · outH · outW, inChannels · kernelH · kernelW]`, in the order of a weight row. */
function patchesOf(layer: Conv2d, x: Tensor): Tensor {
  const { inChannels, kernelSize, stride, padding } = layer;
  const [outH, outW] = outputSize(layer, x, layer, inChannels);
  const padded = x.pad([0, padding[0], padding[1], 0].map((width) => [width, width]));
  const cells = Array.from({ length: kernelSize[0] * kernelSize[1] }, (_, cell) => {
    const [row, column] = [Math.floor(cell / kernelSize[1]), cell % kernelSize[1]];
    const seen = everyNth(everyNth(padded, 1, row, outH, stride[0]), 2, column, outW, stride[1]);
    return seen.reshape([-1, inChannels, 1]);
  });
  return concatenate(cells, 2).reshape([-1, inChannels * cells.length]);
}
