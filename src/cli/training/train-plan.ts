/** What `bitlinear train` is going to do: data, network and recipe, from the options. */
import { UsageError } from "../../core/errors.ts";
import type { DatasetSplit } from "../../datasets/index.ts";
import { convertToBitLinear, type Module } from "../../nn/index.ts";
import { quantizers } from "../../quantizers/index.ts";
import { type DataSource, dataSourceById, dataSources } from "../data-sources.ts";
import type { SampleLimits } from "../first-samples.ts";
import { type Preset, presetById, type Recipe, SEQUENCE_LENGTH } from "../presets/index.ts";

/** What the command line says about a training. */
export interface TrainPlanOptions extends SampleLimits {
  readonly model: string;
  readonly data: string | undefined;
  readonly dataset: string | undefined;
  readonly float: boolean;
  readonly quantizer: string | undefined;
  readonly activation: string | undefined;
  readonly epochs: number | undefined;
  readonly batchSize: number | undefined;
  readonly learningRate: number | undefined;
  readonly seed: number;
}

/** A training that is ready to run. */
export interface TrainPlan {
  readonly preset: Preset;
  readonly source: DataSource;
  readonly data: DatasetSplit;
  readonly module: Module;
  readonly recipe: Recipe;
  /** The weight rule; undefined for the float twin. */
  readonly quantizer: string | undefined;
}

/**
 * Loads the data and builds the network.
 *
 * @throws UsageError when options contradict each other, FileError for the data, ShapeError when the network cannot learn
 *   from them
 */
export async function planTraining(options: TrainPlanOptions): Promise<TrainPlan> {
  const { model, data: location, float, activation, seed } = options;
  if (float && (options.quantizer !== undefined || activation !== undefined)) {
    throw new UsageError("--float trains no ternary weights: leave --quantizer and --activation out");
  }
  const preset = presetById(model);
  const source = sourceOf(preset, options);
  const { trainSamples, testSamples } = options;
  const data = await source.load({ location, seed, sequenceLength: SEQUENCE_LENGTH, trainSamples, testSamples });
  const recipe = recipeOf(preset, options);
  const floatModule = await preset.build(data, seed);
  if (float) return { preset, source, data, module: floatModule, recipe, quantizer: undefined };
  const { quantizer = quantizers[0].id } = options;
  const { model: module } = convertToBitLinear(floatModule, {
    quantizer,
    ...(activation !== undefined && { activation }),
  });
  return { preset, source, data, module, recipe, quantizer };
}

function sourceOf(preset: Preset, { data, dataset }: TrainPlanOptions): DataSource {
  const usual = data === undefined ? (preset.ownData ?? preset.givenData) : preset.givenData;
  const source = dataSourceById(dataset ?? usual);
  const { kind } = dataSourceById(preset.givenData);
  if (source.kind !== kind) {
    const fitting = dataSources.filter((each) => each.kind === kind).map(({ id }) => id);
    throw new UsageError(
      `--model ${preset.id} cannot learn from --dataset ${source.id}: name one of ${fitting.join(", ")}, or another model`,
    );
  }
  if (data === undefined || source.readsFiles) return source;
  throw new UsageError(`--dataset ${source.id} reads no files: leave --data out, or name another data set`);
}

function recipeOf({ recipe }: Preset, { epochs, batchSize, learningRate }: TrainPlanOptions): Recipe {
  return {
    ...recipe,
    ...(epochs !== undefined && { epochs }),
    ...(batchSize !== undefined && { batchSize }),
    ...(learningRate !== undefined && { learningRate }),
  };
}
