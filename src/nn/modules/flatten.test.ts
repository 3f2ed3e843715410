import { expect, test } from "vitest";
import { tensor } from "../../tensor/index.ts";
import { Flatten } from "./flatten.ts";

test("images are flattened channel by channel, as PyTorch flattens its own", async () => {
  // [1, 2, 2, 3]: pixel p has channels 10p, 10p + 1, 10p + 2.
  const y = new Flatten().forward(tensor([0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32], [1, 2, 2, 3]));
  expect(y.shape).toEqual([1, 12]);
  expect([...(await y.data())]).toEqual([0, 10, 20, 30, 1, 11, 21, 31, 2, 12, 22, 32]);
});

test("other ranks stay in their order", async () => {
  const y = new Flatten().forward(tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]));
  expect(y.shape).toEqual([2, 4]);
  expect([...(await y.data())]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(new Flatten().forward(tensor([1, 2], [2])).shape).toEqual([2, 1]);
});
