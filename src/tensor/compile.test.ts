import { expect, test } from "vitest";
import { compile, differentiate } from "./compile.ts";
import { tensor } from "./tensor.ts";

test("a differentiated function may give back its own variable", () => {
  const run = compile(([x, factor]) => {
    const { value, extra, gradients } = differentiate(([v]) => ({ value: v.mul(factor).sum(), extra: [v] }), [x]);
    return [value, ...extra, ...gradients];
  });
  const [value, extra, gradient] = run([tensor([1, 2, 3]), tensor([4, 5, 6])]).map((output) => output.dataSync());
  expect(value).toEqual(Float32Array.of(32));
  expect(extra).toEqual(Float32Array.of(1, 2, 3));
  expect(gradient).toEqual(Float32Array.of(4, 5, 6));
});
