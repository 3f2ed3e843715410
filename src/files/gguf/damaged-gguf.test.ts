/** Thousands of damaged GGUF files: each gives a sound result or a `FileError`, soon, in few words and in little memory. */
import { readFileSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ggufFile, join, key, tensor, text, u32, u64 } from "../../../test/support/gguf-file.ts";
import { FileError } from "../../core/errors.ts";
import { ggufFloats, ggufFloatTypeNames } from "./block-floats.ts";
import { ggufByteLength, typeByName } from "./block-types.ts";
import { checkForLlamaCpp } from "./llama-cpp.ts";
import { openGguf } from "./reader.ts";

/** A hang, not a figure: what is read in microseconds may wait long for a busy machine, but never this long. */
const HANG_MS = 5000;

const folder = joinPath(import.meta.dirname, "../../../test/golden");
const allTypes = new Uint8Array(readFileSync(joinPath(folder, "gguf-python/all-types.gguf")));
/** Without most of its data, so that an edit is cheap. */
const llama = new Uint8Array(readFileSync(joinPath(folder, "llama-cpp/llama_tied-tq1_0.gguf")));
const small = ggufFile({
  keys: [
    key("general.architecture", 8, text("bitnet-b1.58")),
    key("general.alignment", 4, u32(32)),
    key("texts", 9, u32(8), u64(2), text("a"), text("ü")),
    key("flags", 9, u32(7), u64(3), Uint8Array.of(0, 1, 1)),
    key("count", 10, u64(7)),
  ],
  tensors: [tensor("w", [128, 2], 36), tensor("v", [256], 39, 96), tensor("s", [3], 0, 192)],
  dataByteLength: 224,
});
const valid = [allTypes, small, ggufFile({})];

/** Reads and checks what a caller relies on: data within the file and apart, lengths as type and shape say. */
async function readAll(bytes: Uint8Array): Promise<number> {
  await using reader = await openGguf(bytes);
  const ranges: [number, number][] = [];
  for (const { name, shape, typeName, byteLength, offset, refusal, type } of reader.tensors.values()) {
    const found = typeByName(typeName);
    if (found === undefined || ggufByteLength(found, shape) !== byteLength) throw new Error("length");
    if (offset < reader.dataStart || offset + byteLength > bytes.length) throw new Error("outside");
    if (byteLength > 0) ranges.push([offset, offset + byteLength]);
    if (refusal !== undefined) continue;
    const data = await reader.read(name);
    if (data.length !== byteLength) throw new Error("read");
    if (ggufFloatTypeNames.includes(typeName)) ggufFloats(data, type);
  }
  ranges.sort(([a], [b]) => a - b);
  if (ranges.some(([begin], i) => i > 0 && begin < ranges[i - 1][1])) throw new Error("overlap");
  for (const { message } of checkForLlamaCpp(reader)) if (message.length > 1000) throw new Error("words");
  return reader.tensors.size;
}

/** @returns whether the file was accepted */
async function survives(damaged: Uint8Array): Promise<boolean> {
  const memory = new Uint8Array(damaged.length + 32).fill(0x5a); // a reader that leaves the file finds other bytes
  memory.set(damaged, 16);
  const start = performance.now();
  try {
    await readAll(memory.subarray(16, 16 + damaged.length));
    return true;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    expect(error.message.length).toBeLessThan(1500); // a name of up to 200 characters may be escaped
    expect(error.offset ?? 0).toBeLessThanOrEqual(damaged.length);
    return false;
  } finally {
    expect(performance.now() - start).toBeLessThan(HANG_MS);
  }
}

type Edit = (bytes: Uint8Array) => Uint8Array;
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
/** Places near the start are where headers are: most edits go there. */
const spot = fc.oneof(
  place,
  place.map((at) => at * 0.4),
  place.map((at) => at * 0.05),
);
const odd = fc.oneof(
  fc.constantFrom(0n, 1n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 53n, 2n ** 53n - 1n, 2n ** 32n, 2n ** 32n - 1n, 2n ** 31n),
  fc.bigInt({ min: 0n, max: 300n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(spot, fc.integer({ min: 0, max: 7 })).map<Edit>(([at, bit]) => (bytes) => {
    const changed = new Uint8Array(bytes);
    changed[Math.floor(at * bytes.length)] ^= 1 << bit;
    return changed;
  }),
  fc.tuple(spot, fc.integer({ min: 0, max: 255 })).map<Edit>(([at, value]) => (bytes) => {
    const changed = new Uint8Array(bytes);
    changed[Math.floor(at * bytes.length)] = value;
    return changed;
  }),
  fc.tuple(spot, odd, fc.boolean()).map<Edit>(([at, value, isLong]) => (bytes) => {
    const start = Math.floor(at * bytes.length);
    return splice(bytes, start, start + (isLong ? 8 : 4), u64(value).subarray(0, isLong ? 8 : 4));
  }),
  place.map<Edit>((at) => (bytes) => bytes.subarray(0, Math.floor(at * bytes.length))),
  fc.tuple(spot, place).map<Edit>(([from, length]) => (bytes) => {
    const start = Math.floor(from * bytes.length);
    return splice(bytes, start, start + Math.floor(length * 20), new Uint8Array(0));
  }),
  fc.tuple(spot, fc.uint8Array({ maxLength: 12 })).map<Edit>(([at, inserted]) => (bytes) => {
    const start = Math.floor(at * bytes.length);
    return splice(bytes, start, start, inserted);
  }),
  fc.tuple(spot, spot, place).map<Edit>(([from, to, length]) => (bytes) => {
    const start = Math.floor(from * bytes.length);
    const target = Math.floor(to * bytes.length);
    return splice(bytes, target, target, bytes.slice(start, start + Math.floor(length * 60)));
  }),
);

function splice(bytes: Uint8Array, start: number, end: number, inserted: Uint8Array): Uint8Array {
  return join(bytes.subarray(0, start), inserted, bytes.subarray(end));
}

async function damage(files: readonly Uint8Array[], numRuns: number): Promise<number> {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(edits, { minLength: 1, maxLength: 4 }),
      async (file, changes) => {
        if (await survives(changes.reduce<Uint8Array>((damaged, change) => change(damaged), file))) accepted++;
      },
    ),
    { numRuns },
  );
  return accepted;
}

