import { expect, test } from "vitest";
import { expectGradients, type Reference } from "../../../test/support/gradients.ts";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { BitLinear } from "./bit-linear.ts";
import { Linear } from "./linear.ts";
import { MultiHeadAttention } from "./multi-head-attention.ts";

/** softmax(Q · Kᵀ / sqrt(d)) · V by plain loops over samples, heads and positions, between float projections. */
function plainAttention(sequence: number, features: number, heads: number, causal: boolean): Reference {
  const size = features / heads;
  return (x, parameters) => {
    const project = (name: string, rows: readonly number[]): number[] =>
      rows.map((_, at) => {
        const [row, n] = [at - (at % features), at % features];
        const products = rows
          .slice(row, row + features)
          .map((value, k) => value * parameters[`${name}.weight`][n * features + k]);
        return products.reduce((sum, product) => sum + product, parameters[`${name}.bias`][n]);
      });
    const [query, key, value] = ["query", "key", "value"].map((name) => project(name, x));
    const mixed = x.map((_, at) => {
      const feature = at % features;
      const first = feature - (feature % size);
      const position = Math.floor(at / features) % sequence;
      const start = at - feature - position * features;
      const visible = causal ? position + 1 : sequence;
      const weights = Array.from({ length: visible }, (_, other) => {
        let score = 0;
        for (let k = first; k < first + size; k++) {
          score += query[start + position * features + k] * key[start + other * features + k];
        }
        return Math.exp(score / Math.sqrt(size));
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return weights.reduce(
        (sum, weight, other) => sum + (weight / total) * value[start + other * features + feature],
        0,
      );
    });
    return project("output", mixed);
  };
}

test.each([false, true])("output and gradients equal plain loops (causal: %s)", async (causal) => {
  const layer = new MultiHeadAttention(6, 2, { layer: "float", causal, seed: 2 });
  await expectGradients(layer, [2, 4, 6], plainAttention(4, 6, 2, causal), 300);
});

test("causal attention sees nothing of what comes later", async () => {
  const layer = new MultiHeadAttention(8, 2, { causal: true, seed: 1 });
  const run = async (last: number): Promise<Float32Array> => {
    const x = Float32Array.from({ length: 24 }, (_, i) => (i < 16 ? Math.sin(i) : last));
    return await layer.forward(tensor(x, [1, 3, 8])).data();
  };
  const [one, other] = [await run(0.1), await run(-5)];
  expect(one.subarray(0, 16)).toEqual(other.subarray(0, 16));
  expect(one.subarray(16)).not.toEqual(other.subarray(16));
});

test("projections are ternary or float, each with its own seed", () => {
  const ternary = new MultiHeadAttention(8, 2, { quantizer: "twn", bias: false });
  expect(ternary.query).toBeInstanceOf(BitLinear);
  expect(ternary.query.describe()).toBe("8 → 8, twn, int8");
  expect(ternary.query.bias).toBeUndefined();
  expect(ternary.query.weight.value).not.toEqual(ternary.key.weight.value);
  expect(new MultiHeadAttention(8, 2, { layer: "float" }).output).toBeInstanceOf(Linear);
  expect(ternary.children().map(([name]) => name)).toEqual(["query", "key", "value", "output"]);
});

test("sizes are checked", () => {
  expect(() => new MultiHeadAttention(8, 3)).toThrow(
    new ShapeError("features must be a multiple of heads, got 8 features and 3 heads"),
  );
  const layer = new MultiHeadAttention(4, 2);
  expect(() => layer.forward(tensor(new Float32Array(8), [2, 4]))).toThrow(
    "MultiHeadAttention needs an input of shape [batch, sequence, 4], got [2, 4]",
  );
});
