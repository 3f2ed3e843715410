import { expect, test } from "vitest";
import { centralDifferences, expectClose } from "../../test/support/gradients.ts";
import { UnsupportedError } from "../core/errors.ts";
import { hostFunctions } from "../runtime/ops/activation.ts";
import { tensor } from "../tensor/index.ts";
import { activationByName, activations, recordActivations, relu, squaredRelu } from "./activations.ts";
import { Sequential } from "./modules/sequential.ts";
import { valueAndGrad } from "./value-and-grad.ts";

test("every activation has its counterpart in deployed models, and the other way round", () => {
  expect(activations.map(({ functionName }) => functionName)).toEqual(Object.keys(hostFunctions));
});

/** The engine's error function is right within 2.5ε and its derivative is taken exactly; 16ε covers products with |x| ≤ 4. */
test.each(activations.map((activation) => [activation.functionName, activation] as const))(
  "%s: values and gradients are those of its counterpart",
  async (name, activation) => {
    const points = Array.from({ length: 33 }, (_, i) => (i - 16.5) / 4); // beside the kinks at 0
    const { apply } = hostFunctions[name];
    const input = { data: points, shape: [1, points.length] };
    const given = await valueAndGrad(new Sequential(activation), input, (y) => y.sum());
    expectClose(given.output, points.map(apply), 16, "values");
    const slopes = points.map((point) => centralDifferences(([x]) => apply(x), [point])[0]);
    expectClose(given.input, slopes, 16, "gradients");
  },
);

test("the gradient at a kink is 0", async () => {
  for (const activation of [relu, squaredRelu]) {
    const { input } = await valueAndGrad(new Sequential(activation), { data: [0], shape: [1, 1] }, (y) => y.sum());
    expect(input[0]).toBe(0);
  }
});

test("an activation is found by its name; an unknown one lists them", () => {
  expect(activationByName("squaredRelu")).toBe(squaredRelu);
  expect(() => activationByName("swish")).toThrow(
    new UnsupportedError('there is no activation "swish"; choose one of: relu, squaredRelu, gelu, silu, tanh, sigmoid'),
  );
});

test("while they are recorded, activations do not compute; recordings nest and end with an error too", () => {
  const x = tensor([-1]);
  const seen: string[] = [];
  const note =
    (who: string) =>
    (name: string): typeof x => {
      seen.push(`${who} ${name}`);
      return x;
    };
  recordActivations(note("outer"), () => {
    expect(relu(x)).toBe(x);
    recordActivations(note("inner"), () => squaredRelu(x));
    relu(x);
  });
  expect(seen).toEqual(["outer relu", "inner squaredRelu", "outer relu"]);
  expect(() =>
    recordActivations(note("failed"), () => {
      throw new RangeError("stop");
    }),
  ).toThrow("stop");
  expect(relu(x).dataSync()).toEqual(Float32Array.of(0));
});
