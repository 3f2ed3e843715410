import { expect, test } from "vitest";
import { distinctParameters } from "./distinct-parameters.ts";
import { Linear } from "./modules/linear.ts";
import { Sequential } from "./modules/sequential.ts";

test("a layer in two places has its parameters once, under their first names", () => {
  const shared = new Linear(2, 2);
  const model = new Sequential(shared, new Linear(2, 2), shared);
  const names = distinctParameters(model).map(([name]) => name);
  expect(names).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
  expect(model.namedParameters()).toHaveLength(6);
});
