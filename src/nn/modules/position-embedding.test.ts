import { expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { PositionEmbedding } from "./position-embedding.ts";

test("positions are added from the first one on", async () => {
  const layer = new PositionEmbedding(3, 2, { seed: 1 });
  const x = tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]);
  const [a, b, c, d] = layer.weight.value;
  const expected = [1 + a, 2 + b, 3 + c, 4 + d, 5 + a, 6 + b, 7 + c, 8 + d];
  expect(await layer.forward(x).data()).toEqual(Float32Array.from(expected));
  const { parameters } = await valueAndGrad(layer, { data: await x.data(), shape: x.shape }, (y) => y.sum());
  expect([...parameters.weight.data]).toEqual([2, 2, 2, 2, 0, 0]);
});

test("a sequence longer than the table is refused", () => {
  expect(() => new PositionEmbedding(3, 2).forward(tensor(new Float32Array(8), [1, 4, 2]))).toThrow(
    new ShapeError(
      "PositionEmbedding needs an input of shape [batch, ..., sequence, 2] with at most 3 positions, got [1, 4, 2]",
    ),
  );
});
