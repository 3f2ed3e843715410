/** Every storage format: trits come back, sizes are as stated, and what is no packed matrix is refused. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError, UnsupportedError } from "../core/errors.ts";
import type { TernaryMatrix } from "../core/ternary-matrix.ts";
import { formatById, formats } from "./index.ts";

const matrices = fc
  .record({ outFeatures: fc.integer({ min: 1, max: 7 }), inFeatures: fc.integer({ min: 1, max: 70 }) })
  .chain(({ outFeatures, inFeatures }) =>
    fc.record({
      trits: fc.int8Array({
        min: -1,
        max: 1,
        minLength: outFeatures * inFeatures,
        maxLength: outFeatures * inFeatures,
      }),
      scales: fc
        .array(fc.integer({ min: 0, max: 999 }), { minLength: outFeatures, maxLength: outFeatures })
        .chain((values) => fc.constantFrom(Float32Array.from(values), Float32Array.of(values[0]))),
      outFeatures: fc.constant(outFeatures),
      inFeatures: fc.constant(inFeatures),
    }),
  );

test.each(formats)("$id gives the matrix back, at every size", (format) => {
  fc.assert(
    fc.property(matrices, (matrix) => {
      const bytes = format.pack(matrix);
      expect(bytes.length).toBe(format.byteLength(matrix));
      expect(format.unpack(bytes, matrix, matrix.scales)).toEqual(matrix);
    }),
  );
});

test.each(formats)("$id gives any of its rows", (format) => {
  fc.assert(
    fc.property(matrices, fc.nat(), fc.nat(), (matrix, a, b) => {
      const { outFeatures, inFeatures, trits } = matrix;
      const first = a % outFeatures;
      const count = 1 + (b % (outFeatures - first));
      const rows = format.unpackRows(format.pack(matrix), matrix, first, count);
      expect(rows).toEqual(trits.slice(first * inFeatures, (first + count) * inFeatures));
    }),
  );
});

test.each(formats)("$id takes bitsPerWeight a weight, and at most a byte a row more", (format) => {
  for (const outFeatures of [1, 3]) {
    for (const inFeatures of [1, 4, 5, 19, 20, 21, 63, 64, 65, 4096]) {
      const bits = format.byteLength({ outFeatures, inFeatures }) * 8;
      expect(bits).toBeGreaterThanOrEqual(outFeatures * inFeatures * format.bitsPerWeight);
      expect(bits).toBeLessThan(outFeatures * (inFeatures * format.bitsPerWeight + 8));
    }
  }
});

/** One row and its bytes, worked out by hand. */
const examples: Record<string, { trits: number[]; bytes: number[] }[]> = {
  base3: [
    { trits: [-1, -1, -1, -1, -1], bytes: [0] },
    { trits: [0, 0, 0, 0, 0], bytes: [1 + 3 + 9 + 27 + 81] },
    { trits: [1, 1, 1, 1, 1], bytes: [242] },
    { trits: [1, 0, -1, 0, -1], bytes: [2 + 3 + 0 + 27 + 0] },
    { trits: [1], bytes: [2 + 3 + 9 + 27 + 81] }, // the tail is padded with trit 0
    { trits: [0, 0, 0, 0, 0, -1, 1], bytes: [121, 0 + 6 + 9 + 27 + 81] },
  ],
  i2: [
    { trits: [-1, -1, -1, -1], bytes: [0b00000000] },
    { trits: [0, 0, 0, 0], bytes: [0b01010101] },
    { trits: [1, 0, -1, 0], bytes: [0b01000110] },
    { trits: [1], bytes: [0b01010110] },
    { trits: [0, 0, 0, 0, -1, 1], bytes: [0b01010101, 0b01011000] },
  ],
};

test.each(formats)("$id has the bytes that its documentation says", (format) => {
  const rows = examples[format.id];
  expect(rows, `give ${format.id} an example`).toBeDefined();
  for (const { trits, bytes } of rows) {
    const matrix = rowOf(trits);
    expect(Array.from(format.pack(matrix))).toEqual(bytes);
    expect(format.unpack(Uint8Array.from(bytes), matrix)).toEqual(matrix);
  }
});

