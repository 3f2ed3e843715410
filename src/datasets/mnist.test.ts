import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { checkDataset } from "./dataset.ts";
import { loadMnist } from "./mnist.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "bitlinear-mnist-"));
});
afterEach(() => rm(directory, { recursive: true }));

function imageFile(count: number, size = 28): Uint8Array {
  const pixels = Array.from({ length: count * size * size }, (_, i) => i % 256);
  return Uint8Array.from([0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, size, 0, 0, 0, size, ...pixels]);
}

function labelFile(labels: number[]): Uint8Array {
  return Uint8Array.from([0, 0, 8, 1, 0, 0, 0, labels.length, ...labels]);
}

async function put(name: string, bytes: Uint8Array): Promise<void> {
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, name.endsWith(".gz") ? gzipSync(bytes) : bytes);
}

async function putAll(name: (base: string) => string): Promise<void> {
  await put(name("train-images-idx3-ubyte"), imageFile(3));
  await put(name("train-labels-idx1-ubyte"), labelFile([5, 0, 9]));
  await put(name("t10k-images-idx3-ubyte"), imageFile(2));
  await put(name("t10k-labels-idx1-ubyte"), labelFile([7, 2]));
}

test.each<[string, (base: string) => string]>([
  ["plain", (base) => base],
  ["gzipped", (base) => `${base}.gz`],
  ["dotted", (base) => base.replace("-idx", ".idx")],
  ["dotted and gzipped", (base) => `${base.replace("-idx", ".idx")}.gz`],
  ["in the folder mnist", (base) => `mnist/${base}.gz`],
  ["where torchvision puts them", (base) => `MNIST/raw/${base}`],
])("MNIST is loaded from files that are %s", async (_, name) => {
  await putAll(name);
  const { train, test } = await loadMnist(directory);
  expect(checkDataset(train).targets).toEqual(Int32Array.of(5, 0, 9));
  expect(checkDataset(test).targets).toEqual(Int32Array.of(7, 2));
  expect(train.inputShape).toEqual([28, 28, 1]);
  expect(train.inputs).toEqual(Float32Array.from({ length: 3 * 784 }, (_, i) => (i % 256) / 255));
});

test("what is missing is listed", async () => {
  await putAll((base) => base);
  await rm(join(directory, "train-labels-idx1-ubyte"));
  await rm(join(directory, "t10k-images-idx3-ubyte"));
  await expect(loadMnist(directory)).rejects.toThrow(FileError);
  await expect(loadMnist(directory)).rejects.toThrow(
    "missing: train-labels-idx1-ubyte(.gz), t10k-images-idx3-ubyte(.gz); give the directory",
  );
});

test("a directory that does not exist is said to be so", async () => {
  await expect(loadMnist(join(directory, "nowhere"))).rejects.toThrow(/nowhere: the data directory cannot be read/);
});

test.each<[string, string, Uint8Array, RegExp]>([
  [
    "images of another size",
    "train-images-idx3-ubyte",
    imageFile(3, 27),
    /byte 4: .* \[3, 28, 28\], got \[3, 27, 27\]/,
  ],
  ["labels instead of images", "t10k-images-idx3-ubyte", labelFile([1, 2]), /got \[2\]/],
  ["a label too few", "train-labels-idx1-ubyte", labelFile([1, 2]), /each of the 3 images, got shape \[2\]/],
  ["a label beyond 9", "t10k-labels-idx1-ubyte", labelFile([1, 10]), /byte 9: expected a label of 0 to 9, got 10/],
])("%s are refused", async (_, name, bytes, message) => {
  await putAll((base) => base);
  await put(name, bytes);
  await expect(loadMnist(directory)).rejects.toThrow(FileError);
  await expect(loadMnist(directory)).rejects.toThrow(message);
});