test("files with random damage", async () => {
  for (const bytes of valid) await readAll(bytes);
  expect(await damage(valid, 4000)).toBeGreaterThan(100); // damaged texts and data are sound: the edits reach past the header
});

test("a model's header with random damage", async () => {
  expect(await readAll(llama)).toBe(20);
  const headerByteLength = 7000;
  const data = llama.subarray(headerByteLength);
  await fc.assert(
    fc.asyncProperty(fc.array(edits, { minLength: 1, maxLength: 3 }), async (changes) => {
      const header = changes.reduce<Uint8Array>(
        (damaged, change) => change(damaged),
        llama.subarray(0, headerByteLength),
      );
      await survives(join(header, data));
    }),
    { numRuns: 300 },
  );
});

test("files cut at every byte", async () => {
  for (const bytes of valid) {
    for (let length = 0; length < bytes.length; length++) {
      const isAccepted = await survives(bytes.slice(0, length));
      if (isAccepted) expect(bytes.length - length).toBeLessThan(64); // only the padding of the last tensor is missing
    }
  }
});

test("random bytes behind a sound beginning", async () => {
  const beginning = ggufFile({}).subarray(0, 8);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      await survives(join(beginning, bytes));
      await survives(bytes);
    }),
    { numRuns: 1000 },
  );
});

/** Headers that claim, or truly hold, very much: in a file of a gigabyte without content, which takes no room on the disk. */
const HUGE = 2 ** 30;
const bombs: Record<string, { header: Uint8Array; message: RegExp }> = {
  "an array of empty texts": {
    header: ggufFile({ keys: [key("a", 9, u32(8), u64(HUGE / 16))] }),
    message: /length of "a" is 67108864, at most 4000000 is possible/,
  },
  "an array of bytes": {
    header: ggufFile({ keys: [key("a", 9, u32(0), u64(HUGE / 2))] }),
    message: /length of "a" is 536870912, at most 134217/,
  },
  "a text": { header: ggufFile({ keys: [key("a", 8, u64(HUGE / 2))] }), message: /at most 134217/ },
  "a key": { header: ggufFile({ keys: [u64(HUGE / 2)] }), message: /at most 65535/ },
  "a tensor's name": { header: ggufFile({ tensors: [u64(HUGE / 2)] }), message: /at most 1024/ },
  keys: { header: ggufFile({ keyCount: HUGE / 16 }), message: /at most 65536/ },
  tensors: { header: ggufFile({ tensorCount: HUGE / 32 }), message: /at most 200000/ },
  "equal tensors": { header: ggufFile({ tensorCount: 200_000 }), message: /two tensors have this name/ },
  "equal keys": { header: ggufFile({ keyCount: 60_000 }), message: /key "" appears twice/ },
  "bytes that a header may hold": {
    header: ggufFile({ keyCount: 3, keys: [key("a", 9, u32(0), u64(100_000_000))] }),
    message: /key "" appears twice/, // zeros are empty keys
  },
};

test.each(Object.entries(bombs))(
  "a gigabyte of %s is refused in little memory",
  async (_, { header, message }) => {
    const directory = await mkdtemp(joinPath(tmpdir(), "bitlinear-gguf-"));
    try {
      const path = joinPath(directory, "bomb.gguf");
      await using handle = await open(path, "w");
      await handle.write(header);
      await handle.truncate(HUGE);
      const before = process.memoryUsage();
      const start = performance.now();
      await expect(openGguf(path)).rejects.toThrow(message);
      expect(performance.now() - start).toBeLessThan(HANG_MS);
      const after = process.memoryUsage();
      const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
      expect(grown).toBeLessThan(2 ** 29); // the longest header twice, and what the collector has not seen yet
    } finally {
      await rm(directory, { recursive: true });
    }
  },
  20_000,
);

test("the data of a large file are not read before they are asked for", async () => {
  const directory = await mkdtemp(joinPath(tmpdir(), "bitlinear-gguf-"));
  try {
    const path = joinPath(directory, "large.gguf");
    const elements = 2 ** 30; // 4 GiB of zeros that take no room on the disk
    const header = ggufFile({ tensors: [tensor("w", [2 ** 15, 2 ** 15])] });
    await using handle = await open(path, "w");
    await handle.write(header);
    await handle.truncate(Math.ceil(header.length / 32) * 32 + 4 * elements);
    const before = process.memoryUsage().arrayBuffers;
    await using reader = await openGguf(path);
    expect(reader.tensors.get("w")?.byteLength).toBe(4 * elements);
    expect(await reader.read("w", 4 * elements - 16, 4 * elements)).toEqual(new Uint8Array(16));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  } finally {
    await rm(directory, { recursive: true });
  }
});
