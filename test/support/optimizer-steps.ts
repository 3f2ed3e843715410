/** Runs an optimizer on given gradients, compiled, beside the same rule in float64. */
import { expect } from "vitest";
import { RandomSource } from "../../src/core/random.ts";
import type { Optimizer } from "../../src/nn/index.ts";
import { compile, tensor } from "../../src/tensor/index.ts";

/** The state of one parameter value in the closed form. */
export interface PlainState {
  parameter: number;
  slots: number[];
}

/** One step of one value, in float64; `step` counts from 1. */
export type PlainStep = (state: PlainState, gradient: number, rate: number, step: number) => PlainState;

const SIZE = 40;
const RATES = [0.1, 0.05, 0.2, 0.01, 0.1, 0.15];
const EPSILON = 2 ** -24;

/**
 * Requires parameters and slots to agree after every step, while the learning rate changes and nothing is traced anew.
 *
 * Gradients lie in ±[½, 2]. A step rounds the parameter twice and each slot three times, so that after n steps slots are off
 * by 3nε · 4 (they are at most 4), and what is added to the parameter by 16nε of the rate times at most 4; the tolerance adds
 * that up over all steps.
 */
export function expectClosedForm(optimizer: Optimizer, plain: PlainStep): void {
  const random = new RandomSource(3);
  const values = Float32Array.from({ length: SIZE }, () => random.uniform(-1, 1));
  let traces = 0;
  using run = compile(([parameter, gradient, rate, ...rest]) => {
    traces++;
    const slots = rest.slice(0, optimizer.slotNames.length);
    const next = optimizer.update(parameter, gradient, slots, rate, rest.slice(slots.length));
    return [next.parameter, ...next.slots];
  });
  let state = [tensor(values), ...optimizer.slotNames.map(() => tensor(new Float32Array(SIZE)))];
  let expected = Array.from(
    values,
    (parameter): PlainState => ({ parameter, slots: optimizer.slotNames.map(() => 0) }),
  );
  for (const [i, rate] of RATES.entries()) {
    const step = i + 1;
    const gradients = Float32Array.from({ length: SIZE }, () => {
      return random.uniform(0.5, 2) * (random.uniform() < 0.5 ? -1 : 1);
    });
    const scalars = optimizer.stepScalars(step).map((scalar) => tensor([scalar]));
    const [parameter, ...slots] = state;
    state = run([parameter, tensor(gradients), tensor([rate]), ...slots, ...scalars]);
    expected = expected.map((value, at) => plain(value, gradients[at], Math.fround(rate), step));
    const found = state.map((values) => values.dataSync());
    expected.forEach((value, at) => {
      const slotError = 3 * step * EPSILON * 4;
      expect(Math.abs(found[0][at] - value.parameter)).toBeLessThanOrEqual(step * (2 + 16 * step * rate) * 4 * EPSILON);
      value.slots.forEach((slot, k) => {
        expect(Math.abs(found[k + 1][at] - slot)).toBeLessThanOrEqual(slotError);
      });
    });
  }
  expect(traces).toBe(1);
}
