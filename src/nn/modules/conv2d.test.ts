import { expect, test } from "vitest";
import { expectGradients, type Reference } from "../../../test/support/gradients.ts";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { Conv2d } from "./conv2d.ts";

/** Cross-correlation by plain loops, channels last, kernel as in PyTorch. */
function plainConvolution(layer: Conv2d, [batch, height, width]: readonly number[]): Reference {
  const { inChannels, outChannels, kernelSize, stride, padding } = layer;
  const patchSize = inChannels * kernelSize[0] * kernelSize[1];
  const outHeight = Math.floor((height + 2 * padding[0] - kernelSize[0]) / stride[0]) + 1;
  const outWidth = Math.floor((width + 2 * padding[1] - kernelSize[1]) / stride[1]) + 1;
  return (x, { weight, bias }) => {
    const y: number[] = [];
    for (let at = 0; at < batch * outHeight * outWidth; at++) {
      const [image, row, column] = [
        Math.floor(at / outWidth / outHeight),
        Math.floor(at / outWidth) % outHeight,
        at % outWidth,
      ];
      for (let out = 0; out < outChannels; out++) {
        let sum = bias?.[out] ?? 0;
        for (let k = 0; k < patchSize; k++) {
          const [channel, cell] = [Math.floor(k / kernelSize[0] / kernelSize[1]), k % (kernelSize[0] * kernelSize[1])];
          const top = row * stride[0] + Math.floor(cell / kernelSize[1]) - padding[0];
          const left = column * stride[1] + (cell % kernelSize[1]) - padding[1];
          if (top < 0 || top >= height || left < 0 || left >= width) continue;
          const pixel = (image * height + top) * width + left;
          sum += x[pixel * inChannels + channel] * weight[out * patchSize + k];
        }
        y.push(sum);
      }
    }
    return y;
  };
}

test.each([
  { sizes: [2, 5, 4, 2], kernel: 3, options: { padding: 1 } },
  { sizes: [1, 6, 7, 1], kernel: [3, 2], options: { stride: [2, 3], padding: [2, 1], bias: false } },
  { sizes: [2, 3, 3, 2], kernel: 1, options: {} },
] as const)("output and gradients equal plain loops: $sizes, kernel $kernel", async ({ sizes, kernel, options }) => {
  const layer = new Conv2d(sizes[3], 3, kernel, { ...options, seed: 4 });
  await expectGradients(layer, sizes, plainConvolution(layer, sizes), 100);
});

test("weights have PyTorch's names and shapes, and follow the seed", () => {
  const shapes = (layer: Conv2d): unknown => layer.namedParameters().map(([name, { shape }]) => [name, shape]);
  expect(shapes(new Conv2d(3, 8, [5, 2]))).toEqual([
    ["weight", [8, 3, 5, 2]],
    ["bias", [8]],
  ]);
  expect(shapes(new Conv2d(3, 8, 3, { bias: false }))).toEqual([["weight", [8, 3, 3, 3]]]);
  const weights = (seed: number): Float32Array => new Conv2d(1, 2, 3, { seed }).weight.value;
  expect(weights(1)).toEqual(weights(1));
  expect(weights(1)).not.toEqual(weights(2));
  expect(Math.max(...weights(1).map(Math.abs))).toBeLessThanOrEqual(1 / 3); // 1 / sqrt(fan-in of 9)
});

test("sizes are checked", () => {
  expect(() => new Conv2d(0, 1, 3)).toThrow(ShapeError);
  expect(() => new Conv2d(1, 1.5, 3)).toThrow("outChannels must be a whole number");
  expect(() => new Conv2d(1, 1, 3, { stride: 0 })).toThrow("stride must be a whole number of at least 1, got 0");
  expect(() => new Conv2d(1, 1, [3, 2], { padding: 2 })).toThrow(
    "padding must be smaller than the kernel (3×2), got 2×2",
  );
  const layer = new Conv2d(2, 1, 3);
  expect(() => layer.forward(tensor(new Float32Array(16), [1, 4, 4, 1]))).toThrow(
    "Conv2d needs an input of shape [batch, height, width, 2], got [1, 4, 4, 1]",
  );
});

test("it describes itself", () => {
  expect(new Conv2d(1, 16, 3).describe()).toBe("1 → 16, 3×3");
  expect(new Conv2d(1, 16, 3, { stride: 2, padding: [1, 0] }).describe()).toBe("1 → 16, 3×3, stride 2×2, padding 1×0");
});
