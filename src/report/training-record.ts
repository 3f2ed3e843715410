/** What the report of a training is made from. */
import type { GrayscaleImage } from "./drawing/png.ts";
import type { LayerWeights } from "./plots/histogram.ts";

/** What one epoch of training gave; losses are means over samples, accuracies fractions. */
export interface EpochFigures {
  /** Counted from 1. */
  epoch: number;
  loss: number;
  accuracy: number;
  validationLoss?: number | undefined;
  validationAccuracy?: number | undefined;
}

/** One training. */
export interface TrainingRun {
  /** `"float"`, `"ternary"`, ... */
  name: string;
  history: readonly EpochFigures[];
  seconds: number;
  /** Accuracy of the finished model on the test set, a fraction. */
  testAccuracy?: number | undefined;
  /** The run that the deployed model is compared with. */
  isBaseline?: boolean | undefined;
}

/** Bytes of one layer's parameters. */
export interface LayerMemory {
  layer: string;
  floatBytes: number;
  packedBytes: number;
}

/** What was measured on the deployed model. */
export interface DeployedFigures {
  /** On the test set, a fraction. */
  accuracy: number;
  /** Whether all outputs equal those of the training forward pass in all 32 bits. */
  bitExact: boolean;
  /** Number of outputs that were compared; 0 where none were. */
  comparedValues: number;
  differingValues?: number | undefined;
  /** False for models with operations that differ from training by rounding (float products, exp); true by default. */
  isExactnessPromised?: boolean | undefined;
  /** Largest difference between an output and that of training. */
  largestDifference?: number | undefined;
  /** Packed weights, scales and biases. */
  bytes: number;
  /** The same parameters in float32. */
  floatBytes: number;
  /** Id of the backend that ran. */
  backend: string;
  microsecondsPerSample: number;
}

/** A test image that was taken for another class. */
export interface MisclassifiedImage {
  image: GrayscaleImage;
  /** Index of its class. */
  truth: number;
  /** Index of the class it was taken for. */
  prediction: number;
}

/** Everything the report of a training shows. */
export interface TrainingRecord {
  title: string;
  subtitle?: string | undefined;
  /** When the report was made. */
  generated?: Date | undefined;
  runs: readonly TrainingRun[];
  layers: readonly LayerWeights[];
  memory: readonly LayerMemory[];
  /** `confusion[true class][predicted class]`, counts on the test set. */
  confusion: readonly (readonly number[])[];
  classes: readonly string[];
  deployed: DeployedFigures;
  /** Mistakes of the deployed model; the first sixteen are shown. */
  examples?: readonly MisclassifiedImage[] | undefined;
  /** Node, CPU, versions: what a reader needs to judge the figures. */
  environment: Readonly<Record<string, string>>;
  /** What to type to get this report again. */
  command: string;
}
