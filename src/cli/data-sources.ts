/** Where `bitlinear train` gets its samples: the only place that names the sources. */
import { UnsupportedError } from "../core/errors.ts";
import {
  characterDataset,
  type DatasetSplit,
  loadMnist,
  loadSpokenDigits,
  resolveDataDirectory,
  syntheticDigits,
} from "../datasets/index.ts";
import { firstSamples, type SampleLimits } from "./first-samples.ts";
import { readTextOf } from "./text-file.ts";

/** What is asked of a source. */
export interface DataRequest extends SampleLimits {
  /** What `--data` says: a directory, or a file where the source takes one. */
  readonly location: string | undefined;
  readonly seed: number;
  /** Characters of a sample, where the data are text. */
  readonly sequenceLength: number;
}

/** A source of samples. */
export interface DataSource {
  readonly id: string;
  /** One line for help texts. */
  readonly summary: string;
  /** Whether it reads what `--data` names. */
  readonly readsFiles: boolean;
  /** What a network can learn from it: to tell classes apart, or to predict a text. */
  readonly kind: "classes" | "text";
  /** The samples, no more than are asked for. @throws FileError when files are missing or damaged, UsageError when `--data` is needed and absent */
  load(request: DataRequest): Promise<DatasetSplit>;
}

/** Every source, the one that needs no files first. */
export const dataSources: readonly DataSource[] = [
  {
    id: "digits",
    summary: "handwritten-looking digits that the program draws itself",
    readsFiles: false,
    kind: "classes",
    load: async ({ seed, trainSamples, testSamples }) =>
      syntheticDigits({
        seed,
        ...(trainSamples && { train: trainSamples }),
        ...(testSamples && { test: testSamples }),
      }),
  },
  {
    id: "mnist",
    summary: "handwritten digits: the four MNIST idx files of the directory --data, plain or gzipped",
    readsFiles: true,
    kind: "classes",
    load: async ({ location, ...limits }) => firstSamples(await loadMnist(resolveDataDirectory(location)), limits),
  },
  {
    id: "spoken-digits",
    summary: "spoken digits: the recordings of the Free Spoken Digit Dataset in the directory --data",
    readsFiles: true,
    kind: "classes",
    load: async ({ location, ...limits }) =>
      firstSamples(await loadSpokenDigits(resolveDataDirectory(location)), limits),
  },
  {
    id: "text",
    summary: "text in UTF-8: the file --data, or input.txt in that directory",
    readsFiles: true,
    kind: "text",
    load: async ({ location, sequenceLength, ...limits }) =>
      firstSamples(characterDataset(await readTextOf(resolveDataDirectory(location)), { sequenceLength }), limits),
  },
];

/**
 * The source of a name.
 *
 * @throws UnsupportedError listing the names there are
 */
export function dataSourceById(id: string): DataSource {
  const source = dataSources.find((candidate) => candidate.id === id);
  if (source) return source;
  const ids = dataSources.map((each) => each.id).join(", ");
  throw new UnsupportedError(`there is no data source ${id}; choose one of: ${ids}`);
}
