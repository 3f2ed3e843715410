/** Data sets in the layout of the published ones, but a few samples small, for programs that read a data directory. */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Dataset, DIGIT_IMAGE_SIZE, syntheticDigits } from "../../src/datasets/index.ts";

/** Writes all three data sets into a fresh directory and gives its path; the caller removes it. */
export async function writeSmallData(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "bitlinear-data-"));
  await writeMnist(join(directory, "mnist"));
  await writeSpokenDigits(join(directory, "recordings"));
  await writeFile(join(directory, "input.txt"), "What's in a name? That which we call a rose\n".repeat(150));
  return directory;
}

async function writeMnist(directory: string): Promise<void> {
  await mkdir(directory);
  const { train, test } = syntheticDigits({ train: 200, test: 200 });
  for (const [prefix, part] of [["train", train] as const, ["t10k", test] as const]) {
    await writeFile(join(directory, `${prefix}-images-idx3-ubyte`), idxImages(part));
    const labels = idx([part.targets.length], Uint8Array.from(part.targets));
    await writeFile(join(directory, `${prefix}-labels-idx1-ubyte`), labels);
  }
}

function idxImages({ inputs, targets }: Dataset): Uint8Array {
  const levels = Uint8Array.from(inputs, (value) => Math.round(value * 255));
  return idx([targets.length, DIGIT_IMAGE_SIZE, DIGIT_IMAGE_SIZE], levels);
}

/** Two zeros, the type of unsigned bytes, the rank, the sizes, the values. */
function idx(shape: readonly number[], values: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint32(0, 0x0800 + shape.length);
  for (const [i, size] of shape.entries()) header.setUint32(4 + 4 * i, size);
  return Uint8Array.from([...new Uint8Array(header.buffer), ...values]);
}

/** Nine takes of each digit by one speaker: a tone whose height tells the digit. */
async function writeSpokenDigits(directory: string): Promise<void> {
  await mkdir(directory);
  for (let digit = 0; digit < 10; digit++) {
    for (let take = 0; take < 9; take++) {
      const samples = Int16Array.from({ length: 2000 + 100 * take }, (_, i) =>
        Math.round(8000 * Math.sin((2 * Math.PI * (300 + 300 * digit) * i) / 8000)),
      );
      await writeFile(join(directory, `${digit}_tone_${take}.wav`), wav(samples));
    }
  }
}

/** One channel of 16-bit PCM at 8 kHz. */
function wav(samples: Int16Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(44 + samples.byteLength));
  const tag = (offset: number, text: string) => {
    for (let i = 0; i < text.length; i++) view.setUint8(offset + i, text.charCodeAt(i));
  };
  tag(0, "RIFF");
  view.setUint32(4, 36 + samples.byteLength, true);
  tag(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, 8000, true);
  view.setUint32(28, 16_000, true); // bytes a second
  view.setUint16(32, 2, true); // bytes a frame
  view.setUint16(34, 16, true); // bits
  tag(36, "data");
  view.setUint32(40, samples.byteLength, true);
  for (const [i, sample] of samples.entries()) view.setInt16(44 + 2 * i, sample, true);
  return new Uint8Array(view.buffer);
}
