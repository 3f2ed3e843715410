/** Arrays that a model keeps: no value may lie in two places, and no two values in one. */
import { expect, test } from "vitest";
import { ArraysOfRun, KeptArrays } from "./kept-arrays.ts";

function takenFrom(kept: KeptArrays, length: number): Float32Array {
  const array = kept.take(length);
  if (!array) throw new Error(`no array of ${length}`);
  return array;
}

test("an array comes again once it was given back, to one taker and for its length", () => {
  const kept = new KeptArrays();
  const first = takenFrom(kept, 8);
  const second = takenFrom(kept, 8);
  expect(second).not.toBe(first);
  kept.giveBack(first);
  expect(takenFrom(kept, 9)).toHaveLength(9);
  expect(kept.take(8)).toBe(first);
  expect(kept.take(8)).not.toBe(first);
});

test("long arrays are not kept, and of others a few MiB", () => {
  const kept = new KeptArrays();
  const length = 4 << 20; // 16 MiB
  expect(kept.take(length + 1)).toBeUndefined();
  const arrays = Array.from({ length: 3 }, () => takenFrom(kept, length));
  for (const array of arrays) kept.giveBack(array);
  expect(kept.take(length) === arrays[2]).toBe(true);
  expect(arrays.includes(takenFrom(kept, length))).toBe(false);
  kept.giveBack(arrays[0]);
  kept.clear();
  expect(kept.take(length) === arrays[0]).toBe(false);
});

test("a run gives back what no value lies in any more", () => {
  const kept = new KeptArrays();
  const run = new ArraysOfRun(kept);
  const array = run.take(4) as Float32Array;
  run.add(array);
  run.add(array.subarray(1)); // handed on in another shape
  run.dropUnused();
  run.release(array);
  expect(kept.take(4)).not.toBe(array);
  run.release(array.subarray(1));
  expect(kept.take(4)).toBe(array);
});

test("a run gives back what became no value, and nothing that was not taken", () => {
  const kept = new KeptArrays();
  const run = new ArraysOfRun(kept);
  const unused = run.take(4) as Float32Array;
  const stranger = new Float32Array(4);
  run.add(stranger);
  run.dropUnused();
  run.release(stranger);
  expect(kept.take(4)).toBe(unused);
  expect(kept.take(4)).not.toBe(stranger);
});
