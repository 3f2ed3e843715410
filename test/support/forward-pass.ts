/** A module's forward pass as training runs it, and what its deployed model gives for the same input. */
import { expect } from "vitest";
import type { Module } from "../../src/nn/index.ts";
import { compile, differentiate, type Tensor, tensor, withParameters } from "../../src/tensor/index.ts";

type Shape = readonly number[];

/** What one input becomes, row-major. */
export interface ForwardOutputs {
  /** In a compiled function together with all gradients, parameters as its arguments: as `fit` runs it. */
  readonly trained: Float32Array;
  /** In a compiled function of its own: as `evaluate` and `predict` run it. */
  readonly evaluated: Float32Array;
  /** Operation by operation. */
  readonly eager: Float32Array;
  readonly deployed: Float32Array;
}

/**
 * Compiles the forward pass of a module in evaluation mode, with the gradients of its parameters and its input, once.
 *
 * @returns a function that runs it on further inputs, with the parameters that the module has by then
 */
export function forwardPass(module: Module, shape: Shape): (input: Float32Array) => Promise<ForwardOutputs> {
  module.eval();
  const parameters = module.namedParameters().map(([, parameter]) => parameter);
  const forward = (x: Tensor, values: readonly Tensor[]): Tensor =>
    withParameters(parameters, values, undefined, () => module.forward(x)).result;
  const step = compile((inputs) => {
    const { extra, gradients } = differentiate(([x, ...values]) => {
      const output = forward(x, values);
      return { value: output.sum(), extra: [output] };
    }, inputs);
    return [...extra, ...gradients];
  });
  const evaluation = compile(([x, ...values]) => [forward(x, values)]);
  return async (input) => {
    const values = parameters.map(({ value, shape: sizes }) => tensor(value, sizes));
    const x = tensor(input, shape);
    const [output, ...gradients] = step([x, ...values]);
    const [evaluated] = evaluation([x, ...values]);
    const eager = module.forward(x);
    const [trained, compiled, eagerly] = await Promise.all([output.data(), evaluated.data(), eager.data()]);
    for (const array of [x, output, evaluated, eager, ...values, ...gradients]) array.dispose();
    using model = await module.deploy({ inputShape: shape.slice(1) });
    return { trained, evaluated: compiled, eager: eagerly, deployed: await model.run(input) };
  };
}

/** Requires equality in all 32 bits (any NaN equals any NaN); says how many differ and where the first stands. */
export function expectSameBits(actual: Float32Array, expected: Float32Array, label: string): void {
  expect(actual.length, label).toBe(expected.length);
  const different = [...actual.keys()].filter((i) => !Object.is(actual[i], expected[i]));
  const first = different.length > 0 ? `${actual[different[0]]} for ${expected[different[0]]} at ${different[0]}` : "";
  expect(`${different.length} of ${actual.length} differ ${first}`, label).toBe(`0 of ${actual.length} differ `);
}

/** Requires the deployed output to have the bits of every way to run the forward pass. */
export function expectExact({ trained, evaluated, eager, deployed }: ForwardOutputs, label: string): void {
  expectSameBits(deployed, trained, `${label}, trained`);
  expectSameBits(deployed, evaluated, `${label}, evaluated`);
  expectSameBits(deployed, eager, `${label}, eager`);
}
