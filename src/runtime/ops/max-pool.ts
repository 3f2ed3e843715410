/**
 * The largest value of each window, by integers: a comparison of each value would be guessed wrong half of the time, which
 * takes longer than all the rest.
 */
import { elementCount } from "../../core/shape.ts";
import { imageSizes, poolWindow, type Windows, windowsOf } from "../images.ts";
import type { Operation } from "../operation.ts";

/**
 * `[batch, height, width, channels]` → `[batch, outHeight, outWidth, channels]`; NaN wins, and -0 becomes 0. Attributes:
 * kernelSize, stride.
 */
export const maxPool: Operation = {
  id: "max-pool",
  summary: "largest value of each window",
  isExact: true,
  prepare(node) {
    const window = poolWindow(node);
    return {
      run([x]) {
        const windows = windowsOf(imageSizes(x, node), window, node);
        const data = new Float32Array(elementCount(windows.shape));
        const bits = new Int32Array(x.data.buffer, x.data.byteOffset, x.data.length);
        if (windows.offsets.length === 4) largestOfFour(bits, windows, new Int32Array(data.buffer));
        else largestOfAny(bits, windows, new Int32Array(data.buffer));
        return { shape: windows.shape, data };
      },
    };
  },
};

/** Windows of four pixels, mostly 2 x 2: twice as fast as a loop over them. */
function largestOfFour(x: Int32Array, { shape, imageSize, corners, offsets }: Windows, y: Int32Array): void {
  const [, , , channels] = shape;
  const [, second, third, fourth] = offsets;
  let at = 0;
  for (let image = 0; image < x.length; image += imageSize) {
    for (let i = 0; i < corners.length; i++) {
      const first = image + corners[i];
      for (let from = first; from < first + channels; from++, at++) {
        const upper = larger(rankOf(x[from]), rankOf(x[from + second]));
        y[at] = bitsOf(larger(upper, larger(rankOf(x[from + third]), rankOf(x[from + fourth]))));
      }
    }
  }
}

function largestOfAny(x: Int32Array, { shape, imageSize, corners, offsets }: Windows, y: Int32Array): void {
  const [, , , channels] = shape;
  let at = 0;
  for (let image = 0; image < x.length; image += imageSize) {
    for (let i = 0; i < corners.length; i++) {
      const first = image + corners[i];
      for (let from = first; from < first + channels; from++, at++) {
        let largest = rankOf(x[from]);
        for (let pixel = 1; pixel < offsets.length; pixel++) {
          largest = larger(largest, rankOf(x[from + offsets[pixel]]));
        }
        y[at] = bitsOf(largest);
      }
    }
  }
}

/** How far ranks are moved: -infinity, whose magnitude has bits 0x7f80_0000, becomes the least integer. */
const MOVED = 0x80_0000;

/**
 * Ranks of floats, from their bits, in the order of numbers: the magnitude with the sign of the float, so that -0 and 0 are
 * one, and moved down so far that negative NaNs wrap around to the top, above the positive ones.
 */
function rankOf(bits: number): number {
  const sign = bits >> 31;
  return (((bits & 0x7fff_ffff) ^ sign) - sign - MOVED) | 0; // (m ^ -1) + 1 = -m
}

/** The float of a rank. */
function bitsOf(rank: number): number {
  const value = (rank + MOVED) | 0;
  const sign = value >> 31;
  return ((value ^ sign) - sign) | (sign & 0x8000_0000);
}

/** Without a comparison: a < b where a is negative and b is not, or where signs agree and the difference is negative. */
function larger(a: number, b: number): number {
  const difference = a ^ b;
  const isLess = ((a & ~b) | (~difference & (a - b))) >> 31;
  return a ^ (difference & isLess);
}
