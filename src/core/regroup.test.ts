/** Scales for more or fewer weights: never another weight, and found wherever there is a way. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError, UnsupportedError } from "./errors.ts";
import { checkUngrouped, regroup, ungroup } from "./regroup.ts";
import {
  checkTernaryMatrix,
  dequantize,
  granularityOf,
  scaleCountOf,
  scaleOf,
  scaleOfRow,
  type TernaryMatrix,
} from "./ternary-matrix.ts";

/** Few scales, so that some can be shared and some cannot. */
const matrices = fc
  .record({
    outFeatures: fc.integer({ min: 1, max: 4 }),
    inFeatures: fc.integer({ min: 1, max: 9 }),
    granularity: fc.constantFrom("per-tensor" as const, "per-channel" as const, "per-group" as const),
    groupSize: fc.integer({ min: 1, max: 10 }),
  })
  .chain(({ granularity, groupSize, ...shape }) => {
    const trits = shape.outFeatures * shape.inFeatures;
    const scales = scaleCountOf(shape, granularity, groupSize);
    return fc.record({
      outFeatures: fc.constant(shape.outFeatures),
      inFeatures: fc.constant(shape.inFeatures),
      trits: fc
        .array(fc.constantFrom(0, 0, 0, 1, -1), { minLength: trits, maxLength: trits })
        .map((values) => Int8Array.from(values)),
      scales: fc
        .array(fc.constantFrom(0.5, 0.5, 0.5, 2), { minLength: scales, maxLength: scales })
        .map((values) => Float32Array.from(values)),
      ...(granularity === "per-group" && { groupSize: fc.constant(groupSize) }),
    });
  });

/** Whether the weights of a part that are not 0 have one scale. */
function isShared(matrix: TernaryMatrix, partOf: (row: number, k: number) => number): boolean {
  const scales = new Map<number, number>();
  return matrix.trits.every((trit, i) => {
    const [row, k] = [Math.floor(i / matrix.inFeatures), i % matrix.inFeatures];
    const scale = scaleOf(matrix, row, k);
    if (trit === 0) return true;
    if (!scales.has(partOf(row, k))) scales.set(partOf(row, k), scale);
    return scales.get(partOf(row, k)) === scale;
  });
}

test("regrouping keeps trits and weights, and is refused only where a scale would stand for two", () => {
  fc.assert(
    fc.property(matrices, fc.integer({ min: 1, max: 10 }), (matrix, groupSize) => {
      const targets = [
        { granularity: "per-tensor", partOf: () => 0 },
        { granularity: "per-channel", partOf: (row: number) => row },
        {
          granularity: "per-group",
          groupSize,
          partOf: (row: number, k: number) => row * 100 + Math.floor(k / groupSize),
        },
      ] as const;
      for (const { granularity, partOf, ...size } of targets) {
        const regrouped = regroup(matrix, granularity, "groupSize" in size ? size.groupSize : undefined);
        expect(regrouped !== undefined).toBe(isShared(matrix, partOf));
        if (regrouped === undefined) continue;
        checkTernaryMatrix(regrouped);
        if (matrix.outFeatures > 1) expect(granularityOf(regrouped)).toBe(granularity);
        expect(regrouped.trits).toEqual(matrix.trits);
        expect(dequantize(regrouped)).toEqual(dequantize(matrix));
      }
    }),
  );
});

test("ungroup takes the fewest scales", () => {
  const matrix = { outFeatures: 2, inFeatures: 4, trits: Int8Array.of(1, 0, 0, -1, 0, 0, 1, 1), groupSize: 2 };
  const scales = (...values: number[]) => ({ ...matrix, scales: Float32Array.from(values) });
  expect(ungroup(scales(2, 2, 2, 2))?.scales).toEqual(Float32Array.of(2));
  expect(ungroup(scales(2, 2, 0, 2))?.scales).toEqual(Float32Array.of(2)); // the third group holds zeros only
  expect(ungroup(scales(2, 2, 0, 3))?.scales).toEqual(Float32Array.of(2, 3));
  expect(ungroup(scales(2, 1, 2, 2))).toBeUndefined();
  const plain = { outFeatures: 1, inFeatures: 1, trits: Int8Array.of(1), scales: Float32Array.of(1) };
  expect(ungroup(plain)).toBe(plain);
});

test("real weights are each trit times its own scale", () => {
  fc.assert(
    fc.property(matrices, (matrix) => {
      const weights = dequantize(matrix);
      matrix.trits.forEach((trit, i) => {
        const scale = scaleOf(matrix, Math.floor(i / matrix.inFeatures), i % matrix.inFeatures);
        expect(weights[i] + 0).toBe(trit * scale + 0);
      });
    }),
  );
});

test("a group has one scale, the last one of a row too", () => {
  const matrix = {
    outFeatures: 2,
    inFeatures: 5,
    trits: Int8Array.of(1, 1, 1, 1, 1, -1, -1, -1, -1, -1),
    scales: Float32Array.of(1, 2, 3, 4, 5, 6),
    groupSize: 2,
  };
  checkTernaryMatrix(matrix);
  expect([...dequantize(matrix)]).toEqual([1, 1, 2, 2, 3, -4, -4, -5, -5, -6]);
  expect(() => scaleOfRow(matrix, 0)).toThrow(ShapeError);
  for (const scales of [Float32Array.of(1), Float32Array.of(1, 2), new Float32Array(5)]) {
    expect(() => checkTernaryMatrix({ ...matrix, scales })).toThrow("one value per 2 weights (6)");
  }
  for (const groupSize of [0, 1.5, -2, Number.NaN]) {
    expect(() => checkTernaryMatrix({ ...matrix, groupSize })).toThrow("groupSize must be a whole number");
  }
  expect(() => checkUngrouped(matrix)).toThrow(UnsupportedError);
  expect(() => checkUngrouped({})).not.toThrow();
});
