import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError } from "../../core/errors.ts";
import { tensor } from "../../tensor/index.ts";
import { everyNth, outputSize, pairOf, windowValues } from "./images.ts";

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
