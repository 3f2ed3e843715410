import fc from "fast-check";
import { expect, test } from "vitest";
import { UsageError } from "../../core/errors.ts";
import { allocatePlanes, type LayerChoices } from "./allocate-planes.ts";

const layer = fc
  .record({
    bytesPerPlane: fc.integer({ min: 1, max: 30 }),
    overhead: fc.integer({ min: 0, max: 5 }),
    errors: fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 4 }),
  })
  .map(
    ({ bytesPerPlane, overhead, errors }): LayerChoices => ({
      name: "layer",
      bytes: errors.map((_, i) => overhead + bytesPerPlane * (i + 1)),
      errors,
    }),
  );
const layers = fc.array(layer, { minLength: 1, maxLength: 5 });

function totals(all: readonly LayerChoices[], planes: readonly number[]): { bytes: number; error: number } {
  return {
    bytes: all.reduce((sum, { bytes }, i) => sum + bytes[planes[i] - 1], 0),
    error: all.reduce((sum, { errors }, i) => sum + errors[planes[i] - 1], 0),
  };
}

function* allChoices(all: readonly LayerChoices[]): Generator<number[]> {
  if (all.length === 0) yield [];
  else for (const rest of allChoices(all.slice(1))) for (const i of all[0].bytes.keys()) yield [i + 1, ...rest];
}

test("the error is the least, up to what one step saves: all choices tried", () => {
  fc.assert(
    fc.property(layers, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
      const least = totals(
        all,
        all.map(() => 1),
      ).bytes;
      const most = totals(
        all,
        all.map(({ bytes }) => bytes.length),
      ).bytes;
      const budget = least + share * (most - least);
      const planes = allocatePlanes(all, budget);
      const { bytes, error } = totals(all, planes);
      expect(bytes).toBeLessThanOrEqual(budget);
      const candidates = [...allChoices(all)].map((choice) => totals(all, choice));
      const best = Math.min(...candidates.filter((each) => each.bytes <= budget).map((each) => each.error));
      const largestStep = Math.max(...all.map(({ errors }) => Math.max(...errors) - Math.min(...errors)));
      expect(error - best).toBeLessThanOrEqual(largestStep);
      if (share === 1) expect(error).toBe(best);
    }),
  );
});

test("where planes are as large in all layers and each saves less than the one before, nothing is better", () => {
  const savings = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 0, maxLength: 3 });
  const convex = savings.map((steps): LayerChoices => {
    const falling = [...steps].sort((a, b) => b - a);
    const errors = [300, ...falling.map((_, i) => 300 - falling.slice(0, i + 1).reduce((sum, step) => sum + step, 0))];
    return { name: "layer", bytes: errors.map((_, i) => 8 * (i + 1)), errors };
  });
  fc.assert(
    fc.property(fc.array(convex, { minLength: 1, maxLength: 5 }), fc.integer({ min: 0, max: 100 }), (all, more) => {
      const budget = 8 * all.length + more;
      const { bytes, error } = totals(all, allocatePlanes(all, budget));
      expect(bytes).toBeLessThanOrEqual(budget);
      const candidates = [...allChoices(all)].map((choice) => totals(all, choice));
      expect(error).toBe(Math.min(...candidates.filter((each) => each.bytes <= budget).map((each) => each.error)));
    }),
  );
});

test("steps that save alike are taken one by one", () => {
  const all = [
    { name: "a", bytes: [8, 16, 24], errors: [300, 283, 266] },
    { name: "b", bytes: [8, 16, 24, 32], errors: [300, 282, 264, 246] },
    { name: "c", bytes: [8, 16], errors: [300, 282] },
  ];
  expect(allocatePlanes(all, 64)).toEqual([2, 4, 2]);
});

test("steps of a layer stay in their order where more planes take less", () => {
  expect(allocatePlanes([{ name: "a", bytes: [2, 5, 4], errors: [4, 1, 2] }], 3)).toEqual([1]);
  expect(allocatePlanes([{ name: "a", bytes: [2, 5, 4], errors: [4, 1, 2] }], 4)).toEqual([3]);
  expect(allocatePlanes([{ name: "a", bytes: [2, 5, 4], errors: [4, 1, 2] }], 5)).toEqual([2]);
});

test("the largest saving per byte comes first, along the hull", () => {
  const all = [
    { name: "a", bytes: [10, 20, 30, 40], errors: [100, 30, 10, 5] },
    { name: "b", bytes: [100, 200, 300, 400], errors: [500, 100, 20, 5] },
    { name: "bent", bytes: [10, 20, 30, 40], errors: [100, 99, 20, 19] }, // 3 planes at once: 4 per byte
  ];
  expect(allocatePlanes(all, 120)).toEqual([1, 1, 1]);
  expect(allocatePlanes(all, 130)).toEqual([2, 1, 1]);
  expect(allocatePlanes(all, 139)).toEqual([2, 1, 1]);
  expect(allocatePlanes(all, 150)).toEqual([2, 1, 3]);
  expect(allocatePlanes(all, 250)).toEqual([2, 2, 3]);
  expect(allocatePlanes(all, 249)).toEqual([3, 2, 1]); // the bent step does not fit: what is left goes to another
  expect(allocatePlanes(all, 10_000)).toEqual([4, 4, 4]);
  expect(allocatePlanes([], 0)).toEqual([]);
});

test("more planes are not taken where they leave no less", () => {
  const all = [{ name: "a", bytes: [10, 20, 30], errors: [4, 4, 5] }];
  expect(allocatePlanes(all, 1000)).toEqual([1]);
});

test("a budget below one plane each is refused with the least there is", () => {
  const all = [{ name: "a", bytes: [10, 20], errors: [4, 1] }];
  expect(() => allocatePlanes(all, 9)).toThrow(UsageError);
  expect(() => allocatePlanes(all, 9)).toThrow("the least is 10 bytes");
  expect(() => allocatePlanes(all, Number.NaN)).toThrow(UsageError);
});
