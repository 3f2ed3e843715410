/** Matrices that a storage format can hold, for property tests. */
import fc from "fast-check";
import { expect } from "vitest";
import {
  type MatrixShape,
  type ScaleGranularity,
  scaleCountOf,
  type TernaryMatrix,
} from "../../src/core/ternary-matrix.ts";
import type { Format } from "../../src/formats/index.ts";

/** A shape with as many more columns as a format needs to hold it. */
export function widenedFor({ limit }: Pick<Format, "limit">, { outFeatures, inFeatures }: MatrixShape): MatrixShape {
  let columns = inFeatures;
  while (limit({ outFeatures, inFeatures: columns }) !== undefined) columns++;
  return { outFeatures, inFeatures: columns };
}

/** Odd shapes, widened to those that the format can hold. */
export function shapesFor(format: Pick<Format, "limit">): fc.Arbitrary<MatrixShape> {
  const inFeatures = fc.oneof(
    { arbitrary: fc.integer({ min: 1, max: 70 }), weight: 4 },
    { arbitrary: fc.integer({ min: 120, max: 520 }), weight: 1 },
  );
  return fc
    .record({ outFeatures: fc.integer({ min: 1, max: 7 }), inFeatures })
    .map((shape) => widenedFor(format, shape));
}

/** Matrices with scales as the format has them, each of which float16 holds. */
export function matricesFor(format: Format): fc.Arbitrary<TernaryMatrix> {
  return shapesFor(format).chain((shape) =>
    fc
      .constantFrom(...format.granularities)
      .chain((granularity) =>
        fc
          .constantFrom(format.groupSize ?? 1 + (shape.inFeatures % 7))
          .chain((groupSize) => matricesOf(shape, granularity, groupSize)),
      ),
  );
}

/** Matrices of a shape. */
export function matricesOf(
  { outFeatures, inFeatures }: MatrixShape,
  granularity: ScaleGranularity,
  groupSize: number,
): fc.Arbitrary<TernaryMatrix> {
  const count = outFeatures * inFeatures;
  const scaleCount = scaleCountOf({ outFeatures, inFeatures }, granularity, groupSize);
  return fc.record({
    outFeatures: fc.constant(outFeatures),
    inFeatures: fc.constant(inFeatures),
    trits: fc.int8Array({ min: -1, max: 1, minLength: count, maxLength: count }),
    scales: fc
      .array(fc.integer({ min: 0, max: 999 }), { minLength: scaleCount, maxLength: scaleCount })
      .map((values) => Float32Array.from(values, (value) => value / 8)),
    ...(granularity === "per-group" && { groupSize: fc.constant(groupSize) }),
  });
}

/** The matrix of some packed bytes, whether its scales are inside them or beside. */
export function unpacked(format: Format, bytes: Uint8Array, matrix: TernaryMatrix): TernaryMatrix {
  if (format.scales === "inside") return format.unpack(bytes, matrix);
  return format.unpack(bytes, matrix, matrix.scales, matrix.groupSize);
}

/** Compares matrices; trits as bytes, because a deep comparison takes a thousand times as long. */
export function expectSameMatrix(actual: TernaryMatrix, expected: TernaryMatrix): void {
  expect({ ...actual, trits: undefined }).toEqual({ ...expected, trits: undefined });
  expectSameTrits(actual.trits, expected.trits);
}

/** Compares trits as bytes. */
export function expectSameTrits(actual: Int8Array, expected: Int8Array): void {
  expect(actual).toBeInstanceOf(Int8Array);
  const at = Buffer.compare(bytesOf(actual), bytesOf(expected)) === 0 ? -1 : firstDifference(actual, expected);
  expect(at, `trit ${at}: expected ${expected[at]}, got ${actual[at]}`).toBe(-1);
}

function bytesOf({ buffer, byteOffset, byteLength }: Int8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function firstDifference(a: Int8Array, b: Int8Array): number {
  const at = a.findIndex((trit, i) => trit !== b[i]);
  return at < 0 ? Math.min(a.length, b.length) : at;
}
