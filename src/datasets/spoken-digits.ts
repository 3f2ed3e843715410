/**
 * The Free Spoken Digit Dataset: 3,000 recordings of the digits 0 to 9 by six speakers, 8 kHz.
 *
 * Jackson et al., "Free Spoken Digit Dataset", 2018, doi:10.5281/zenodo.1342401.
 */
import { FileError } from "../core/errors.ts";
import { nodeModule, parseWav, readFileBytes } from "../files/index.ts";
import { findInDirectory, reasonOf } from "./data-directory.ts";
import type { Dataset, DatasetSplit } from "./dataset.ts";
import { createLogMel, type LogMelOptions } from "./log-mel.ts";

/** The features of a recording: 64 frames, one each 16 ms (1.03 s in all), of 32 bands. */
export const SPOKEN_DIGIT_FEATURES: Readonly<LogMelOptions> = {
  sampleRate: 8000,
  frames: 64,
  mels: 32,
  windowSize: 256,
  hop: 128,
};

/** The official test split: these takes of every speaker and digit. */
const TEST_TAKES = 5;

/** A minute of sound; the longest recording has 2.3 seconds. */
const MAX_WAV_BYTE_LENGTH = 2 ** 20;

interface Take {
  readonly digit: number;
  readonly speaker: string;
  readonly index: number;
  readonly fileName: string;
}

/**
 * Loads the recordings `{digit}_{speaker}_{index}.wav` of a directory (or its folder `recordings`, or
 * `free-spoken-digit-dataset/recordings`) as log-mel features: inputs `[count, 64, 32, 1]`, targets 0 to 9. The test
 * split is the official one, index 0 to 4 of each speaker and digit. Node only.
 *
 * @throws FileError when a split has no recording, or a file is damaged or is not 8 kHz mono 16-bit PCM
 */
export async function loadSpokenDigits(directory: string): Promise<DatasetSplit> {
  const { readdir } = nodeModule("node:fs/promises", directory);
  const folders = ["free-spoken-digit-dataset/recordings", "recordings"];
  const folder = (await findInDirectory(directory, folders)) ?? directory;
  const fileNames = await readdir(folder).catch((cause: unknown) => {
    throw new FileError(`cannot be listed (${reasonOf(cause)})`, { file: folder }, { cause });
  });
  const takes = parseTakes(fileNames);
  const train = takes.filter(({ index }) => index >= TEST_TAKES);
  const test = takes.filter(({ index }) => index < TEST_TAKES);
  if (train.length === 0 || test.length === 0) {
    throw new FileError(
      `expected recordings {digit}_{speaker}_{index}.wav of both splits, found ${train.length} to train on and ` +
        `${test.length} to test on; give the directory of the Free Spoken Digit Dataset`,
      { file: folder },
    );
  }
  return {
    train: await loadTakes("spoken digits, training", folder, train),
    test: await loadTakes("spoken digits, test", folder, test),
  };
}

/** The takes among `fileNames`, in an order that no file system changes: by digit, speaker and index. */
function parseTakes(fileNames: readonly string[]): Take[] {
  const takes = fileNames.flatMap((fileName): Take[] => {
    const [, digit, speaker, index] = /^([0-9])_([a-z]+)_([0-9]{1,6})\.wav$/.exec(fileName) ?? [];
    return digit === undefined ? [] : [{ digit: Number(digit), speaker, index: Number(index), fileName }];
  });
  const bySpeaker = (a: Take, b: Take) => (a.speaker < b.speaker ? -1 : a.speaker > b.speaker ? 1 : 0);
  return takes.sort((a, b) => a.digit - b.digit || bySpeaker(a, b) || a.index - b.index);
}

async function loadTakes(name: string, folder: string, takes: readonly Take[]): Promise<Dataset> {
  const { join } = nodeModule("node:path", folder);
  const { sampleRate, frames, mels } = SPOKEN_DIGIT_FEATURES;
  const logMel = createLogMel(SPOKEN_DIGIT_FEATURES);
  const inputs = new Float32Array(takes.length * frames * mels);
  for (const [i, { fileName }] of takes.entries()) {
    const path = join(folder, fileName);
    const recording = parseWav(await readFileBytes(path, { maxByteLength: MAX_WAV_BYTE_LENGTH }), path);
    if (recording.sampleRate !== sampleRate) {
      throw new FileError(`expected ${sampleRate} samples a second, got ${recording.sampleRate}`, { file: path });
    }
    inputs.set(logMel(recording.samples), i * frames * mels);
  }
  return {
    name,
    inputs,
    inputShape: [frames, mels, 1],
    targets: Int32Array.from(takes, ({ digit }) => digit),
    targetShape: [],
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
  };
}
