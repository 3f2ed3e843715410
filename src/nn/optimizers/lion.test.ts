import { expect, test } from "vitest";
import { expectClosedForm } from "../../../test/support/optimizer-steps.ts";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { lion } from "./lion.ts";

test.each([
  { betas: [0.9, 0.99] as const, weightDecay: 0 },
  { betas: [0.5, 0.7] as const, weightDecay: 0.2 },
])("steps follow the closed form, %o", ({ betas: [beta1, beta2], weightDecay }) => {
  expectClosedForm(lion({ betas: [beta1, beta2], weightDecay }), ({ parameter, slots: [mean] }, gradient, rate) => {
    const direction = Math.sign(beta1 * mean + (1 - beta1) * gradient);
    return {
      parameter: parameter - rate * (direction + weightDecay * parameter),
      slots: [beta2 * mean + (1 - beta2) * gradient],
    };
  });
});

test("a zero gradient moves nothing, and NaN is not hidden by the sign", () => {
  const { parameter } = lion().update(
    tensor([1, 1]),
    tensor([0, Number.NaN]),
    [tensor(new Float32Array(2))],
    tensor([0.5]),
    [],
  );
  expect([...parameter.dataSync()]).toEqual([1, Number.NaN]);
});

test.each([{ learningRate: -1 }, { betas: [1, 0.9] as const }, { weightDecay: -1 }])("%o is refused", (options) => {
  expect(() => lion(options)).toThrow(ShapeError);
});
