import fc from "fast-check";
import { expect, test } from "vitest";
import { DeviceError } from "../../core/errors.ts";
import { Heap, makeMemory } from "./heap.ts";

test("blocks are aligned, keep what is in them, and leave nothing behind", () => {
  const step = fc.record({
    allocates: fc.boolean(),
    byteLength: fc.integer({ min: 0, max: 200_000 }),
    index: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const heap = new Heap(makeMemory(false), 1000);
      const blocks: { address: number; byteLength: number; mark: number }[] = [];
      for (const [mark, { allocates, byteLength, index }] of steps.entries()) {
        if (allocates || blocks.length === 0) {
          const address = heap.allocate(byteLength);
          expect(address % 64).toBe(0);
          expect(address).toBeGreaterThanOrEqual(1000);
          heap.bytes(address, byteLength).fill(mark);
          blocks.push({ address, byteLength, mark });
        } else {
          const [block] = blocks.splice(index % blocks.length, 1);
          heap.free(block.address);
        }
        for (const block of blocks) {
          const isKept = heap.bytes(block.address, block.byteLength).every((value) => value === block.mark);
          expect(isKept).toBe(true);
        }
      }
      for (const { address } of blocks) heap.free(address);
      expect(heap.usedByteLength).toBe(0);
      const before = heap.memory.buffer.byteLength;
      heap.allocate(before - 1024); // one gap again, else the memory would grow
      expect(heap.memory.buffer.byteLength).toBe(before);
    }),
  );
});

test("memory grows by what is missing", () => {
  const heap = new Heap(makeMemory(false), 0);
  const before = heap.memory.buffer.byteLength;
  heap.allocate(before / 2);
  heap.allocate(before / 2 + 1);
  expect(heap.memory.buffer.byteLength - before).toBe(65536);
});

test("memory that cannot grow is an error that says what to do", () => {
  const heap = new Heap(new WebAssembly.Memory({ initial: 1, maximum: 3 }), 0);
  heap.allocate(100_000);
  expect(() => heap.allocate(100_000)).toThrow(DeviceError);
  expect(() => heap.allocate(100_000)).toThrow("dispose of layers");
  expect(heap.allocate(50_000)).toBeGreaterThan(0);
});

test("what is no block cannot be freed", () => {
  const heap = new Heap(makeMemory(false), 0);
  const address = heap.allocate(1);
  heap.free(address);
  expect(() => heap.free(address)).toThrow(DeviceError);
});
