import fc from "fast-check";
import { expect, test } from "vitest";
import { solveNormalEquations } from "./normal-equations.ts";

const vectors = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 8 })).chain(([count, length]) =>
  fc.tuple(
    fc.array(fc.array(fc.integer({ min: -1, max: 1 }), { minLength: length, maxLength: length }), {
      minLength: count,
      maxLength: count,
    }),
    fc.array(fc.integer({ min: -50, max: 50 }), { minLength: length, maxLength: length }),
  ),
);

const product = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);

test("what is left over is at right angles to every vector, also where they depend on one another", () => {
  fc.assert(
    fc.property(vectors, ([columns, target]) => {
      const matrix = Float64Array.from(columns.flatMap((one) => columns.map((other) => product(one, other))));
      const right = Float64Array.from(columns, (one) => product(one, target));
      const x = solveNormalEquations(matrix, right);
      const rest = target.map((value, k) => value - columns.reduce((sum, column, i) => sum + x[i] * column[k], 0));
      for (const column of columns) expect(Math.abs(product(column, rest))).toBeLessThan(1e-9);
    }),
    { numRuns: 300 },
  );
});
