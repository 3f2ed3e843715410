import fc from "fast-check";
import { expect, test } from "vitest";
import { MagnitudeSorter } from "./sorted-magnitudes.ts";

test("magnitudes of any floats are in ascending order, also of a slice", () => {
  const sorter = new MagnitudeSorter(300);
  const values = fc.float32Array({ minLength: 1, maxLength: 299, noNaN: true });
  fc.assert(
    fc.property(values, (floats) => {
      const expected = [...floats].map(Math.abs).sort((a, b) => a - b);
      expect([...sorter.sort(floats)]).toEqual(expected);
      const within = new Float32Array(floats.length + 3).fill(-7);
      within.set(floats, 1);
      expect([...sorter.sort(within.subarray(1, floats.length + 1))]).toEqual(expected);
      expect([...within.subarray(1, floats.length + 1)]).toEqual([...floats]); // left as they are
    }),
  );
});

test("digits of all three passes decide", () => {
  const bits = Uint32Array.of(
    0x7f7f_ffff,
    0x8000_0000,
    0x0000_07ff,
    0x0000_0800,
    0x001f_ffff,
    0x0020_0000,
    0xbf80_0001,
  );
  const sorted = new MagnitudeSorter(bits.length).sort(new Float32Array(bits.buffer));
  const magnitudes = new Uint32Array(sorted.buffer, sorted.byteOffset, sorted.length);
  expect([...magnitudes]).toEqual([0, 0x7ff, 0x800, 0x1f_ffff, 0x20_0000, 0x3f80_0001, 0x7f7f_ffff]);
});
