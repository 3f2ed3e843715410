import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { checkDataset } from "./dataset.ts";
import { createLogMel } from "./log-mel.ts";
import { loadSpokenDigits, SPOKEN_DIGIT_FEATURES } from "./spoken-digits.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "bitlinear-speech-"));
});
afterEach(() => rm(directory, { recursive: true }));

const noise = Int16Array.from({ length: 3000 }, (_, n) => ((n * n * 7919) % 65536) - 32768);

function wavFile(samples: Int16Array, sampleRate = 8000): Uint8Array {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const write = (tag: string, at: number) => new TextEncoder().encodeInto(tag, new Uint8Array(view.buffer, at, 4));
  write("RIFF", 0);
  write("WAVE", 8);
  write("fmt ", 12);
  write("data", 36);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint16(34, 16, true);
  view.setUint32(40, 2 * samples.length, true);
  for (const [i, sample] of samples.entries()) view.setInt16(44 + 2 * i, sample, true);
  return new Uint8Array(view.buffer);
}

async function put(names: string[], folder = ""): Promise<void> {
  await mkdir(join(directory, folder), { recursive: true });
  for (const name of names) await writeFile(join(directory, folder, name), wavFile(noise));
}

test.each(["", "recordings", "free-spoken-digit-dataset/recordings"])(
  "recordings in %o are split by take",
  async (folder) => {
    await put(
      ["3_theo_5.wav", "10_theo_7.wav", "3_ann_10.wav", "0_theo_49.wav", "3_theo_4.wav", "9_ann_0.wav"],
      folder,
    );
    await writeFile(join(directory, folder, "README.md"), "not a recording");
    const { train, test } = await loadSpokenDigits(directory);
    expect(checkDataset(train).targets).toEqual(Int32Array.of(0, 3, 3));
    expect(checkDataset(test).targets).toEqual(Int32Array.of(3, 9));
    expect(train.inputShape).toEqual([64, 32, 1]);
    const expected = createLogMel(SPOKEN_DIGIT_FEATURES)(Float32Array.from(noise, (sample) => sample / 32768));
    expect(test.inputs.subarray(0, 64 * 32)).toEqual(expected);
  },
);

test("takes stand by digit, speaker and number, whatever the order of the files", async () => {
  const inOrder = ["1_ann_7", "1_theo_5", "1_theo_9", "1_theo_10", "1_theo_49", "2_ann_6"];
  const lengthOf = (name: string) => 400 * (1 + inOrder.indexOf(name)); // tells them apart
  const soundOf = (name: string) => noise.subarray(0, lengthOf(name));
  await put(["1_theo_0.wav"]);
  for (const name of ["1_theo_9", "1_theo_49", "2_ann_6", "1_theo_5", "1_theo_10", "1_ann_7"]) {
    await writeFile(join(directory, `${name}.wav`), wavFile(soundOf(name)));
  }
  const { train } = await loadSpokenDigits(directory);
  const logMel = createLogMel(SPOKEN_DIGIT_FEATURES);
  const expected = inOrder.flatMap((name) => [...logMel(Float32Array.from(soundOf(name), (sample) => sample / 32768))]);
  expect(train.inputs).toEqual(Float32Array.from(expected));
});

test("a directory without recordings of both splits is refused", async () => {
  await expect(loadSpokenDigits(directory)).rejects.toThrow(/found 0 to train on and 0 to test on/);
  await put(["1_theo_5.wav"]);
  await expect(loadSpokenDigits(directory)).rejects.toThrow(FileError);
  await expect(loadSpokenDigits(directory)).rejects.toThrow(/found 1 to train on and 0 to test on/);
});

test("a file instead of a directory is refused", async () => {
  await put(["1_theo_5.wav"]);
  await expect(loadSpokenDigits(join(directory, "1_theo_5.wav"))).rejects.toThrow(FileError);
  await writeFile(join(directory, "recordings"), "");
  await expect(loadSpokenDigits(directory)).rejects.toThrow(/recordings: cannot be listed/);
});

test("a recording of another rate, and a damaged one, are refused by name", async () => {
  await put(["1_theo_5.wav", "1_theo_0.wav"]);
  await writeFile(join(directory, "1_theo_0.wav"), wavFile(noise, 16_000));
  await expect(loadSpokenDigits(directory)).rejects.toThrow(/1_theo_0\.wav: expected 8000 samples a second, got 16000/);
  await writeFile(join(directory, "1_theo_5.wav"), wavFile(noise).subarray(0, 100));
  await expect(loadSpokenDigits(directory)).rejects.toThrow(
    /1_theo_5\.wav, byte 40: the chunk "data" claims 6000 bytes/,
  );
});
