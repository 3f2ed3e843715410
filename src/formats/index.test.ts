/** Every storage format: trits and scales come back, sizes are as stated, and what is no packed matrix is refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  expectSameMatrix,
  expectSameTrits,
  matricesFor,
  shapesFor,
  unpacked,
  widenedFor,
} from "../../test/support/format-matrices.ts";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import { granularityOf, type MatrixShape, scaleCountOf, type TernaryMatrix } from "../core/ternary-matrix.ts";
import { type Format, formatById, formats, modelFormatById, modelFormats } from "./index.ts";

describe.each(formats)("$id", (format) => {
  test("gives the matrix back, at every size", () => {
    fc.assert(
      fc.property(matricesFor(format), (matrix) => {
        const bytes = format.pack(matrix);
        expect(bytes.length).toBe(format.byteLength(matrix));
        expectSameMatrix(unpacked(format, bytes, matrix), matrix);
      }),
    );
  });

  test("gives any of its rows", () => {
    fc.assert(
      fc.property(matricesFor(format), fc.nat(), fc.nat(), (matrix, a, b) => {
        const { outFeatures, inFeatures, trits } = matrix;
        const first = a % outFeatures;
        const count = 1 + (b % (outFeatures - first));
        const rows = format.unpackRows(format.pack(matrix), matrix, first, count);
        const expected = trits.slice(first * inFeatures, (first + count) * inFeatures);
        expectSameTrits(rows, expected);
        const into = new Int8Array(expected.length + 5).fill(7);
        const given = format.unpackRows(format.pack(matrix), matrix, first, count, into);
        expect(given.buffer).toBe(into.buffer);
        expectSameTrits(given, expected);
        expectSameTrits(into.subarray(expected.length), new Int8Array(5).fill(7));
        for (const offset of [1, 2, 3]) {
          const place = new Int8Array(offset + expected.length + 1).fill(7);
          expectSameTrits(
            format.unpackRows(format.pack(matrix), matrix, first, count, place.subarray(offset)),
            expected,
          );
          expectSameTrits(place, Int8Array.of(...new Array<number>(offset).fill(7), ...expected, 7));
        }
        const small = new Int8Array(expected.length - 1);
        expect(() => format.unpackRows(format.pack(matrix), matrix, first, count, small)).toThrow("of space");
      }),
    );
  });

  test("reads bytes and trits at any place in memory", () => {
    fc.assert(
      fc.property(matricesFor(format), fc.integer({ min: 0, max: 7 }), (matrix, offset) => {
        const trits = new Int8Array(matrix.trits.length + offset).subarray(offset);
        trits.set(matrix.trits);
        const bytes = new Uint8Array(format.byteLength(matrix) + offset).subarray(offset);
        bytes.set(format.pack({ ...matrix, trits }));
        expect(Buffer.compare(bytes, format.pack(matrix))).toBe(0);
        expectSameMatrix(unpacked(format, bytes, matrix), matrix);
      }),
    );
  });

  test("takes bitsPerWeight a weight, its scales, and little more", () => {
    const scaleBytes = format.scales === "beside" ? 0 : format.granularities.includes("per-tensor") ? 32 : 2;
    for (const outFeatures of [1, 4, 12]) {
      for (const inFeatures of [1, 4, 5, 19, 20, 21, 63, 64, 65, 4096]) {
        const shape = widenedFor(format, { outFeatures, inFeatures });
        const scales = scaleBytes * scaleCountOf(shape, format.granularities[0], format.groupSize) * 8;
        const bits = format.byteLength(shape) * 8;
        const weights = outFeatures * shape.inFeatures * format.bitsPerWeight;
        expect(bits).toBeGreaterThanOrEqual(weights + (format.scales === "inside" ? scales : 0));
        // A row ends within its last two bytes, a matrix of fewer than four rows in quarters that are not full.
        expect(bits).toBeLessThanOrEqual(
          weights + (format.scales === "inside" ? scales : 0) + outFeatures * 16 + 3 * 2 * shape.inFeatures,
        );
      }
    }
  });

  test("checks bytes without unpacking them, and unpacks only what passes", () => {
    fc.assert(
      fc.property(
        matricesFor(format),
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.nat(),
        (matrix, random, place) => {
          const packed = format.pack(matrix);
          format.check(packed, matrix);
          const damaged = packed.slice();
          damaged.set(random.subarray(0, packed.length), place % Math.max(1, packed.length - random.length));
          for (const bytes of [random, damaged]) {
            const problem = messageOf(() => format.check(bytes, matrix));
            expect(messageOf(() => format.unpack(bytes, matrix))).toBe(problem);
          }
        },
      ),
    );
  });

  test("refuses what is no matrix", () => {
    const matrix = matrixFor(format, [1, 0, -1]);
    const bytes = format.pack(matrix);
    const { trits, outFeatures, inFeatures } = matrix;
    const refusedMatrices: TernaryMatrix[] = [
      { ...matrix, trits: trits.slice(1) },
      { ...matrix, outFeatures: 0 },
      { ...matrix, inFeatures: 1.5 },
      { ...matrix, scales: Float32Array.of(Number.NaN) },
      { ...matrix, scales: Float32Array.of(1, 2) },
      { ...matrix, groupSize: 2 },
      { ...matrix, groupSize: 0 },
    ];
    for (const refused of refusedMatrices) expect(() => format.pack(refused)).toThrow(ShapeError);
    const refusedShapes: MatrixShape[] = [
      { outFeatures: -1, inFeatures: -inFeatures },
      { outFeatures: 0.5, inFeatures: 2 * inFeatures },
      { outFeatures: 1, inFeatures: Number.NaN },
      { outFeatures: 0, inFeatures },
      { outFeatures: 9 * outFeatures, inFeatures },
      { outFeatures: 2 ** 30, inFeatures: 2 ** 30 },
    ];
    for (const shape of refusedShapes) expect(() => format.unpack(bytes, shape)).toThrow(ShapeError);
    expect(() => format.unpack(new Uint8Array(0), matrix)).toThrow("got 0");
  });

  test("refuses every value that is no trit, at any place", () => {
    const matrix = matrixFor(format, new Array(21).fill(0));
    for (let value = -128; value < 128; value++) {
      if (Math.abs(value) < 2) continue;
      for (const place of [0, 1, 2, 3, 17, matrix.trits.length - 1]) {
        const trits = matrix.trits.slice();
        trits[place] = value;
        expect(() => format.pack({ ...matrix, trits })).toThrow(`a trit must be -1, 0 or 1, got ${value}`);
        trits.fill(-1);
        trits[place] = value;
        expect(() => format.pack({ ...matrix, trits })).toThrow(ShapeError);
      }
    }
  });

  test("names the first byte that stands for no trits or scale", () => {
    const matrix = { ...matrixFor(format, new Array(20).fill(1)), scales: Float32Array.of(0.5) };
    const packed = format.pack(matrix);
    let refused = 0;
    for (let i = 0; i < packed.length * 256; i++) {
      const at = i >> 8;
      const bytes = packed.slice();
      bytes[at] = i & 0xff;
      const problem = messageOf(() => format.check(bytes, matrix));
      if (problem === undefined) continue; // a byte of trits or of a scale, or one that no reader looks at
      refused++;
      const told = Number(/byte (\d+)/.exec(problem)?.[1]);
      expect(at - told, problem).toBeOneOf([0, 1, 2, 3]); // bytes before it where it is not the first of a word or a scale
    }
    expect(refused).toBeGreaterThan(0);
  });

  test("says why it cannot hold a shape", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }), (outFeatures, inFeatures) => {
        const shape = { outFeatures, inFeatures };
        const limit = format.limit(shape);
        if (limit === undefined) {
          expect(format.byteLength(shape)).toBeGreaterThan(0);
          return;
        }
        expect(limit).toContain("must be a multiple of");
        expect(() => format.byteLength(shape)).toThrow(`${format.id} ${limit}`);
        expect(() => format.check(new Uint8Array(9), shape)).toThrow(limit);
        const matrix = { ...shape, trits: new Int8Array(outFeatures * inFeatures), scales: Float32Array.of(1) };
        expect(() => format.pack(matrix)).toThrow(limit);
      }),
    );
  });

  test("has every size from the shape alone", () => {
    fc.assert(
      fc.property(shapesFor(format), (shape) => {
        const trits = new Int8Array(shape.outFeatures * shape.inFeatures);
        expect(format.pack({ ...shape, trits, scales: Float32Array.of(1) }).length).toBe(format.byteLength(shape));
      }),
    );
  });
});

test.each(formats.filter(({ scales }) => scales === "beside"))("$id takes scales from beside its bytes", (format) => {
  const matrix = matrixFor(format, [1, 0, -1]);
  const bytes = format.pack(matrix);
  expect(format.unpack(bytes, matrix)).toEqual({ ...matrix, scales: Float32Array.of(1) });
  expect(() => format.unpack(bytes, matrix, Float32Array.of(1, 2))).toThrow("scales must hold");
  expect(() => format.unpack(bytes, matrix, Float32Array.of(2 ** -101))).toThrow("2^-100");
  expect(() => format.scalesOf(bytes, matrix)).toThrow("beside the bytes");
});

test.each(formats.filter(({ scales }) => scales === "inside"))("$id has its scales inside its bytes", (format) => {
  fc.assert(
    fc.property(matricesFor(format), (matrix) => {
      const bytes = format.pack(matrix);
      const { scales, groupSize } = format.scalesOf(bytes, matrix);
      expect(scales).toEqual(matrix.scales);
      expect(groupSize).toBe(matrix.groupSize);
      expect(granularityOf(format.unpack(bytes, matrix))).toBe(granularityOf(matrix));
      expect(() => format.unpack(bytes, matrix, scales)).toThrow("inside the bytes");
      expect(() => format.scalesOf(bytes.subarray(1), matrix)).toThrow(`got ${bytes.length - 1}`);
    }),
  );
});

test("model files take the formats with one scale, or one per row, beside the bytes", () => {
  expect(modelFormats.map(({ id }) => id)).toEqual(["base3", "i2", "bittorch2", "hf_base3", "bitnetmcu"]);
  for (const { id } of modelFormats) expect(modelFormatById(id).id).toBe(id);
  const others = formats.filter((format) => !modelFormats.includes(format));
  for (const { id } of others) {
    expect(() => modelFormatById(id)).toThrow(UnsupportedError);
    expect(() => modelFormatById(id)).toThrow(/model files cannot hold .* choose one of: base3, i2, /);
  }
  expect(() => modelFormatById("int4")).toThrow('there is no format "int4"; choose one of: base3, i2, bittorch2');
});

test("an unknown format is refused with the names there are", () => {
  expect(() => formatById("int4")).toThrow(UnsupportedError);
  expect(() => formatById("int4")).toThrow(formats.map(({ id }) => id).join(", "));
});

test("4096 x 4096 in base3 with a scale for each row takes at most 3.40 MB", () => {
  const shape = { outFeatures: 4096, inFeatures: 4096 };
  const trits = Int8Array.from({ length: 4096 * 4096 }, (_, i) => (((i * 2654435761) >>> 8) % 3) - 1);
  const matrix = { ...shape, trits, scales: new Float32Array(4096).fill(0.5) };
  const bytes = formatById("base3").pack(matrix);
  expect(bytes.length + matrix.scales.byteLength).toBeLessThanOrEqual(3_400_000);
  // Compared as bytes: a deep comparison of 16 million numbers takes seconds.
  const result = formatById("base3").unpack(bytes, shape, matrix.scales);
  expect(Buffer.compare(Buffer.from(result.trits.buffer), Buffer.from(trits.buffer))).toBe(0);
});

function messageOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof ShapeError) return error.message;
    throw error;
  }
}

/** A row that begins with some trits, filled up with 0 to a size that the format can hold. */
function matrixFor(format: Format, trits: number[]): TernaryMatrix {
  const shape = widenedFor(format, { outFeatures: 1, inFeatures: trits.length });
  const row = new Int8Array(shape.inFeatures);
  row.set(trits);
  return { ...shape, trits: row, scales: Float32Array.of(1) };
}
