import { describe, expect, test } from "vitest";
import { expectClosedForm, type PlainStep } from "../../../test/support/optimizer-steps.ts";
import { ShapeError } from "../../core/errors.ts";
import { adam, adamW } from "./adam.ts";

/** Adam as the paper has it, with bias-corrected means; `coupled` decay enters the gradient, `decoupled` the parameter. */
function plainAdam(beta1: number, beta2: number, eps: number, coupled: number, decoupled: number): PlainStep {
  return ({ parameter, slots: [mean, meanSquare] }, gradient, rate, step) => {
    const decayed = gradient + coupled * parameter;
    const nextMean = beta1 * mean + (1 - beta1) * decayed;
    const nextMeanSquare = beta2 * meanSquare + (1 - beta2) * decayed ** 2;
    const correctedMean = nextMean / (1 - beta1 ** step);
    const correctedSquare = nextMeanSquare / (1 - beta2 ** step);
    const next = parameter - rate * decoupled * parameter - (rate * correctedMean) / (Math.sqrt(correctedSquare) + eps);
    return { parameter: next, slots: [nextMean, nextMeanSquare] };
  };
}

describe("steps follow the closed form", () => {
  test("adam", () => expectClosedForm(adam(), plainAdam(0.9, 0.999, 1e-8, 0, 0)));

  test("adam with options", () => {
    const options = { betas: [0.5, 0.8], eps: 0.1, weightDecay: 0.2 } as const;
    expectClosedForm(adam(options), plainAdam(0.5, 0.8, 0.1, 0.2, 0));
  });

  test("adamW", () => expectClosedForm(adamW(), plainAdam(0.9, 0.999, 1e-8, 0, 0.01)));

  test("adamW with options", () => {
    const options = { betas: [0, 0.8], eps: 1e-3, weightDecay: 0.3 } as const;
    expectClosedForm(adamW(options), plainAdam(0, 0.8, 1e-3, 0, 0.3));
  });
});

test.each([
  { learningRate: -1 },
  { betas: [1, 0.9] as const },
  { betas: [0.9, -0.1] as const },
  { eps: 0 },
  { eps: Number.NaN },
  { weightDecay: -1 },
])("%o is refused", (options) => {
  expect(() => adam(options)).toThrow(ShapeError);
  expect(() => adamW(options)).toThrow(ShapeError);
});
