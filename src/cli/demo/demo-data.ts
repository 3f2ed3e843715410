/** What the demo trains on. */
import { homedir } from "node:os";
import { join } from "node:path";
import { formatCount } from "../../core/number-format.ts";
import { type DatasetSplit, downloadMnist } from "../../datasets/index.ts";
import { dataSourceById } from "../data-sources.ts";
import type { SampleLimits } from "../first-samples.ts";
import type { Output } from "../output.ts";
import { SEQUENCE_LENGTH } from "../presets/index.ts";

/** What the command line says about data. */
export interface DemoDataOptions extends SampleLimits {
  readonly data: string | undefined;
  readonly download: boolean;
  readonly cache: string | undefined;
  readonly seed: number;
}

/** Data, and how long the demo learns from them. */
export interface DemoData {
  /** As the JSON line calls them. */
  readonly id: string;
  readonly split: DatasetSplit;
  /** Where the command line does not say; six times as many samples get fewer. */
  readonly epochs: number;
}

const OWN_DATA = { id: "digits", epochs: 8 } as const;
const GIVEN_DATA = { id: "mnist", epochs: 5 } as const;

/** The embedded digits, MNIST from a directory, or MNIST from the network. */
export async function loadDemoData(options: DemoDataOptions, output: Output): Promise<DemoData> {
  const { data, download, cache = defaultCacheDirectory(), trainSamples, testSamples, seed } = options;
  if (download) await downloadTo(cache, output);
  const location = download ? cache : data;
  const { id, epochs } = location === undefined ? OWN_DATA : GIVEN_DATA;
  const request = { location, seed, trainSamples, testSamples, sequenceLength: SEQUENCE_LENGTH };
  return { id, split: await dataSourceById(id).load(request), epochs };
}

/** Where downloads are kept on this system. */
export function defaultCacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = environment;
  const base = XDG_CACHE_HOME || LOCALAPPDATA || join(homedir(), ".cache");
  return join(base, "bitlinear", "mnist");
}

async function downloadTo(cacheDirectory: string, output: Output): Promise<void> {
  output.note(`MNIST: downloading what ${cacheDirectory} lacks`);
  await downloadMnist({
    cacheDirectory,
    onProgress: ({ file, receivedBytes, totalBytes }) => {
      if (receivedBytes === totalBytes) output.note(`  ${file}: ${formatCount(totalBytes)} bytes`);
    },
  });
}
