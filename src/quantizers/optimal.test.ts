import fc from "fast-check";
import { expect, test } from "vitest";
import { normalValues, traceQuantizer, UNIT_ROUNDOFF } from "../../test/support/trace-quantizer.ts";
import { dequantize, type MatrixShape, type TernaryMatrix } from "../core/ternary-matrix.ts";
import { createQuantizer } from "./index.ts";

const rows = createQuantizer("optimal");
const whole = createQuantizer("optimal", { granularity: "per-tensor" });

test("each row has the trits and the scale of least squares", () => {
  const weights = Float32Array.of(0.1, -1, 0.9, 0.2, -3, 1, -1, 1.25);
  const shape = { outFeatures: 2, inFeatures: 4 };
  // Row 0: 1, 3.61/2, 4/3, 4.84/4: two weights. Row 1: 9, 18.06/2, 27.56/3, 39.06/4: all four.
  const matrix = rows.quantize(weights, shape);
  expect(matrix.trits).toEqual(Int8Array.of(0, -1, 1, 0, -1, 1, -1, 1));
  expect(matrix.scales).toEqual(Float32Array.of(0.95, 1.5625));
  expect(whole.quantize(weights, shape).trits).toEqual(Int8Array.of(0, -1, 1, 0, -1, 1, -1, 1));
});

test("equal weights get equal trits, on host and traced", () => {
  const shape = { outFeatures: 1, inFeatures: 8 };
  for (const values of [
    [1, 1, 1, 1, 1, 1, 1, 1],
    [1, -1, 0.5, 0.5, -0.5, 0.1, 0, 0],
    [3, 1, 1, 1, 0, 0, 0, 0], // both supports explain 9
    [0.1, 0.1, 0.1, 0.3, 0.3, -0.1, -0.1, 0.7],
  ]) {
    const weights = Float32Array.from(values);
    for (const trits of [rows.quantize(weights, shape).trits, traceQuantizer(rows)(weights, shape).trits]) {
      weights.forEach((weight, i) => {
        weights.forEach((other, j) => {
          if (Math.abs(weight) === Math.abs(other)) expect(Math.abs(trits[i])).toBe(Math.abs(trits[j]));
        });
        if (weight === 0) expect(trits[i]).toBe(0);
      });
    }
  }
});

test("no trits and no scale do better: all 3^8 tried, each with its best scale", () => {
  const row = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(row, (integers) => {
      const matrix = rows.quantize(Float32Array.from(integers), { outFeatures: 1, inFeatures: 8 });
      // Integers up to 320² / 8: exact, so the comparison needs no tolerance.
      let most = 0;
      for (let code = 0; code < 3 ** 8; code++) {
        let dot = 0;
        let chosen = 0;
        for (let k = 0, rest = code; k < 8; k++, rest = Math.floor(rest / 3)) {
          const trit = (rest % 3) - 1;
          dot += trit * integers[k];
          chosen += trit * trit;
        }
        if (dot > 0 && dot * dot > most * chosen) most = (dot * dot) / chosen;
      }
      const dot = integers.reduce((sum, value, k) => sum + value * matrix.trits[k], 0);
      const chosen = matrix.trits.reduce((sum, trit) => sum + Math.abs(trit), 0);
      expect(chosen === 0 ? 0 : (dot * dot) / chosen).toBe(most);
      expect(matrix.scales[0]).toBe(chosen === 0 ? 0 : Math.fround(dot / chosen));
    }),
    { numRuns: 60 },
  );
});

test("no support of a long row does better: all sizes tried", () => {
  const size = fc.constantFrom(1, 2, 15, 16, 17, 255, 256, 257);
  const row = fc.tuple(size, fc.integer({ min: 1, max: 2 ** 30 }), fc.constantFrom(1, 2 ** -90, 2 ** 60));
  fc.assert(
    fc.property(row, ([inFeatures, seed, factor]) => {
      const weights = normalValues(inFeatures, seed).map((value) => value * factor);
      const matrix = rows.quantize(weights, { outFeatures: 1, inFeatures });
      const descending = [...weights].map(Math.abs).sort((a, b) => b - a);
      let sum = 0;
      let most = 0;
      let best = 0;
      for (const [i, magnitude] of descending.entries()) {
        sum += magnitude;
        if (sum * (sum / (i + 1)) <= most) continue;
        most = sum * (sum / (i + 1));
        best = i + 1;
      }
      expect([...matrix.trits].filter((trit) => trit !== 0).length).toBe(best);
      const smallest = descending[best - 1];
      expect([...matrix.trits]).toEqual([...weights].map((w) => (Math.abs(w) >= smallest ? Math.sign(w) : 0)));
    }),
  );
});

test("every weight goes to its nearest level", () => {
  const shape = { outFeatures: 16, inFeatures: 100 };
  const weights = normalValues(1600, 2);
  for (const quantizer of [rows, whole]) {
    const { trits, scales } = quantizer.quantize(weights, shape);
    weights.forEach((weight, i) => {
      const half = scales[scales.length === 1 ? 0 : Math.floor(i / 100)] / 2;
      expect(Math.abs(weight) > half).toBe(trits[i] !== 0);
    });
  }
});

test.each([rows, whole])("the traced rule explains as much as the host's, up to its roundings", (quantizer) => {
  const trace = traceQuantizer(quantizer);
  const shape = { outFeatures: 16, inFeatures: 100 };
  const length = quantizer === rows ? 100 : 1600;
  for (let seed = 1; seed <= 10; seed++) {
    const weights = normalValues(1600, seed);
    const upstream = normalValues(1600, seed + 100);
    const traced = trace(weights, shape, upstream);
    const matrix = { ...shape, trits: Int8Array.from(traced.trits), scales: traced.scales };
    const host = explained(weights, quantizer.quantize(weights, shape), length);
    const ours = explained(weights, matrix, length);
    // A running sum is rounded ceil(log2 length) times, 1/sqrt(n) and its product twice; two sums are compared, squared.
    const roundings = 4 * (Math.ceil(Math.log2(length)) + 2);
    ours.forEach((value, group) => {
      expect(value).toBeGreaterThanOrEqual(host[group] * (1 - roundings * UNIT_ROUNDOFF));
      expect(value).toBeLessThanOrEqual(host[group] * (1 + 8 * length * 2 ** -53)); // float64 sums of this test
    });
    expect(traced.weightGradient).toEqual(upstream);
  }
});

/** (Σ chosen |w|)² / n of each group of `length` weights. */
function explained(weights: Float32Array, { trits }: TernaryMatrix, length: number): Float64Array {
  const sums = new Float64Array(weights.length / length);
  const counts = new Float64Array(sums.length);
  weights.forEach((weight, i) => {
    sums[Math.floor(i / length)] += weight * trits[i];
    counts[Math.floor(i / length)] += Math.abs(trits[i]);
  });
  return sums.map((sum, group) => (sum * sum) / counts[group]);
}

test("no other quantizer of a row is nearer", () => {
  const shape: MatrixShape = { outFeatures: 8, inFeatures: 50 };
  const weights = normalValues(400, 4);
  const errorOf = (matrix: TernaryMatrix): number =>
    dequantize(matrix).reduce((sum, value, i) => sum + (value - weights[i]) ** 2, 0);
  const best = errorOf(rows.quantize(weights, shape));
  for (const id of ["bitnet", "twn", "paretoq", "bittorch", "absmax"]) {
    const other = createQuantizer(id, { granularity: "per-channel" });
    expect(errorOf(other.quantize(weights, shape))).toBeGreaterThan(best);
  }
  expect(errorOf(whole.quantize(weights, shape))).toBeGreaterThan(best);
});
