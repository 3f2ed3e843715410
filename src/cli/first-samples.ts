/** Less of a data set, for a quick look. */
import { type Dataset, type DatasetSplit, sampleCount, subset } from "../datasets/index.ts";

/** How many samples of each split are wanted; all where undefined. */
export interface SampleLimits {
  readonly trainSamples: number | undefined;
  readonly testSamples: number | undefined;
}

/** The first samples of each split, over the same memory. */
export function firstSamples({ train, test }: DatasetSplit, limits: SampleLimits): DatasetSplit {
  return { train: firstOf(train, limits.trainSamples), test: firstOf(test, limits.testSamples) };
}

function firstOf(dataset: Dataset, count: number | undefined): Dataset {
  return count === undefined ? dataset : subset(dataset, 0, Math.min(count, sampleCount(dataset)));
}
