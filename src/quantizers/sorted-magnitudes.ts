/**
 * Magnitudes in ascending order, by a radix sort: the bits of floats that are not negative order them as integers do.
 *
 * Three passes of 11, 10 and 10 bits, lowest first; each keeps the order of equal digits, so the last leaves all sorted.
 */

const DIGITS = [
  { shift: 0, count: 2 ** 11 },
  { shift: 11, count: 2 ** 10 },
  { shift: 21, count: 2 ** 10 }, // 31 bits: the sign is masked out
];
const MAGNITUDE_BITS = 0x7fffffff;

/** Sorts slices of up to `capacity` values with the same working space, many times as fast as `Float32Array.sort`. */
export class MagnitudeSorter {
  private readonly first: Uint32Array<ArrayBuffer>;
  private readonly second: Uint32Array<ArrayBuffer>;
  private readonly positions = DIGITS.map(({ count }) => new Uint32Array(count));

  constructor(capacity: number) {
    this.first = new Uint32Array(capacity);
    this.second = new Uint32Array(capacity);
  }

  /** The magnitudes of `values`, ascending; overwritten by the next call. */
  sort(values: Float32Array): Float32Array {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    this.countDigits(bits);
    const { first, second, positions } = this;
    scatter(bits, first, bits.length, DIGITS[0], positions[0]);
    scatter(first, second, bits.length, DIGITS[1], positions[1]);
    scatter(second, first, bits.length, DIGITS[2], positions[2]);
    return new Float32Array(first.buffer, 0, values.length);
  }

  /** Where the values with each digit begin, for all three passes. */
  private countDigits(bits: Uint32Array): void {
    const [low, middle, high] = this.positions;
    for (const counts of this.positions) counts.fill(0);
    for (let i = 0; i < bits.length; i++) {
      const magnitude = bits[i] & MAGNITUDE_BITS;
      low[magnitude & 2047]++;
      middle[(magnitude >>> 11) & 1023]++;
      high[magnitude >>> 21]++;
    }
    for (const counts of this.positions) {
      for (let digit = 0, begin = 0; digit < counts.length; digit++) {
        const count = counts[digit];
        counts[digit] = begin;
        begin += count;
      }
    }
  }
}

function scatter(
  from: Uint32Array,
  to: Uint32Array,
  length: number,
  { shift, count }: (typeof DIGITS)[number],
  positions: Uint32Array,
): void {
  const mask = count - 1;
  for (let i = 0; i < length; i++) {
    const magnitude = from[i] & MAGNITUDE_BITS;
    to[positions[(magnitude >>> shift) & mask]++] = magnitude;
  }
}
