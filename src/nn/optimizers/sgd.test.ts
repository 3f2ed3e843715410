import { describe, expect, test } from "vitest";
import { expectClosedForm } from "../../../test/support/optimizer-steps.ts";
import { ShapeError } from "../../core/errors.ts";
import { sgd } from "./sgd.ts";

describe("steps follow the closed form", () => {
  test("plain", () => {
    expectClosedForm(sgd(), ({ parameter }, gradient, rate) => ({ parameter: parameter - rate * gradient, slots: [] }));
  });

  test("with weight decay", () => {
    expectClosedForm(sgd({ weightDecay: 0.1 }), ({ parameter }, gradient, rate) => ({
      parameter: parameter - rate * (gradient + 0.1 * parameter),
      slots: [],
    }));
  });

  test.each([
    { nesterov: false, weightDecay: 0 },
    { nesterov: true, weightDecay: 0 },
    { nesterov: true, weightDecay: 0.05 },
  ])("with momentum, %o", ({ nesterov, weightDecay }) => {
    // The velocity stays below 4 as the tolerance asks: 2 / (1 - 0.4).
    expectClosedForm(
      sgd({ momentum: 0.4, nesterov, weightDecay }),
      ({ parameter, slots: [velocity] }, gradient, rate) => {
        const decayed = gradient + weightDecay * parameter;
        const next = 0.4 * velocity + decayed;
        return { parameter: parameter - rate * (nesterov ? decayed + 0.4 * next : next), slots: [next] };
      },
    );
  });
});

test.each([
  { learningRate: -1 },
  { learningRate: Number.NaN },
  { learningRate: Number.POSITIVE_INFINITY },
  { momentum: 1 },
  { momentum: -0.1 },
  { weightDecay: -0.1 },
])("%o is refused", (options) => {
  expect(() => sgd(options)).toThrow(ShapeError);
});

test("nesterov needs momentum", () => {
  expect(() => sgd({ nesterov: true })).toThrow(/momentum/);
});
