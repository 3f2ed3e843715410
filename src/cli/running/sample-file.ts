/** Samples from files: .npy, idx or CSV, told apart by their first bytes. */
import { FileError } from "../../core/errors.ts";
import { elementCount, formatShape, type Shape } from "../../core/shape.ts";
import { isGzip, npyToFloat32, parseCsv, parseNpy, readBytes, unpackIdx } from "../../files/index.ts";

/** The array of a file. */
export interface ArrayFile {
  readonly file: string;
  /** As the file states it; a CSV file has rows and columns. */
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** Samples that fit a model. */
export interface Samples {
  readonly count: number;
  readonly sampleShape: Shape;
  /** `[count, ...sampleShape]`, row-major */
  readonly values: Float32Array;
}

/** Byte values of idx files become what training saw: 0 to 1. */
const IDX_DIVISOR = 255;

const MAX_BYTE_LENGTH = 2 ** 30;

/**
 * Reads an array.
 *
 * @param divisor of every value; without it 255 for idx files and 1 for others
 * @throws FileError when the file is absent, longer than 1 GiB, damaged or of another kind
 */
export async function readArrayFile(file: string, divisor?: number): Promise<ArrayFile> {
  const { bytes } = await readBytes(file, { maxByteLength: MAX_BYTE_LENGTH });
  if (startsWith(bytes, [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59])) {
    const npy = parseNpy(bytes, file);
    return { file, shape: npy.shape, values: divided(npyToFloat32(npy), divisor) };
  }
  if (startsWith(bytes, [0, 0]) || isGzip(bytes)) {
    const { shape, values } = await unpackIdx(bytes, file);
    return { file, shape, values: divided(Float32Array.from(values), divisor ?? IDX_DIVISOR) };
  }
  if (bytes.subarray(0, 512).includes(0)) {
    throw new FileError("expected an .npy, idx or CSV file; its bytes are none of these", { file, offset: 0 });
  }
  const { rowCount, columnCount, values } = parseCsv(bytes, file);
  return { file, shape: [rowCount, columnCount], values: divided(values, divisor) };
}

/**
 * The samples of an array, as a model takes them.
 *
 * @param modelShape of one sample, null for sizes that may vary; undefined when the model does not know
 * @throws FileError when the array is empty or holds samples of another size
 */
export function samplesFor(array: ArrayFile, modelShape: readonly (number | null)[] | undefined): Samples {
  const { file, shape, values } = array;
  if (values.length === 0)
    throw new FileError(`expected one or more samples, got shape ${formatShape(shape)}`, { file });
  const [count = 1, ...rest] = shape;
  const fits = (sample: Shape) => fitsModel(sample, modelShape);
  if (shape.length > 0 && fits(rest)) return { count, sampleShape: rest, values };
  if (fits(shape)) return { count: 1, sampleShape: shape, values };
  throw new FileError(describeMisfit(shape, modelShape ?? []), { file });
}

/** Sizes that a model fixes may stand in any arrangement, as [28, 28, 1] for [784]; sizes that vary must stand in their place. */
function fitsModel(sample: Shape, modelShape: readonly (number | null)[] | undefined): boolean {
  if (modelShape === undefined) return true;
  const fixed = modelShape.filter((size) => size !== null);
  if (fixed.length === modelShape.length) return elementCount(sample) === elementCount(fixed);
  return sample.length === modelShape.length && modelShape.every((size, i) => size === null || size === sample[i]);
}

function describeMisfit([count = 1, ...rest]: Shape, modelShape: readonly (number | null)[]): string {
  const wanted = `[${modelShape.map((size) => size ?? "any").join(", ")}]`;
  const needs = modelShape.reduce<number>((product, size) => product * (size ?? 1), 1);
  const found = elementCount(rest);
  const advice =
    found === needs + 1
      ? "take out the column with the classes, and pass it with --labels"
      : "give samples of that shape";
  const values = modelShape.includes(null) ? "" : ` (${needs} values)`;
  return `the model takes samples of shape ${wanted}${values}, the file holds ${count} of shape ${formatShape(rest)} (${found} values): ${advice}`;
}

function divided(values: Float32Array, divisor = 1): Float32Array {
  return divisor === 1 ? values : values.map((value) => value / divisor);
}

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, i) => bytes[i] === byte);
}
