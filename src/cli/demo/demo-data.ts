/** What the demo trains on. */
import { homedir } from "node:os";
import { join } from "node:path";
import { type DatasetSplit, downloadMnist, loadMnist, syntheticDigits } from "../../datasets/index.ts";
import { firstSamples, type SampleLimits } from "../first-samples.ts";
import type { Output } from "../output.ts";

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
  /** Where the command line does not say. */
  readonly epochs: number;
}

/** A minute of training in all, on two cores, or half of one. */
const EPOCHS = { digits: 8, mnist: 5 } as const;

/** The embedded digits, MNIST from a directory, or MNIST from the network; the first samples of each where fewer are asked for. */
export async function loadDemoData(options: DemoDataOptions, output: Output): Promise<DemoData> {
  const { data, download, cache = defaultCacheDirectory(), trainSamples, testSamples, seed } = options;
  if (download) await downloadTo(cache, output);
  const directory = download ? cache : data;
  if (directory === undefined) {
    const sizes = { ...(trainSamples && { train: trainSamples }), ...(testSamples && { test: testSamples }) };
    return { id: "digits", split: syntheticDigits({ seed, ...sizes }), epochs: EPOCHS.digits };
  }
  const split = firstSamples(await loadMnist(directory), options);
  return { id: "mnist", split, epochs: EPOCHS.mnist };
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
      if (receivedBytes === totalBytes) output.note(`  ${file}: ${totalBytes.toLocaleString("en-US")} bytes`);
    },
  });
}
