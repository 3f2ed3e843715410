import { expect, test } from "vitest";
import { expectClose, expectGradients } from "../../../test/support/gradients.ts";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { BatchNorm } from "./batch-norm.ts";

const FEATURES = 3;

function moments(x: ArrayLike<number>, channel: number): { mean: number; variance: number; count: number } {
  const values = Array.from(x).filter((_, i) => i % FEATURES === channel);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, variance, count: values.length };
}

function example(): BatchNorm {
  const layer = new BatchNorm(FEATURES, { eps: 1e-3 });
  layer.weight.value = Float32Array.of(1, 2, -1);
  layer.bias.value = Float32Array.of(0, 1, 2);
  return layer;
}

test.each([[[8, 3]], [[2, 2, 3, 3]]])(
  "in training, output and gradients follow the statistics of the batch %j",
  async (shape) => {
    await expectGradients(
      example(),
      shape,
      (x, { weight, bias }) => {
        const statistics = Array.from({ length: FEATURES }, (_, channel) => moments(x, channel));
        return x.map((value, i) => {
          const { mean, variance } = statistics[i % FEATURES];
          return ((value - mean) / Math.sqrt(variance + 1e-3)) * weight[i % FEATURES] + bias[i % FEATURES];
        });
      },
      100,
    );
  },
);

test("in evaluation, it is an affine map with the running statistics", async () => {
  const layer = example().eval();
  layer.runningMean.value = Float32Array.of(0.5, -1, 2);
  layer.runningVar.value = Float32Array.of(4, 0.25, 1);
  const [mean, variance] = [layer.runningMean.value.slice(), layer.runningVar.value.slice()];
  await expectGradients(
    layer,
    [4, 3],
    (x, { weight, bias }) =>
      x.map((value, i) => {
        const channel = i % FEATURES;
        return ((value - mean[channel]) / Math.sqrt(variance[channel] + 1e-3)) * weight[channel] + bias[channel];
      }),
    100,
  );
  expect(layer.runningMean.value).toEqual(mean); // evaluation leaves them alone
});

test("training moves the running statistics by the momentum, the variance unbiased as in PyTorch", () => {
  const layer = new BatchNorm(FEATURES, { momentum: 0.25 });
  const x = Float32Array.of(1, 10, -3, 2, 30, -3, 6, 20, -3, 3, 40, -3);
  layer.forward(tensor(x, [4, 3]));
  const expected = [0, 1, 2].map((channel) => moments(x, channel));
  expectClose(
    layer.runningMean.value,
    expected.map(({ mean }) => 0.25 * mean),
    8,
    "mean",
  );
  const variances = expected.map(({ variance, count }) => 0.75 + (0.25 * variance * count) / (count - 1));
  expectClose(layer.runningVar.value, variances, 8, "variance");
});

test("running statistics are buffers: in the state, not trained", () => {
  const layer = new BatchNorm(FEATURES);
  expect(Object.keys(layer.stateDict())).toEqual(["weight", "bias", "runningMean", "runningVar"]);
  expect(layer.parameters()).toEqual([layer.weight, layer.bias]);
});

test("one value per channel has no variance", () => {
  const one = tensor([1, 2, 3], [1, 3]);
  expect(() => new BatchNorm(FEATURES).forward(one)).toThrow(
    new ShapeError("BatchNorm needs at least 2 values per channel in training, got 1; use eval() or a larger batch"),
  );
  expect(new BatchNorm(FEATURES).eval().forward(one).shape).toEqual([1, 3]);
});
