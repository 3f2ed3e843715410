/**
 * MNIST: 60,000 handwritten digits to learn from and 10,000 to measure on, 28 x 28 grey levels.
 *
 * LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.
 */
import { FileError } from "../core/errors.ts";
import { formatShape } from "../core/shape.ts";
import { type IdxArray, readIdx } from "../files/index.ts";
import { findInDirectory } from "./data-directory.ts";
import type { Dataset, DatasetSplit } from "./dataset.ts";

const MNIST_IMAGE_SIZE = 28;

/** Names of the four files, without the `.gz` they may end with. */
const FILES = {
  trainImages: "train-images-idx3-ubyte",
  trainLabels: "train-labels-idx1-ubyte",
  testImages: "t10k-images-idx3-ubyte",
  testLabels: "t10k-labels-idx1-ubyte",
} as const;

/** Folders inside the given directory in which the files may lie. */
const FOLDERS = ["", "mnist/", "MNIST/raw/"];

/**
 * Loads MNIST, or a set published in the same four files, from a directory or its folder `mnist`: inputs
 * `[count, 28, 28, 1]` in [0, 1], targets 0 to 9. The files may be plain or gzipped, `name-idx3-ubyte` or
 * `name.idx3-ubyte`. Node only.
 *
 * @throws FileError that lists the files that are missing, or says where one is damaged
 */
export async function loadMnist(directory: string): Promise<DatasetSplit> {
  const names = Object.values(FILES);
  const paths = await Promise.all(names.map((name) => findInDirectory(directory, candidatesFor(name))));
  const missing = names.filter((_, i) => paths[i] === null);
  if (missing.length > 0) {
    throw new FileError(
      `MNIST is incomplete here, missing: ${missing.map((name) => `${name}(.gz)`).join(", ")}; ` +
        "give the directory that holds the four idx files, or download them",
      { file: directory },
    );
  }
  const [trainImages, trainLabels, testImages, testLabels] = paths.filter((path) => path !== null);
  return {
    train: await loadPart("MNIST, training", trainImages, trainLabels),
    test: await loadPart("MNIST, test", testImages, testLabels),
  };
}

function candidatesFor(name: string): string[] {
  const spellings = [name, name.replace("-idx", ".idx")];
  return FOLDERS.flatMap((folder) => spellings.flatMap((spelling) => [folder + spelling, `${folder}${spelling}.gz`]));
}

async function loadPart(name: string, imagesPath: string, labelsPath: string): Promise<Dataset> {
  const images = await readIdx(imagesPath);
  const labels = await readIdx(labelsPath);
  const [count, ...imageShape] = images.shape;
  const expected = [count, MNIST_IMAGE_SIZE, MNIST_IMAGE_SIZE];
  if (imageShape.length !== 2 || imageShape.some((size) => size !== MNIST_IMAGE_SIZE)) {
    const message = `expected images of shape ${formatShape(expected)}, got ${formatShape(images.shape)}`;
    throw new FileError(message, { file: imagesPath, offset: 4 });
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    const message = `expected one label for each of the ${count} images, got shape ${formatShape(labels.shape)}`;
    throw new FileError(message, { file: labelsPath, offset: 4 });
  }
  return {
    name,
    inputs: toUnitRange(images),
    inputShape: [MNIST_IMAGE_SIZE, MNIST_IMAGE_SIZE, 1],
    targets: toClasses(labels, labelsPath),
    targetShape: [],
    classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
  };
}

function toUnitRange({ values }: IdxArray): Float32Array {
  const levels = Float32Array.from({ length: 256 }, (_, level) => level / 255);
  const inputs = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) inputs[i] = levels[values[i]];
  return inputs;
}

function toClasses({ values }: IdxArray, file: string): Int32Array {
  const wrong = values.findIndex((label) => label > 9);
  if (wrong !== -1)
    throw new FileError(`expected a label of 0 to 9, got ${values[wrong]}`, { file, offset: 8 + wrong });
  return Int32Array.from(values);
}
