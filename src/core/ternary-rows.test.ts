import { expect, test } from "vitest";
import { ShapeError } from "./errors.ts";
import { checkTernaryRows, matrixOf, rowsOf } from "./ternary-rows.ts";

const matrix = {
  outFeatures: 3,
  inFeatures: 2,
  trits: Int8Array.of(1, 0, -1, 1, 0, 0),
  scales: Float32Array.of(0.5, 1, 2),
};

test("a matrix by rows, and rows as a matrix", () => {
  const rows = rowsOf(matrix);
  expect(rows.readRows(0, 1)).toEqual(Int8Array.of(1, 0));
  expect(rows.readRows(1, 2)).toEqual(Int8Array.of(-1, 1, 0, 0));
  expect(matrixOf(rows)).toEqual(matrix);
  expect(matrixOf(matrix)).toBe(matrix);
  expect(rowsOf(rows)).toBe(rows);
});

test("rows lend their memory, a matrix owns its own", () => {
  const scratch = Int8Array.of(1, 1);
  const rows = { outFeatures: 1, inFeatures: 2, scales: Float32Array.of(1), readRows: () => scratch };
  const { trits } = matrixOf(rows);
  scratch.fill(0);
  expect(trits).toEqual(Int8Array.of(1, 1));
});

test("sizes and scales that are none are refused", () => {
  const rows = rowsOf(matrix);
  expect(() => checkTernaryRows(rows)).not.toThrow();
  for (const wrong of [
    { outFeatures: 0 },
    { inFeatures: 1.5 },
    { scales: new Float32Array(2) },
    { scales: new Float32Array(3).fill(Number.NaN) },
  ]) {
    expect(() => checkTernaryRows({ ...rows, ...wrong })).toThrow(ShapeError);
  }
});
