/** The memory of the WebAssembly module beyond its own data, in blocks. */
import { DeviceError } from "../../core/errors.ts";

const ALIGNMENT = 64;
const PAGE = 65536;
/** All that 32-bit addresses reach. */
const MAX_PAGES = 65536;

/** Memory that a module of ours can import. @throws RangeError where the engine has no room for it */
export function makeMemory(isShared: boolean): WebAssembly.Memory {
  // Shared memory cannot move, so an engine reserves the most there may be; small machines refuse 4 GiB.
  for (let maximum = MAX_PAGES; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 2, maximum, shared: isShared });
    } catch (error) {
      if (maximum <= MAX_PAGES / 16) throw error;
    }
  }
}

/** Free bytes from `address` on. */
interface Gap {
  address: number;
  byteLength: number;
}

/** Hands out blocks, first fit. The memory grows when it must; it cannot shrink, so freed blocks are there for the next ones. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  /** In order of their addresses, none next to another. */
  readonly #gaps: Gap[] = [];
  readonly #byteLengths = new Map<number, number>();

  /** @param start the first address that the module itself does not use */
  constructor(memory: WebAssembly.Memory, start: number) {
    this.memory = memory;
    const address = aligned(start);
    this.#gaps.push({ address, byteLength: memory.buffer.byteLength - address });
  }

  /** Bytes that are in use. */
  get usedByteLength(): number {
    return [...this.#byteLengths.values()].reduce((sum, byteLength) => sum + byteLength, 0);
  }

  /** The address of a new block, a multiple of 64. @throws DeviceError when the memory cannot grow that far */
  allocate(byteLength: number): number {
    const needed = Math.max(aligned(byteLength), ALIGNMENT);
    const gap = this.#gaps.find((candidate) => candidate.byteLength >= needed) ?? this.#grow(needed);
    const { address } = gap;
    gap.address += needed;
    gap.byteLength -= needed;
    if (gap.byteLength === 0) this.#gaps.splice(this.#gaps.indexOf(gap), 1);
    this.#byteLengths.set(address, needed);
    return address;
  }

  /** Gives a block back. */
  free(address: number): void {
    const byteLength = this.#byteLengths.get(address);
    if (byteLength === undefined) throw new DeviceError(`there is no block of WebAssembly memory at ${address}`);
    this.#byteLengths.delete(address);
    this.#addGap({ address, byteLength });
  }

  /** Integers in the memory; valid until it grows. */
  integers(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length);
  }

  /** Floats in the memory; valid until it grows. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  /** Bytes in the memory; valid until it grows. */
  bytes(address: number, length: number): Int8Array {
    return new Int8Array(this.memory.buffer, address, length);
  }

  /** Makes the last gap long enough. */
  #grow(needed: number): Gap {
    const end = this.memory.buffer.byteLength;
    const last = this.#gaps.at(-1);
    const isAtEnd = last !== undefined && last.address + last.byteLength === end;
    const pages = Math.ceil((needed - (isAtEnd ? last.byteLength : 0)) / PAGE);
    try {
      this.memory.grow(pages);
    } catch (cause) {
      const message = `WebAssembly memory of ${end} bytes cannot grow by ${pages * PAGE}: dispose of layers, or run fewer inputs at a time`;
      throw new DeviceError(message, { cause });
    }
    return this.#addGap({ address: end, byteLength: pages * PAGE });
  }

  /** Adds a gap and joins it with its neighbours. */
  #addGap(gap: Gap): Gap {
    const found = this.#gaps.findIndex(({ address }) => address > gap.address);
    const index = found === -1 ? this.#gaps.length : found;
    const before = this.#gaps[index - 1];
    const after = this.#gaps[index];
    const joinsBefore = before !== undefined && before.address + before.byteLength === gap.address;
    const joinsAfter = after !== undefined && gap.address + gap.byteLength === after.address;
    if (joinsAfter) gap.byteLength += after.byteLength;
    if (joinsBefore) before.byteLength += gap.byteLength;
    const removed = joinsAfter ? 1 : 0;
    if (joinsBefore) this.#gaps.splice(index, removed);
    else this.#gaps.splice(index, removed, gap);
    return joinsBefore ? before : gap;
  }
}

/** The next multiple of 64. */
export function aligned(byteLength: number): number {
  return Math.ceil(byteLength / ALIGNMENT) * ALIGNMENT;
}
