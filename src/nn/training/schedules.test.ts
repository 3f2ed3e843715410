import { expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { constant, cosine, linearDecay, type Schedule, stepDecay, warmup } from "./schedules.ts";

/** Factors of a whole training of 10 steps. */
function factors(schedule: Schedule): number[] {
  return Array.from({ length: 10 }, (_, step) => schedule(step, 10));
}

test("constant", () => {
  expect(factors(constant)).toEqual(Array(10).fill(1));
});

test("warm-up rises from its first step on and then stays", () => {
  expect(factors(warmup({ warmupSteps: 4 }))).toEqual([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]);
  expect(factors(warmup({ warmupSteps: 0 }))).toEqual(Array(10).fill(1));
  expect(warmup()(0, 1000)).toBe(1 / 100);
});

test("cosine falls along half a cosine to its minimum", () => {
  const half = (progress: number): number => 0.5 * (1 + Math.cos(Math.PI * progress));
  expect(factors(cosine())).toEqual(Array.from({ length: 10 }, (_, step) => half(step / 10)));
  const risen = factors(cosine({ warmupSteps: 2, minimum: 0.2 }));
  expect(risen.slice(0, 3)).toEqual([0.5, 1, 1]);
  expect(risen[6]).toBeCloseTo(0.6, 15); // half way: the mean of 1 and the minimum
  expect(risen[9]).toBe(0.2 + 0.8 * half(7 / 8));
  expect(cosine({ minimum: 0.2 })(10, 10)).toBe(0.2);
  expect(cosine({ minimum: 0.2 })(99, 10)).toBe(0.2);
});

test("linear decay falls evenly to its minimum", () => {
  expect(factors(linearDecay())).toEqual(Array.from({ length: 10 }, (_, step) => 1 - step / 10));
  expect(linearDecay({ warmupSteps: 2, minimum: 0.5 })(6, 10)).toBe(0.75);
  expect(linearDecay({ minimum: 0.5 })(10, 10)).toBe(0.5);
});

test("step decay multiplies every so many steps", () => {
  expect(factors(stepDecay({ every: 3, factor: 0.5 }))).toEqual([1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]);
});

test("a warm-up as long as the training, or longer, is a rise only", () => {
  expect(factors(cosine({ warmupSteps: 10 }))).toEqual(Array.from({ length: 10 }, (_, step) => (step + 1) / 10));
  expect(linearDecay({ warmupSteps: 20 })(9, 10)).toBe(0.5);
});

test.each<[string, () => Schedule]>([
  ["a broken warm-up", () => warmup({ warmupSteps: 1.5 })],
  ["a negative warm-up", () => cosine({ warmupSteps: -1 })],
  ["a minimum that is no number", () => cosine({ minimum: Number.NaN })],
  ["a negative minimum", () => linearDecay({ minimum: -0.1 })],
  ["no steps", () => stepDecay({ every: 0 })],
  ["an infinite factor", () => stepDecay({ every: 1, factor: Number.POSITIVE_INFINITY })],
])("%s is refused", (_, make) => {
  expect(make).toThrow(ShapeError);
});
