/** Arrays that a model keeps: no value may lie in two places, and no two values in one. */
import { expect, test } from "vitest";
import { ArraysOfRun, KeptArrays } from "./kept-arrays.ts";

function takenFrom(kept: KeptArrays, length: number): Float32Array {
  const array = kept.take(length);
  if (!array) throw new Error(`no array of ${length}`);
  return array;
}

test("a block comes again once it was given back, to one taker, for what fits into it", () => {
  const kept = new KeptArrays();
  const first = takenFrom(kept, 8);
  const second = takenFrom(kept, 8);
  expect(second.buffer).not.toBe(first.buffer);
  kept.giveBack(first);
  const third = takenFrom(kept, 100);
  expect(third.buffer).toBe(first.buffer);
  expect(third).toHaveLength(100);
  expect(takenFrom(kept, 8).buffer).not.toBe(first.buffer);
  kept.giveBack(third);
  const large = takenFrom(kept, 5000);
  expect(large.buffer).not.toBe(first.buffer);
  kept.giveBack(large);
  expect(takenFrom(kept, 8).buffer).toBe(first.buffer); // the smallest that does
});

test("no more shared memory is made than may be kept", () => {
  const kept = new KeptArrays();
  const length = 4 << 20; // 16 MiB
  const first = takenFrom(kept, length);
  const second = takenFrom(kept, length);
  expect(kept.take(1)).toBeUndefined();
  kept.giveBack(first);
  kept.giveBack(second);
  const blocks = new Set<ArrayBufferLike>();
  for (let i = 0; i < 1000; i++) {
    const array = takenFrom(kept, 1 + ((i * 7919) % length));
    blocks.add(array.buffer);
    kept.giveBack(array);
  }
  expect([...blocks].every((block) => block === first.buffer || block === second.buffer)).toBe(true);
});

test("what is closed keeps nothing, and nothing that comes later", () => {
  const kept = new KeptArrays();
  const array = takenFrom(kept, 8);
  kept.close();
  kept.giveBack(array);
  expect(kept.take(8)).toBeUndefined();
});

test("a run gives back what no value lies in any more", () => {
  const kept = new KeptArrays();
  const run = new ArraysOfRun(kept);
  const array = run.take(4) as Float32Array;
  run.add(array);
  run.add(array.subarray(1)); // handed on in another shape
  run.dropUnused();
  run.release(array);
  expect(kept.take(4)?.buffer).not.toBe(array.buffer);
  run.release(array.subarray(1));
  expect(kept.take(4)?.buffer).toBe(array.buffer);
});

test("a run gives back what became no value, and nothing that was not taken", () => {
  const kept = new KeptArrays();
  const run = new ArraysOfRun(kept);
  const unused = run.take(4) as Float32Array;
  const stranger = new Float32Array(4);
  run.add(stranger);
  run.dropUnused();
  run.release(stranger);
  expect(kept.take(4)?.buffer).toBe(unused.buffer);
  expect(kept.take(4)?.buffer).not.toBe(stranger.buffer);
});

test("a run that ends gives back all it has", () => {
  const kept = new KeptArrays();
  const run = new ArraysOfRun(kept);
  const arrays = [run.take(4), run.take(4)] as Float32Array[];
  run.add(arrays[0]);
  run.end();
  run.end();
  expect(new Set([kept.take(4)?.buffer, kept.take(4)?.buffer])).toEqual(new Set(arrays.map(({ buffer }) => buffer)));
  expect(arrays.map(({ buffer }) => buffer)).not.toContain(kept.take(4)?.buffer);
});
