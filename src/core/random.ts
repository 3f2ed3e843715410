/**
 * Seeded random numbers: xoshiro128** with its state filled by splitmix32.
 *
 * Blackman, Vigna, "Scrambled Linear Pseudorandom Number Generators", 2021, arXiv:1805.01407.
 */
import { ShapeError } from "./errors.ts";

/** The four state words of a `RandomSource`, as stored in checkpoints. */
export type RandomState = readonly [number, number, number, number];

/** A deterministic stream of random numbers; equal seeds give equal streams on every machine. */
export class RandomSource {
  #state: Uint32Array;
  #spareNormal: number | undefined;

  constructor(seed: number) {
    const mix = splitmix32(seed);
    this.#state = Uint32Array.from({ length: 4 }, mix);
  }

  /** Next 32 random bits, an integer in [0, 2³²). */
  bits(): number {
    const s = this.#state;
    const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotateLeft(s[3], 11);
    return result;
  }

  /** A number in [low, high), with 32 random bits. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.bits() / 0x1_0000_0000);
  }

  /** An integer in [0, limit), each equally likely (values that would favour small results are rejected). */
  integer(limit: number): number {
    const fair = 0x1_0000_0000 - (0x1_0000_0000 % limit);
    for (;;) {
      const bits = this.bits();
      if (bits < fair) return bits % limit;
    }
  }

  /** A normally distributed number (Box-Muller, both values of a pair are used). */
  normal(mean = 0, deviation = 1): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return mean + deviation * spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spareNormal = radius * Math.sin(angle);
    return mean + deviation * radius * Math.cos(angle);
  }

  /** Shuffles in place (Fisher-Yates) and returns the same array. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swapped = items[i];
      items[i] = items[j];
      items[j] = swapped;
    }
    return items;
  }

  /** The state, to continue this stream elsewhere; a pending half of a normal pair is dropped. */
  save(): RandomState {
    this.#spareNormal = undefined;
    return [this.#state[0], this.#state[1], this.#state[2], this.#state[3]];
  }

  /** Continues a stream that `save()` described. */
  restore(state: RandomState): void {
    this.#state = Uint32Array.from(state);
    this.#spareNormal = undefined;
  }
}

/**
 * Checks a seed that a caller gave.
 *
 * @throws ShapeError when it is not a whole number
 */
export function checkSeed(seed: number): void {
  if (!Number.isSafeInteger(seed)) throw new ShapeError(`seed must be a whole number, got ${seed}`);
}

/**
 * A seed for a part of a larger whole: equal (seed, name) pairs give equal results, others unrelated ones.
 *
 * @throws ShapeError when `seed` is not a whole number
 */
export function deriveSeed(seed: number, name: string | number): number {
  checkSeed(seed);
  let hash = 0x811c9dc5 ^ seed; // FNV-1a over the name, started at the seed
  for (const character of String(name)) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return splitmix32(hash)();
}

function splitmix32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}

function rotateLeft(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
