/** From every format to every other: the same trits and weights, or a refusal that says what to do. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectSameTrits, matricesOf, widenedFor } from "../../test/support/format-matrices.ts";
import { ShapeError } from "../core/errors.ts";
import { ungroup } from "../core/regroup.ts";
import { dequantize, type MatrixShape, scaleOf, type TernaryMatrix } from "../core/ternary-matrix.ts";
import { type Format, formatById, formats } from "./index.ts";

const pairs = formats.flatMap((from) => formats.map((to) => ({ from, to, title: `${from.id} to ${to.id}` })));

/** What a program that writes a format and reads it again has. */
function through(format: Format, matrix: TernaryMatrix): TernaryMatrix {
  const bytes = format.pack(matrix);
  if (format.scales === "inside") return format.unpack(bytes, matrix);
  const { scales, groupSize } = format.fit(matrix);
  return format.unpack(bytes, matrix, scales, groupSize);
}

/** As many columns more as both need. */
function widenedForBoth(first: Format, second: Format, shape: MatrixShape): MatrixShape {
  const limit = (candidate: MatrixShape): string | undefined => first.limit(candidate) ?? second.limit(candidate);
  return widenedFor({ limit }, shape);
}

describe.each(pairs)("$title", ({ from, to }) => {
  const shapes = fc
    .record({ outFeatures: fc.integer({ min: 1, max: 6 }), inFeatures: fc.integer({ min: 1, max: 60 }) })
    .map((shape) => widenedForBoth(from, to, shape));

  test("one scale: the same matrix", () => {
    const matrices = shapes.chain((shape) => matricesOf(shape, "per-tensor", 1));
    fc.assert(
      fc.property(matrices, (matrix) => {
        const converted = through(to, through(from, matrix));
        expectSameTrits(converted.trits, matrix.trits);
        expect(ungroup(converted)?.scales).toEqual(matrix.scales);
      }),
      { numRuns: 20 },
    );
  });

  test("any scales that both hold: the same weights, and the source again", () => {
    const matrices = shapes.chain((shape) =>
      fc
        .constantFrom(...from.granularities)
        .chain((granularity) => matricesOf(shape, granularity, from.groupSize ?? 16)),
    );
    fc.assert(
      fc.property(matrices, (matrix) => {
        const source = through(from, matrix);
        let converted: TernaryMatrix;
        try {
          converted = through(to, source);
        } catch (error) {
          expect(error).toBeInstanceOf(ShapeError);
          expect(mustDiffer(to, source), String(error)).toBe(true);
          return;
        }
        expectSameTrits(converted.trits, matrix.trits);
        expect(weightsOf(converted)).toEqual(weightsOf(matrix));
        expect(from.pack(converted)).toEqual(from.pack(source));
      }),
      { numRuns: 20 },
    );
  });
});

/** Whether weights that share a scale in a format have two different ones. */
function mustDiffer(to: Format, matrix: TernaryMatrix): boolean {
  const isPerTensor = to.granularities.every((granularity) => granularity === "per-tensor");
  const groups = to.granularities.includes("per-group") ? (to.groupSize ?? 1) : matrix.inFeatures;
  const scales = new Map<string, number>();
  return matrix.trits.some((trit, i) => {
    if (trit === 0) return false;
    const [row, k] = [Math.floor(i / matrix.inFeatures), i % matrix.inFeatures];
    const key = isPerTensor ? "all" : `${row} ${Math.floor(k / groups)}`;
    const scale = scaleOf(matrix, row, k);
    if (!scales.has(key)) scales.set(key, scale);
    return scales.get(key) !== scale;
  });
}

/** Real weights with -0 and 0 alike. */
function weightsOf(matrix: TernaryMatrix): number[] {
  return Array.from(dequantize(matrix), (weight) => weight + 0);
}