test("rows start on a byte of their own", () => {
  const matrix = { outFeatures: 2, inFeatures: 1, trits: Int8Array.of(1, -1), scales: Float32Array.of(1) };
  expect(Array.from(formatById("base3").pack(matrix))).toEqual([122, 120]);
  expect(Array.from(formatById("i2").pack(matrix))).toEqual([0b01010110, 0b01010100]);
});

test("bytes that stand for no trits are refused, also in the padding", () => {
  const base3 = formatById("base3");
  for (let byte = 243; byte < 256; byte++) {
    expect(() => base3.unpack(Uint8Array.of(121, byte), rowOf(new Array(10).fill(0)))).toThrow(
      `base3: byte 1 holds ${byte}, which stands for no trits`,
    );
  }
  const i2 = formatById("i2");
  for (const byte of [0b00000011, 0b00001100, 0b00110000, 0b11000000, 0xff]) {
    for (const length of [1, 4]) {
      expect(() => i2.unpack(Uint8Array.of(byte), rowOf(new Array(length).fill(0)))).toThrow(ShapeError);
    }
  }
});

test.each(formats)("$id checks bytes without unpacking them, and unpacks only what passes", (format) => {
  fc.assert(
    fc.property(matrices, fc.uint8Array({ minLength: 1, maxLength: 300 }), (matrix, random) => {
      format.check(format.pack(matrix), matrix);
      const bytes = new Uint8Array(random).subarray(0, format.byteLength(matrix));
      const problem = messageOf(() => format.check(bytes, matrix));
      expect(messageOf(() => format.unpack(bytes, matrix))).toBe(problem);
    }),
  );
});

test.each(formats)("$id refuses what is no matrix", (format) => {
  const matrix = rowOf([1, 0, -1]);
  const bytes = format.pack(matrix);
  const refusedMatrices: TernaryMatrix[] = [
    { ...matrix, trits: Int8Array.of(1, 2, 0) },
    { ...matrix, trits: Int8Array.of(1, 0) },
    { ...matrix, outFeatures: 0 },
    { ...matrix, inFeatures: 1.5 },
    { ...matrix, scales: Float32Array.of(Number.NaN) },
    { ...matrix, scales: Float32Array.of(1, 2) },
  ];
  for (const refused of refusedMatrices) expect(() => format.pack(refused)).toThrow(ShapeError);
  const refusedShapes = [
    { outFeatures: -1, inFeatures: -3 },
    { outFeatures: 0.5, inFeatures: 6 },
    { outFeatures: 1, inFeatures: Number.NaN },
    { outFeatures: 0, inFeatures: 3 },
    { outFeatures: 2, inFeatures: 3 },
    { outFeatures: 1e9, inFeatures: 1e9 },
  ];
  for (const shape of refusedShapes) expect(() => format.unpack(bytes, shape)).toThrow(ShapeError);
  expect(() => format.unpack(new Uint8Array(0), matrix)).toThrow("got 0");
  expect(() => format.unpack(bytes, matrix, Float32Array.of(1, 2))).toThrow("scales must hold");
  expect(() => format.unpack(bytes, matrix, Float32Array.of(2 ** -101))).toThrow("2^-100");
});

test("4096 x 4096 in base3 with a scale for each row takes at most 3.40 MB", () => {
  const shape = { outFeatures: 4096, inFeatures: 4096 };
  const trits = Int8Array.from({ length: 4096 * 4096 }, (_, i) => (((i * 2654435761) >>> 8) % 3) - 1);
  const matrix = { ...shape, trits, scales: new Float32Array(4096).fill(0.5) };
  const bytes = formatById("base3").pack(matrix);
  expect(bytes.length + matrix.scales.byteLength).toBeLessThanOrEqual(3_400_000);
  // Compared as bytes: a deep comparison of 16 million numbers takes seconds.
  const unpacked = formatById("base3").unpack(bytes, shape, matrix.scales);
  expect(Buffer.compare(Buffer.from(unpacked.trits.buffer), Buffer.from(trits.buffer))).toBe(0);
});

test("an unknown format is refused with the names there are", () => {
  expect(() => formatById("int4")).toThrow(UnsupportedError);
  expect(() => formatById("int4")).toThrow(formats.map(({ id }) => id).join(", "));
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

function rowOf(trits: number[]): TernaryMatrix {
  return { outFeatures: 1, inFeatures: trits.length, trits: Int8Array.from(trits), scales: Float32Array.of(1) };
}
