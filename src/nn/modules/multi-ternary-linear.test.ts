import { expect, test } from "vitest";
import { expectClose } from "../../../test/support/gradients.ts";
import { activationRule } from "../../activation-rules/index.ts";
import { ShapeError, UnsupportedError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import { decompose, sumPlanes } from "../../quantizers/multi-ternary.ts";
import { tensor } from "../../tensor/index.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { Linear } from "./linear.ts";
import { MultiTernaryLinear } from "./multi-ternary-linear.ts";

const random = new RandomSource(1);
const normals = (size: number): Float32Array => Float32Array.from({ length: size }, () => random.normal());
const shape = [4, 9];
const data = normals(36);

/** Gradients are those of a float layer with the real weights (for the input) or over the real inputs (for the weights). */
test.each(["greedy", "joint"] as const)("gradients are straight-through (%s)", async (fit) => {
  const layer = new MultiTernaryLinear(9, 5, { planes: 3, fit, seed: 3 });
  const float = new Linear(9, 5, { seed: 3 });
  float.weight.value = sumPlanes(await layer.ternary());
  const codes = new Float32Array(9);
  const seen = data.map((_, i) => {
    const scale = activationRule("int8").encode(data.subarray(i - (i % 9), i - (i % 9) + 9), codes);
    return codes[i % 9] * scale;
  });
  const cotangent = tensor(normals(20), [4, 5]);
  const ternary = await valueAndGrad(layer, { data, shape }, (y) => y.mul(cotangent).sum());
  const real = await valueAndGrad(float, { data: seen, shape }, (y) => y.mul(cotangent).sum());
  // Sums of 9 inputs over 3 planes, and of 4 tokens, in another order.
  expectClose(ternary.output, [...real.output], 50, "output");
  expectClose(ternary.input, [...real.input], 50, "input");
  expectClose(ternary.parameters.weight.data, [...real.parameters.weight.data], 50, "weight");
  expectClose(ternary.parameters.bias.data, [...real.parameters.bias.data], 20, "bias");
  expect(Object.keys(ternary.parameters)).toEqual(["weight", "bias"]); // joint scales are a buffer
});

test.each(["greedy", "joint"] as const)("fromLinear gives the planes that decompose finds (%s)", async (fit) => {
  const linear = new Linear(31, 6, { seed: 2 });
  const options = { planes: 2, fit };
  const layer = MultiTernaryLinear.fromLinear(linear, options);
  const planes = decompose(linear.weight.value, { outFeatures: 6, inFeatures: 31 }, options);
  const current = await layer.ternary();
  expect(current.map(({ trits }) => trits)).toEqual(planes.map(({ trits }) => trits));
  expect(layer.bias?.value).toEqual(linear.bias?.value);
  expect(layer.weight.value).toEqual(linear.weight.value);
  expect(layer.weight.value).not.toBe(linear.weight.value);
});

test("more planes come nearer to the float layer", async () => {
  const linear = new Linear(64, 16, { seed: 2 });
  const errors: number[] = [];
  for (const planes of [1, 2, 3]) {
    const real = sumPlanes(await MultiTernaryLinear.fromLinear(linear, { planes }).ternary());
    errors.push(real.reduce((sum, value, i) => sum + (value - linear.weight.value[i]) ** 2, 0));
  }
  expect(errors[1]).toBeLessThan(errors[0] / 2);
  expect(errors[2]).toBeLessThan(errors[1] / 2);
});

test("rules that learn their scale, and sizes that are not allowed, are refused", () => {
  expect(() => new MultiTernaryLinear(4, 2, { quantizer: "lsq" })).toThrow(
    new UnsupportedError(
      "quantizer lsq learns its scale and cannot make planes; choose one of: bitnet, twn, bittorch, absmax, threshold, optimal",
    ),
  );
  expect(() => new MultiTernaryLinear(4, 2, { planes: 0 })).toThrow(ShapeError);
  expect(() => new MultiTernaryLinear(4, 2, { planes: 5, fit: "joint" })).toThrow("at most 4 planes, got 5");
  expect(() => new MultiTernaryLinear(200_000, 1)).toThrow("at most 132104 inputs");
  expect(new MultiTernaryLinear(4, 2).describe()).toBe("4 → 2, 2 planes, optimal, int8");
});
