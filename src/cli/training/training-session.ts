/** What the HTML report of a training shows, collected from the models and their measurements. */
import { arch, cpus, platform } from "node:os";
import { VERSION } from "../../core/version.ts";
import type { Dataset } from "../../datasets/index.ts";
import { BitConv2d, BitLinear, estimateMemory, type Module } from "../../nn/index.ts";
import { type GrayscaleImage, grayscaleImage } from "../../report/drawing/png.ts";
import type { LayerWeights } from "../../report/plots/histogram.ts";
import type { MisclassifiedImage, TrainingRecord, TrainingRun } from "../../report/training-record.ts";
import type { DeployedModel } from "../../runtime/deployed-model.ts";
import { confusionOf, type DeploymentMeasurement, type Exactness } from "./deployment.ts";
import { type Training, testAccuracyOf } from "./train-module.ts";

const MOST_EXAMPLES = 16;

/** A finished training by name. */
export interface NamedTraining {
  readonly name: string;
  readonly training: Training;
  /** Whether the deployed model is compared with it. */
  readonly isBaseline?: boolean;
}

/** Everything that was done. */
export interface TrainingSession {
  readonly title: string;
  readonly subtitle: string;
  readonly trainings: readonly NamedTraining[];
  /** The model that was deployed. */
  readonly module: Module;
  readonly deployed: DeployedModel;
  readonly format: string;
  readonly test: Dataset;
  readonly measurement: DeploymentMeasurement;
  readonly exactness: Exactness;
  /** What to type to do it again. */
  readonly command: string;
}

/** Collects the record of a session. */
export async function trainingRecord(session: TrainingSession): Promise<TrainingRecord> {
  const { title, subtitle, trainings, module, deployed, format, test, measurement, exactness, command } = session;
  const { layers: memory } = await estimateMemory(module);
  const classes = test.classes ?? [];
  return {
    title,
    subtitle,
    generated: new Date(),
    runs: trainings.map(runOf),
    layers: await layerWeightsOf(module),
    // In the order of the modules: an object has keys such as "10" before all others.
    memory: module.namedModules().flatMap(([path, layer]) => {
      if (!Object.hasOwn(memory, path)) return [];
      const { float32, packed } = memory[path];
      return [{ layer: `${path} ${layer.constructor.name}`.trim(), floatBytes: float32, packedBytes: packed[format] }];
    }),
    confusion: confusionOf(test.targets, measurement.predictions, classes.length),
    classes,
    deployed: {
      accuracy: measurement.accuracy,
      bitExact: exactness.isExact,
      comparedValues: exactness.comparedValues,
      differingValues: exactness.differingValues,
      isExactnessPromised: exactness.isPromised,
      largestDifference: exactness.largestDifference,
      bytes: deployed.byteLength,
      floatBytes: deployed.floatByteLength,
      backend: deployed.backend,
      microsecondsPerSample: measurement.secondsPerSample * 1e6,
    },
    examples: mistakesOf(test, measurement.predictions),
    environment: {
      bitlinear: VERSION,
      Node: process.version,
      system: `${platform()} ${arch()}`,
      CPU: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores`,
      backend: deployed.backend,
    },
    command,
  };
}

function runOf({ name, training, isBaseline }: NamedTraining): TrainingRun {
  return {
    name,
    history: training.history.epochs.map((record) => ({
      epoch: record.epoch,
      loss: record.loss,
      accuracy: record.metrics.accuracy,
      validationLoss: record.validationLoss,
      validationAccuracy: record.validationMetrics?.accuracy,
    })),
    seconds: training.seconds,
    testAccuracy: testAccuracyOf(training.history),
    isBaseline,
  };
}

/** The float weights of every ternary layer with the trits that the forward pass makes of them. */
async function layerWeightsOf(module: Module): Promise<LayerWeights[]> {
  const layers: LayerWeights[] = [];
  for (const [path, layer] of module.namedModules()) {
    if (!(layer instanceof BitLinear || layer instanceof BitConv2d)) continue;
    const { trits, scales } = await layer.ternary();
    const [sizes] = layer.describe().split(",");
    layers.push({ name: `${path}: ${sizes}`, weights: layer.weight.value, trits, scales });
  }
  return layers;
}

function mistakesOf(test: Dataset, predictions: Int32Array): MisclassifiedImage[] {
  const mistakes: MisclassifiedImage[] = [];
  for (let sample = 0; sample < predictions.length && mistakes.length < MOST_EXAMPLES; sample++) {
    const image = imageOf(test, sample);
    if (image === undefined) return [];
    const [truth, prediction] = [test.targets[sample], predictions[sample]];
    if (truth !== prediction && prediction >= 0) mistakes.push({ image, truth, prediction });
  }
  return mistakes;
}

/** A sample as a picture, where the samples are gray images with one class each. */
function imageOf({ inputs, inputShape, targetShape }: Dataset, sample: number): GrayscaleImage | undefined {
  const [height, width, channels] = inputShape;
  if (inputShape.length !== 3 || channels !== 1 || targetShape.length > 0) return undefined;
  const size = height * width;
  return grayscaleImage(inputs.subarray(sample * size, (sample + 1) * size), width, height);
}
