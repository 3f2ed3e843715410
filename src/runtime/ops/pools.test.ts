/** Pools against loops over their windows, for sizes, strides and values of all kinds. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { HostTensor } from "../operation.ts";
import { operationById } from "./index.ts";

/** NaNs of both signs and every payload are among random bits, infinities and zeros of both signs beside them. */
const value = fc.oneof(
  fc.integer().map((bits) => new Float32Array(Int32Array.of(bits).buffer)[0]),
  fc.constantFrom(0, -0, Infinity, -Infinity, 1, -1, 2 ** -149),
);

const sizes = fc.tuple(
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 3, max: 7 }),
  fc.integer({ min: 3, max: 7 }),
  fc.integer({ min: 1, max: 3 }),
);
const pair = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }));
const pool = fc
  .tuple(sizes, fc.oneof(pair, fc.constant<[number, number]>([2, 2])), pair)
  .chain(([shape, kernelSize, stride]) => {
    const count = shape.reduce((product, size) => product * size);
    const data = fc.array(value, { minLength: count, maxLength: count }).map((all) => Float32Array.from(all));
    return fc.record({
      shape: fc.constant(shape),
      kernelSize: fc.constant(kernelSize),
      stride: fc.constant(stride),
      data,
    });
  });

test.each([
  ["max-pool", (window: readonly number[]) => Math.max(...window) + 0],
  [
    "average-pool",
    (window: readonly number[]) =>
      Math.fround(window.reduce((sum, next) => Math.fround(sum + next)) * Math.fround(1 / window.length)),
  ],
] as const)("%s", async (op, reduce) => {
  await fc.assert(
    fc.asyncProperty(pool, async ({ shape, kernelSize, stride, data }) => {
      const [images, height, width, channels] = shape;
      const node = { name: "pool", op, inputs: [0], attributes: { kernelSize, stride }, tensors: {} };
      const x: HostTensor = { shape, data: data.slice() };
      const y = await operationById(op)
        .prepare(node, unused)
        .run([x], undefined, () => undefined);
      const expected: number[] = [];
      for (let image = 0; image < images; image++) {
        for (let top = 0; top + kernelSize[0] <= height; top += stride[0]) {
          for (let left = 0; left + kernelSize[1] <= width; left += stride[1]) {
            for (let channel = 0; channel < channels; channel++) {
              const window: number[] = [];
              for (let i = 0; i < kernelSize[0]; i++) {
                for (let j = 0; j < kernelSize[1]; j++) {
                  window.push(data[((image * height + top + i) * width + left + j) * channels + channel]);
                }
              }
              expected.push(reduce(window));
            }
          }
        }
      }
      expect(Array.from(y.data)).toEqual(expected);
      expect(Array.from(x.data)).toEqual(Array.from(data));
    }),
    { numRuns: 300 },
  );
});

/** Pools need no backend. */
const unused = new Proxy({} as Parameters<ReturnType<typeof operationById>["prepare"]>[1], {
  get() {
    throw new Error("a pool asked for a backend");
  },
});
