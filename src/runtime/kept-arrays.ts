/**
 * Arrays for the values between the operations of a model, kept from one run to the next: a new array costs tens of
 * microseconds where the caches are full of weights, as much as a small layer, and a large one half a millisecond for each
 * MiB. They are shared memory where there is any, because only into that do backends write the results of long work.
 *
 * Engines do not count shared memory when they decide whether to look for garbage. So a model makes no more of it than it
 * may keep, lends it out again and again, and takes plain arrays beyond that.
 */

/** What a model may keep. */
const MAX_BYTE_LENGTH = 32 << 20;
/** Blocks have sizes of powers of two, so that batches of different sizes share them. */
const LEAST_BYTE_LENGTH = 1 << 10;

type Memory = ArrayBuffer | SharedArrayBuffer;

/** The blocks of one model that nobody uses. */
export class KeptArrays {
  /** Smallest first. */
  readonly #idle: Memory[] = [];
  /** Of all blocks, idle or lent out. */
  #byteLength = 0;
  #isClosed = false;

  /** One that holds whatever it held; undefined where the model has as much as it may keep. */
  take(length: number): Float32Array | undefined {
    const byteLength = Float32Array.BYTES_PER_ELEMENT * length;
    const index = this.#idle.findIndex((block) => block.byteLength >= byteLength);
    const block = index >= 0 ? this.#idle.splice(index, 1)[0] : this.#newBlock(byteLength);
    return block && new Float32Array(block, 0, length);
  }

  /** Keeps the block of an array that was taken; its user must have let go of it. */
  giveBack({ buffer }: Float32Array): void {
    if (this.#isClosed) return;
    const larger = this.#idle.findIndex((block) => block.byteLength >= buffer.byteLength);
    this.#idle.splice(larger < 0 ? this.#idle.length : larger, 0, buffer);
  }

  /** Lets go of all blocks, and of those that are given back later. */
  close(): void {
    this.#isClosed = true;
    this.#idle.length = 0;
  }

  #newBlock(least: number): Memory | undefined {
    const byteLength = 2 ** Math.ceil(Math.log2(Math.max(least, LEAST_BYTE_LENGTH)));
    if (this.#isClosed || this.#byteLength + byteLength > MAX_BYTE_LENGTH) return undefined;
    this.#byteLength += byteLength;
    return typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(byteLength) : new SharedArrayBuffer(byteLength);
  }
}

/** The arrays that one run has taken: each is given back when the last value that lies in it is released. */
export class ArraysOfRun {
  readonly #kept: KeptArrays;
  readonly #taken = new Map<ArrayBufferLike, { readonly array: Float32Array; values: number }>();

  constructor(kept: KeptArrays) {
    this.#kept = kept;
  }

  /** As `KeptArrays.take`; an array that becomes no value is given back by `dropUnused`. */
  readonly take = (length: number): Float32Array | undefined => {
    const array = this.#kept.take(length);
    if (array) this.#taken.set(array.buffer, { array, values: 0 });
    return array;
  };

  /** A value that an operation returned. */
  add({ buffer }: Float32Array): void {
    const entry = this.#taken.get(buffer);
    if (entry) entry.values++;
  }

  release({ buffer }: Float32Array): void {
    const entry = this.#taken.get(buffer);
    if (entry && --entry.values <= 0) this.#giveBack(entry.array);
  }

  /** Gives back what an operation took and did not use. */
  dropUnused(): void {
    for (const { array, values } of this.#taken.values()) if (values === 0) this.#giveBack(array);
  }

  /** Gives back all that is left, at the end of a run or after its failure: nobody writes to it any more. */
  end(): void {
    for (const { array } of this.#taken.values()) this.#giveBack(array);
  }

  #giveBack(array: Float32Array): void {
    this.#taken.delete(array.buffer);
    this.#kept.giveBack(array);
  }
}