describe("what would be lost is refused", () => {
  const row = { outFeatures: 2, inFeatures: 256, trits: new Int8Array(512).fill(1) };

  test.each(formats.filter(({ granularities }) => !granularities.includes("per-channel")))(
    "by $id, or held in groups: a scale for each row",
    (format) => {
      const matrix = { ...row, scales: Float32Array.of(0.5, 2) };
      if (format.granularities.includes("per-group")) {
        expect(through(format, matrix).scales).toHaveLength(512 / Number(format.groupSize));
        return;
      }
      const message = `${format.id} holds one scale for the whole matrix, and these weights have one scale per row, which differ`;
      for (const method of ["pack", "fit", "roundScales"] as const) {
        expect(() => format[method](matrix)).toThrow(message);
        expect(() => format[method](matrix)).toThrow(
          "choose a format that holds them, or quantize the real weights again",
        );
      }
    },
  );

  test("groups that are smaller than the format's", () => {
    const matrix = { ...row, scales: Float32Array.from({ length: 8 }, (_, i) => i + 1), groupSize: 64 };
    expect(through(formatById("q2_0"), matrix)).toEqual(matrix);
    expect(() => formatById("tq2_0").pack(matrix)).toThrow("one scale for every 256 weights of a row");
  });

  test.each(["tq1_0", "tq2_0", "q2_0", "q2_0_g128"])("%s: scales that float16 does not have", (id) => {
    const format = formatById(id);
    const scale = Math.fround(0.0872316957);
    const matrix = { ...row, scales: Float32Array.of(scale) };
    expect(() => format.pack(matrix)).toThrow(
      `${id} stores scales as float16, which cannot hold ${scale} (the nearest is 0.08721923828125)`,
    );
    expect(() => format.fit(matrix)).toThrow("pack what roundScales gives");
    const rounded = format.roundScales(matrix);
    expect(new Set(rounded.scales)).toEqual(new Set([0.08721923828125]));
    expect(through(format, rounded)).toEqual(rounded);
    for (const tooFar of [65520, -70000, 2 ** -26]) {
      const message = "float16, from 2^-24 to 65504, which cannot hold";
      expect(() => format.pack({ ...row, scales: Float32Array.of(tooFar) })).toThrow(message);
      expect(() => format.roundScales({ ...row, scales: Float32Array.of(tooFar) })).toThrow(message);
    }
  });

  test("i2_s keeps any float32", () => {
    const matrix = { ...row, scales: Float32Array.of(0.0872316957) };
    expect(through(formatById("i2_s"), matrix)).toEqual(matrix);
    expect(formatById("i2_s").roundScales(matrix)).toEqual(matrix);
  });

  test("a scale that is none, inside the bytes", () => {
    const tq2 = formatById("tq2_0").pack({ ...row, scales: Float32Array.of(1) });
    tq2[66 + 65] = 0x7e; // NaN
    expect(() => formatById("tq2_0").check(tq2, row)).toThrow("tq2_0: byte 130 starts the scale NaN");
    expect(() => formatById("tq2_0").scalesOf(tq2, row)).toThrow("byte 130");
    const i2s = formatById("i2_s").pack({ ...row, scales: Float32Array.of(1) });
    new DataView(i2s.buffer).setFloat32(128, 2 ** -101, true);
    expect(() => formatById("i2_s").unpack(i2s, row)).toThrow("i2_s: byte 128 starts the scale");
  });
});

test("q2_0 tells blocks of another size, and weights that are not ternary", () => {
  const [small, large] = [formatById("q2_0"), formatById("q2_0_g128")];
  const matrix = { outFeatures: 1, inFeatures: 256, trits: new Int8Array(256).fill(1), scales: Float32Array.of(1) };
  expect(() => small.unpack(large.pack(matrix), matrix)).toThrow(
    "q2_0 needs 72 bytes for 1 x 256 trits, got 68; that is its variant with blocks of 128 weights: read it as q2_0_g128",
  );
  expect(() => large.check(small.pack(matrix), matrix)).toThrow("blocks of 64 weights: read it as q2_0");
  expect(() => small.check(new Uint8Array(70), matrix)).toThrow(/got 70$/);
  const bytes = small.pack(matrix);
  bytes[20] = 0b11101010;
  expect(() => small.check(bytes, matrix)).toThrow(
    "q2_0: byte 20 holds 234, which stands for no trits; its code 3 is a weight of +2, so these weights are not ternary",
  );
});
