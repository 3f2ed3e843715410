import { expect, test } from "vitest";
import { expectSameBits } from "../../../test/support/forward-pass.ts";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { Embedding } from "./embedding.ts";

test("ids pick rows of the table; a row gathers the gradients of its ids", async () => {
  const layer = new Embedding(4, 2, { seed: 1 });
  const { output, parameters } = await valueAndGrad(layer, { data: [2, 0, 2], shape: [1, 3] }, (y) => {
    expect(y.shape).toEqual([1, 3, 2]);
    return y.mul(tensor([1, 2, 3, 4, 5, 6], [1, 3, 2])).sum();
  });
  const [w0, w1, , , w4, w5] = layer.weight.value;
  expect([...output]).toEqual([w4, w5, w0, w1, w4, w5]);
  expect([...parameters.weight.data]).toEqual([3, 4, 0, 0, 6, 8, 0, 0]);
});

test("an id that does not exist gives NaN in training, so that the loss shows it", async () => {
  const layer = new Embedding(3, 2);
  const y = await layer.forward(tensor([3, -1, 0.5, Number.NaN, 2], [5])).data();
  expect(y).toEqual(Float32Array.of(...new Array(8).fill(Number.NaN), ...layer.weight.value.slice(4)));
});

test("deployed, it gives the same bits, also for -0", async () => {
  const layer = new Embedding(2, 2);
  layer.weight.value = Float32Array.of(-0, 1, 2 ** -140, -3e38);
  using model = await layer.deploy();
  const ids = Float32Array.of(1, 0, 1);
  const trained = await layer.forward(tensor(ids, [1, 3])).data();
  expectSameBits(await model.run(ids, { shape: [1, 3] }), trained, "embedding");
});

test("initial values follow seed and deviation", () => {
  const values = new Embedding(50, 40, { seed: 3 }).weight.value;
  expect(values).toEqual(new Embedding(50, 40, { seed: 3 }).weight.value);
  const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
  expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / values.length)); // five deviations of the estimate
  expect(new Embedding(50, 40, { seed: 3, deviation: 0.5 }).weight.value).toEqual(values.map((value) => value * 0.5));
});

test("sizes are checked", () => {
  expect(() => new Embedding(0, 2)).toThrow(ShapeError);
});
