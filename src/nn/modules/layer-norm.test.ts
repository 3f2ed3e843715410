import { expect, test } from "vitest";
import { expectGradients } from "../../../test/support/gradients.ts";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { LayerNorm } from "./layer-norm.ts";

test("output and gradients equal the formula", async () => {
  const layer = new LayerNorm(5, { eps: 1e-3 });
  layer.weight.value = Float32Array.of(1, 2, -1, 0.5, 1);
  layer.bias.value = Float32Array.of(0, 1, 2, 3, 4);
  await expectGradients(
    layer,
    [2, 3, 5],
    (x, { weight, bias }) =>
      x.map((value, i) => {
        const row = x.slice(i - (i % 5), i - (i % 5) + 5);
        const mean = row.reduce((sum, other) => sum + other, 0) / 5;
        const variance = row.reduce((sum, other) => sum + (other - mean) ** 2, 0) / 5;
        return ((value - mean) / Math.sqrt(variance + 1e-3)) * weight[i % 5] + bias[i % 5];
      }),
    100,
  );
});

test("it starts as the identity on normalised rows, and checks its input", async () => {
  const y = new LayerNorm(2, { eps: 0 }).forward(tensor([1, -1, -1, 1], [2, 2]));
  expect([...(await y.data())]).toEqual([1, -1, -1, 1]);
  expect(() => new LayerNorm(2).forward(tensor([1, 2, 3], [1, 3]))).toThrow(
    new ShapeError("LayerNorm needs an input of shape [batch, ..., 2], got [1, 3]"),
  );
  expect(() => new LayerNorm(0)).toThrow(ShapeError);
});
