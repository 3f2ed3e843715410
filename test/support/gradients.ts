/** Gradients of modules against central differences of a reference in float64. */
import { expect } from "vitest";
import { RandomSource } from "../../src/core/random.ts";
import { elementCount, type Shape } from "../../src/core/shape.ts";
import { type Module, tensor, valueAndGrad } from "../../src/nn/index.ts";

/** A module's forward pass in plain float64: input and parameters by name, row-major, to the output. */
export type Reference = (x: readonly number[], parameters: Readonly<Record<string, readonly number[]>>) => number[];

/** Step of the differences: their error is of the order of step² and 2⁻⁵²/step, both below 1e-9. */
const STEP = 1e-5;

/**
 * Requires output and gradients of Σ cotangent · module(x) to agree with the reference, for normally distributed x.
 *
 * The tolerance is that of float32 sums of at most `terms` terms: terms · 2⁻²⁴ of the largest value beside them.
 */
export async function expectGradients(
  module: Module,
  shape: Shape,
  reference: Reference,
  terms: number,
): Promise<void> {
  const random = new RandomSource(17);
  const normals = (size: number): Float32Array => Float32Array.from({ length: size }, () => random.normal());
  const x = normals(elementCount(shape));
  const parameters = Object.fromEntries(module.namedParameters().map(([name, { value }]) => [name, [...value]]));
  const output = reference([...x], parameters);
  const cotangent = normals(output.length);

  const given = await valueAndGrad(module, { data: x, shape }, (y) => y.mul(tensor(cotangent, y.shape)).sum());
  const value = (at: readonly number[], values: Readonly<Record<string, readonly number[]>>): number =>
    reference(at, values).reduce((sum, y, i) => sum + y * cotangent[i], 0);
  expectClose(given.output, output, terms, "output");
  expectClose(
    given.input,
    centralDifferences((at) => value(at, parameters), [...x]),
    terms,
    "input",
  );
  for (const [name, { data }] of Object.entries(given.parameters)) {
    const numeric = centralDifferences((at) => value([...x], { ...parameters, [name]: at }), parameters[name]);
    expectClose(data, numeric, terms, name);
  }
}

/** Requires values to agree within `terms` · 2⁻²⁴ of the largest magnitude (at least 1). */
export function expectClose(
  actual: ArrayLike<number>,
  expected: readonly number[],
  terms: number,
  label: string,
): void {
  expect(actual.length, label).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(actual[i] - value)), 0);
  expect(worst, label).toBeLessThanOrEqual(terms * 2 ** -24 * largest);
}

/** (f(x + step) - f(x - step)) / (2 · step) for each element. */
export function centralDifferences(f: (x: readonly number[]) => number, x: readonly number[]): number[] {
  return x.map((value, i) => (f(x.with(i, value + STEP)) - f(x.with(i, value - STEP))) / (2 * STEP));
}
