import { expect, test } from "vitest";
import { expectSameBits } from "../../../test/support/forward-pass.ts";
import { expectGradients } from "../../../test/support/gradients.ts";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { valueAndGrad } from "../value-and-grad.ts";
import { MaxPool2d } from "./max-pool2d.ts";

test.each([
  { kernelSize: 2, stride: 2, shape: [2, 5, 4, 3], isTraining: true },
  { kernelSize: 2, stride: 2, shape: [2, 5, 4, 3], isTraining: false },
  { kernelSize: [3, 2], stride: [1, 2], shape: [1, 5, 7, 2], isTraining: true },
  { kernelSize: 3, stride: 2, shape: [1, 7, 7, 1], isTraining: true },
] as const)(
  "output and gradients: window $kernelSize, stride $stride, training $isTraining",
  async ({ kernelSize, stride, shape, isTraining }) => {
    const layer = new MaxPool2d(kernelSize, { stride });
    layer.isTraining = isTraining;
    const [batch, height, width, channels] = shape;
    const outHeight = Math.floor((height - layer.kernelSize[0]) / layer.stride[0]) + 1;
    const outWidth = Math.floor((width - layer.kernelSize[1]) / layer.stride[1]) + 1;
    await expectGradients(
      layer,
      shape,
      (x) =>
        Array.from({ length: batch * outHeight * outWidth * channels }, (_, at) => {
          const [position, channel] = [Math.floor(at / channels), at % channels];
          const [row, column] = [Math.floor(position / outWidth) % outHeight, position % outWidth];
          const image = Math.floor(position / outWidth / outHeight);
          const cells = Array.from({ length: layer.kernelSize[0] * layer.kernelSize[1] }, (_, cell) => {
            const top = row * layer.stride[0] + Math.floor(cell / layer.kernelSize[1]);
            const left = column * layer.stride[1] + (cell % layer.kernelSize[1]);
            return x[((image * height + top) * width + left) * channels + channel];
          });
          return Math.max(...cells);
        }),
      4,
    );
  },
);

test("of equal values the first gets the gradient, row by row", async () => {
  const gradient = async (data: number[]): Promise<number[]> => [
    ...(await valueAndGrad(new MaxPool2d(2), { data, shape: [1, 2, 2, 1] }, (y) => y.sum())).input,
  ];
  expect(await gradient([7, 7, 7, 7])).toEqual([1, 0, 0, 0]);
  expect(await gradient([1, 7, 7, 1])).toEqual([0, 1, 0, 0]);
  expect(await gradient([0, 0, 0, 1])).toEqual([0, 0, 0, 1]);
});

test("training and evaluation give the same bits, special values included", async () => {
  const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1];
  const windows = special.flatMap((a) => special.flatMap((b) => special.map((c) => [a, b, c, -0])));
  const x = tensor(windows.flat(), [windows.length, 2, 2, 1]);
  const layer = new MaxPool2d(2);
  const trained = await layer.forward(x).data();
  const evaluated = await layer.eval().forward(x).data();
  const expected = Float32Array.from(windows, (window) => Math.max(...window) + 0);
  expectSameBits(trained, expected, "training");
  expectSameBits(evaluated, expected, "evaluation");
});

test("rows and columns that fill no window are left out", async () => {
  const y = new MaxPool2d(2).forward(tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]));
  expect(y.shape).toEqual([1, 1, 1, 1]);
  expect(await y.data()).toEqual(Float32Array.of(5));
});

test("sizes are checked", () => {
  expect(() => new MaxPool2d(0)).toThrow(ShapeError);
  expect(() => new MaxPool2d(4).forward(tensor(new Float32Array(9), [1, 3, 3, 1]))).toThrow(
    "MaxPool2d moves a window of 4×4 over the image, got the smaller input [1, 3, 3, 1]",
  );
});
