/**
 * Arrays for the values between the operations of a model, kept from one run to the next: a new array costs tens of
 * microseconds where the caches are full of weights, as much as a small layer, and a large one half a millisecond for each
 * MiB. They are shared memory where there is any, because only into that do backends write the results of long work.
 */

/** What a model may keep; longer arrays are made anew. */
const MAX_KEPT_BYTE_LENGTH = 32 << 20;
const MAX_BYTE_LENGTH = MAX_KEPT_BYTE_LENGTH / 2;

/** The arrays of one model that nobody uses. */
export class KeptArrays {
  readonly #byLength = new Map<number, Float32Array[]>();
  #byteLength = 0;

  /** One that holds whatever it held; undefined where it would be long. */
  take(length: number): Float32Array | undefined {
    if (4 * length > MAX_BYTE_LENGTH) return undefined;
    const kept = this.#byLength.get(length)?.pop();
    if (!kept) return newArray(length);
    this.#byteLength -= kept.byteLength;
    return kept;
  }

  /** Keeps an array that was taken; its user must have let go of it. */
  giveBack(array: Float32Array): void {
    if (this.#byteLength + array.byteLength > MAX_KEPT_BYTE_LENGTH) this.clear(); // sizes that came once stay no longer
    const others = this.#byLength.get(array.length);
    if (others) others.push(array);
    else this.#byLength.set(array.length, [array]);
    this.#byteLength += array.byteLength;
  }

  clear(): void {
    this.#byLength.clear();
    this.#byteLength = 0;
  }
}

function newArray(length: number): Float32Array {
  return typeof SharedArrayBuffer === "undefined"
    ? new Float32Array(length)
    : new Float32Array(new SharedArrayBuffer(Float32Array.BYTES_PER_ELEMENT * length));
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

  #giveBack(array: Float32Array): void {
    this.#taken.delete(array.buffer);
    this.#kept.giveBack(array);
  }
}
