import { expect, test } from "vitest";
import { openBackend } from "../../backends/index.ts";
import { checkProducts, type LayerShape, randomProblem, referenceSample } from "./problem.ts";

const exact = { backend: "some", kernel: "one", tolerance: 0 };
const reference = await openBackend("reference");

test.each([
  [[1, 1], 1],
  [[65, 33], 1],
  [[130, 16], 9],
] as [LayerShape, number][])("right outputs of a layer of %j pass for %i tokens", async (shape, m) => {
  const problem = randomProblem(shape, m);
  using layer = reference.linear([problem.matrix], { activation: "int8" });
  const y = (await layer.run(problem.x, m)) as Float32Array;
  const sample = await referenceSample(problem, m);
  expect(sample.tokens).toContain(m - 1);
  expect(sample.outputs).toContain(shape[0] - 1);
  expect(() => checkProducts(y, shape[0], sample, exact)).not.toThrow();
  expect(() => checkProducts([y, y], shape[0], sample, exact)).not.toThrow();
});

test("a single wrong bit fails, in the last of several products too", async () => {
  const problem = randomProblem([65, 33], 2);
  using layer = reference.linear([problem.matrix], { activation: "int8" });
  const y = (await layer.run(problem.x, 2)) as Float32Array;
  const sample = await referenceSample(problem, 2);
  const wrong = y.slice();
  new Uint32Array(wrong.buffer)[wrong.length - 1] ^= 1;
  expect(() => checkProducts(wrong, 65, sample, exact)).toThrow(/some one: an output should be .*, got /);
  expect(() => checkProducts([y, wrong], 65, sample, exact)).toThrow(/an output should be/);
});

test("with a tolerance the deviation counts, and NaN is none that passes", async () => {
  const sample = { tokens: [0], outputs: [0, 1], values: Float32Array.of(3, 4) };
  const layer = { ...exact, tolerance: 0.02 };
  expect(() => checkProducts(Float32Array.of(3.05, 4.05), 2, sample, layer)).not.toThrow(); // 0.07 of 5
  expect(() => checkProducts(Float32Array.of(3.1, 4.1), 2, sample, layer)).toThrow(/deviate by 0\.028/);
  expect(() => checkProducts(Float32Array.of(3, Number.NaN), 2, sample, layer)).toThrow(/deviate by NaN/);
});
