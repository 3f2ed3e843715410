import { expect, test } from "vitest";
import { expectClose } from "../../../test/support/gradients.ts";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { GlobalAveragePool2d } from "./global-average-pool2d.ts";

test("the mean over the image, and its gradient", async () => {
  const data = Float32Array.from({ length: 2 * 3 * 3 * 2 }, (_, i) => i);
  const result = await valueAndGrad(new GlobalAveragePool2d(), { data, shape: [2, 3, 3, 2] }, (y) => {
    expect(y.shape).toEqual([2, 2]);
    return y.mul(tensor([9, 18, 27, 36], [2, 2])).sum();
  });
  expectClose(result.output, [8, 9, 26, 27], 12, "output");
  const cotangents = Array.from({ length: 36 }, (_, i) => 1 + (i % 2) + 2 * Math.floor(i / 18));
  expectClose(result.input, cotangents, 4, "input");
});

test("an input that is no image is refused", () => {
  expect(() => new GlobalAveragePool2d().forward(tensor(new Float32Array(12), [3, 4]))).toThrow(
    new ShapeError("GlobalAveragePool2d needs an input of shape [batch, height, width, channels], got [3, 4]"),
  );
});
