import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import { elementCount, type Shape } from "../../core/shape.ts";
import { tensor } from "../../tensor/index.ts";
import { convolutionGeometry, convolve, describeConvolution } from "./convolution.ts";
import { outputSize } from "./images.ts";

/** Small whole numbers, whose sums float32 holds exactly in any order. */
function integers(shape: Shape, seed: number): Float32Array {
  const random = new RandomSource(seed);
  return Float32Array.from({ length: elementCount(shape) }, () => random.integer(15) - 7);
}

test("it equals plain loops for windows, steps, zeros and channels of any size", async () => {
  const side = fc.integer({ min: 1, max: 3 });
  const pair = fc.tuple(side, side);
  await fc.assert(
    fc.asyncProperty(pair, pair, pair, side, side, async (kernelSize, stride, room, inChannels, outChannels) => {
      const padding = [Math.min(room[0] - 1, kernelSize[0] - 1), Math.min(room[1] - 1, kernelSize[1] - 1)] as const;
      const [height, width] = [kernelSize[0] + room[0], kernelSize[1] + room[1]];
      const shape = [2, height, width, inChannels];
      const kernelShape = [outChannels, inChannels, ...kernelSize];
      const [x, kernel] = [integers(shape, 1), integers(kernelShape, 2)];
      const geometry = { kernelSize, stride, padding };
      const [outHeight, outWidth] = outputSize({}, tensor(x, shape), geometry);
      const expected: number[] = [];
      for (let image = 0; image < 2; image++) {
        for (let position = 0; position < outHeight * outWidth; position++) {
          for (let out = 0; out < outChannels; out++) {
            let sum = 0;
            for (let k = 0; k < inChannels * kernelSize[0] * kernelSize[1]; k++) {
              const [row, column] = [Math.floor(k / kernelSize[1]) % kernelSize[0], k % kernelSize[1]];
              const top = Math.floor(position / outWidth) * stride[0] + row - padding[0];
              const left = (position % outWidth) * stride[1] + column - padding[1];
              if (top < 0 || top >= height || left < 0 || left >= width) continue;
              const channel = Math.floor(k / kernelSize[0] / kernelSize[1]);
              const weight = kernel[out * inChannels * kernelSize[0] * kernelSize[1] + k];
              sum += x[((image * height + top) * width + left) * inChannels + channel] * weight;
            }
            expected.push(sum);
          }
        }
      }
      const y = convolve(tensor(x, shape), tensor(kernel, kernelShape), geometry, [outHeight, outWidth]);
      expect(y.shape).toEqual([2 * outHeight * outWidth, outChannels]);
      expect([...(await y.data())]).toEqual(expected.map((sum) => sum + 0));
    }),
    { numRuns: 40 },
  );
});

test("padding stays smaller than the kernel, so that every output sees a pixel", () => {
  expect(convolutionGeometry(3, { padding: 2 })).toEqual({ kernelSize: [3, 3], stride: [1, 1], padding: [2, 2] });
  expect(() => convolutionGeometry([3, 1], { padding: [2, 1] })).toThrow(
    new ShapeError("padding must be smaller than the kernel (3×1), got 2×1"),
  );
});

test("stride and padding are described where they are not the default", () => {
  const sizes = { inChannels: 1, outChannels: 8, kernelSize: [3, 3], stride: [1, 1], padding: [0, 0] } as const;
  expect(describeConvolution(sizes)).toBe("1 → 8, 3×3");
  expect(describeConvolution({ ...sizes, stride: [1, 2] })).toBe("1 → 8, 3×3, stride 1×2");
  expect(describeConvolution({ ...sizes, padding: [1, 1] })).toBe("1 → 8, 3×3, padding 1×1");
});
