import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError } from "../core/errors.ts";
import { tensor } from "../tensor/index.ts";
import { everyNth, outputSize, pairOf, patchesOf, windowValues } from "./images.ts";

const ramp = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i + 1);

test("a size is one number for both directions, or a pair", () => {
  expect(pairOf("stride", 3)).toEqual([3, 3]);
  expect(pairOf("stride", [1, 2])).toEqual([1, 2]);
  expect(() => pairOf("stride", 0)).toThrow(new ShapeError("stride must be a whole number of at least 1, got 0"));
  expect(() => pairOf("padding", [0, 0.5], 0)).toThrow("padding must be a whole number of at least 0, got 0.5");
  expect(() => pairOf("stride", [1] as unknown as [number, number])).toThrow("a pair [vertical, horizontal], got [1]");
});

test("everyNth picks elements of one axis, also where the last block is not whole", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 3 }),
      async (start, count, step, beyond) => {
        const size = start + (count - 1) * step + 1 + beyond;
        const picked = everyNth(tensor(ramp(2 * size * 3), [2, size, 3]), 1, start, count, step);
        expect(picked.shape).toEqual([2, count, 3]);
        const expected = [0, 1].flatMap((outer) =>
          Array.from(
            { length: count * 3 },
            (_, i) => (outer * size + start + Math.floor(i / 3) * step) * 3 + (i % 3) + 1,
          ),
        );
        expect([...(await picked.data())]).toEqual(expected);
      },
    ),
    { numRuns: 40 },
  );
});

test("patches hold what the window sees, zeros outside the image", async () => {
  const side = fc.integer({ min: 1, max: 3 });
  const pair = fc.tuple(side, side);
  await fc.assert(
    fc.asyncProperty(pair, pair, pair, side, async (kernelSize, stride, room, channels) => {
      const padding = [Math.min(room[0] - 1, kernelSize[0] - 1), Math.min(room[1] - 1, kernelSize[1] - 1)] as const;
      const [height, width] = [kernelSize[0] + room[0], kernelSize[1] + room[1]];
      const x = tensor(ramp(2 * height * width * channels), [2, height, width, channels]);
      const geometry = { kernelSize, stride, padding };
      const [outHeight, outWidth] = outputSize({}, x, geometry);
      const expected: number[] = [];
      for (let image = 0; image < 2; image++) {
        for (let position = 0; position < outHeight * outWidth; position++) {
          for (let cell = 0; cell < kernelSize[0] * kernelSize[1]; cell++) {
            const row = Math.floor(position / outWidth) * stride[0] + Math.floor(cell / kernelSize[1]) - padding[0];
            const column = (position % outWidth) * stride[1] + (cell % kernelSize[1]) - padding[1];
            const isInside = row >= 0 && row < height && column >= 0 && column < width;
            for (let channel = 0; channel < channels; channel++) {
              expected.push(isInside ? ((image * height + row) * width + column) * channels + channel + 1 : 0);
            }
          }
        }
      }
      expect([...(await patchesOf(x, geometry, [outHeight, outWidth]).data())]).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

test("window values come row by row", async () => {
  const x = tensor(ramp(9), [1, 3, 3, 1]);
  const values = windowValues(x, { kernelSize: [2, 2], stride: [1, 1], padding: [0, 0] }, [2, 2]);
  expect((await Promise.all(values.map((value) => value.data()))).map((value) => value[0])).toEqual([1, 2, 4, 5]);
});

test("an input that is no image, or smaller than the window, is refused with both shapes", () => {
  class Layer {}
  const geometry = { kernelSize: [3, 2], stride: [1, 1], padding: [0, 0] } as const;
  expect(() => outputSize(new Layer(), tensor(ramp(4), [2, 2]), geometry)).toThrow(
    new ShapeError("Layer needs an input of shape [batch, height, width, channels], got [2, 2]"),
  );
  expect(() => outputSize(new Layer(), tensor(ramp(8), [1, 2, 2, 2]), geometry, 3)).toThrow(
    "Layer needs an input of shape [batch, height, width, 3], got [1, 2, 2, 2]",
  );
  expect(() => outputSize(new Layer(), tensor(ramp(8), [1, 2, 2, 2]), geometry)).toThrow(
    "moves a window of 3×2 over the image, got the smaller input [1, 2, 2, 2]",
  );
});
