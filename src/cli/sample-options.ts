/** Options that commands share which learn from a part of their data. */
import { type Option, wholeNumberOption } from "./options.ts";

/** More than any data set of the program holds; beyond it drawn digits would not fit the memory. */
const MOST_SAMPLES = 1_000_000;

/** `--train-samples` and `--test-samples`. */
export const sampleOptions: {
  readonly trainSamples: Option<number | undefined>;
  readonly testSamples: Option<number | undefined>;
} = {
  trainSamples: sampleOption("learn from"),
  testSamples: sampleOption("measure on"),
};

function sampleOption(verb: string): Option<number | undefined> {
  return wholeNumberOption({ help: `${verb} N samples only, at most 1,000,000`, least: 1, most: MOST_SAMPLES });
}
