/** Thousands of damaged files for the readers that open and read in parts: sound results or a `FileError`, soon. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPlace, type ByteEdit, byteEdits } from "../../test/support/byte-edits.ts";
import { zipFile } from "../../test/support/zip-file.ts";
import { FileError } from "../core/errors.ts";
import { arrayByteLength } from "./element-types.ts";
import { writeNpy } from "./npy.ts";
import { openNpz } from "./npz.ts";
import { parseSafetensors, tensorEntry, writeSafetensors } from "./safetensors.ts";
import { readSafetensorsIndex } from "./safetensors-index.ts";
import { openSafetensors } from "./safetensors-reader.ts";

/** A hang, not a figure: what is read in microseconds may wait long for a busy machine, but never this long. */
const HANG_MS = 5000;

const encoder = new TextEncoder();
const values = Float32Array.from({ length: 24 }, (_, i) => i / 4 - 3);

const safetensors = [
  writeSafetensors(
    [
      tensorEntry("layers.0.weight", [4, 6], values),
      tensorEntry("codes", [5], Uint8Array.of(1, 2, 3, 4, 5)),
      tensorEntry("empty", [0, 3], new Float32Array(0)),
    ],
    { format: "pt" },
  ),
  writeSafetensors([]),
];
const arrays = [
  { name: "layers.0.weight.npy", bytes: writeNpy(values, [4, 6]) },
  { name: "steps.npy", bytes: writeNpy(Int32Array.of(7), []), method: 0 },
];
const npz = [
  zipFile(arrays),
  zipFile(arrays, { isZip64: true, comment: "a comment" }),
  zipFile([{ ...arrays[0], method: 0 }]),
  zipFile([]),
];
const index = encoder.encode(
  JSON.stringify({
    metadata: { total_size: 96, note: ["ü", { deep: [null, true, -1.5e3] }] },
    weight_map: { "layers.0.weight": "m-1.safetensors", "layers.1.weight": "m-2.safetensors" },
  }),
);

/** What a reader makes of bytes; a sound file gives text that tells what is in it. */
async function outcomeOf(read: (bytes: Uint8Array) => string | Promise<string>, damaged: Uint8Array): Promise<string> {
  const memory = new Uint8Array(damaged.length + 32).fill(0x5a); // a reader that leaves the file finds other bytes
  memory.set(damaged, 16);
  const start = performance.now();
  try {
    return await read(memory.subarray(16, 16 + damaged.length));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    expect(error.message.length).toBeLessThan(1000);
    expect(error.offset ?? 0).toBeLessThanOrEqual(damaged.length);
    return error.message;
  } finally {
    expect(performance.now() - start).toBeLessThan(HANG_MS);
  }
}

async function openedSafetensors(bytes: Uint8Array): Promise<string> {
  await using reader = await openSafetensors(bytes);
  const found: string[] = [];
  for (const { name, dtype, shape, byteLength } of reader.tensors.values()) {
    if (byteLength !== arrayByteLength(dtype, shape)) throw new Error("length");
    found.push(`${name} ${dtype} ${shape} ${await reader.read(name)}`);
  }
  return `${found.join()} ${JSON.stringify(reader.metadata)}`;
}

function parsedSafetensors(bytes: Uint8Array): string {
  const { tensors, metadata } = parseSafetensors(bytes);
  const found = Array.from(tensors.values(), ({ name, dtype, shape, bytes }) => `${name} ${dtype} ${shape} ${bytes}`);
  return `${found.join()} ${JSON.stringify(metadata)}`;
}

async function openedNpz(bytes: Uint8Array): Promise<string> {
  await using reader = await openNpz(bytes);
  for (const { name, dtype, shape, byteLength } of reader.tensors.values()) {
    if (byteLength !== arrayByteLength(dtype, shape)) throw new Error("length");
    const array = await reader.read(name);
    if (array.values.length !== shape.reduce((product, size) => product * size, 1)) throw new Error("values");
  }
  return "sound";
}

function readIndex(bytes: Uint8Array): string {
  for (const shard of readSafetensorsIndex(bytes, "<bytes>").keys()) {
    if (/[/\\:]/.test(shard) || !shard.endsWith(".safetensors")) throw new Error("outside");
  }
  return "sound";
}

/** Headers stand at the start of safetensors and indexes, the directory at the end of archives. */
const edits = byteEdits(
  fc.oneof(
    anyPlace,
    anyPlace.map((at) => at * 0.1),
    anyPlace.map((at) => 1 - (1 - at) * 0.4),
  ),
);
const damages = fc.array(edits, { minLength: 1, maxLength: 4 });

function applyAll(changes: readonly ByteEdit[], bytes: Uint8Array): Uint8Array {
  return changes.reduce((damaged, change) => change(damaged), bytes);
}

test("safetensors are read in parts as they are read whole, or refused with the same words", async () => {
  for (const bytes of safetensors) expect(await openedSafetensors(bytes)).toBe(parsedSafetensors(bytes));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...safetensors), damages, async (bytes, changes) => {
      const damaged = applyAll(changes, bytes);
      expect(await outcomeOf(openedSafetensors, damaged)).toBe(await outcomeOf(parsedSafetensors, damaged));
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["npz archives", npz, openedNpz, 3000],
  ["indexes", [index], readIndex, 4000],
] as const)("%s with random damage", async (_, valid, read, numRuns) => {
  for (const bytes of valid) expect(await read(bytes)).toBe("sound");
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...valid), damages, async (bytes, changes) => {
      await outcomeOf(read, applyAll(changes, bytes));
    }),
    { numRuns },
  );
});

test("npz archives and indexes cut at every byte", async () => {
  for (const [valid, read] of [[npz[1], openedNpz] as const, [index, readIndex] as const]) {
    for (let length = 0; length < valid.length; length++) {
      expect(await outcomeOf(read, valid.subarray(0, length))).not.toBe("sound");
    }
  }
});

/** Numbers of the directory and the end records, whatever they claim, together with the numbers beside them. */
test("npz archives with other numbers in their headers", async () => {
  const odd = fc.oneof(
    fc.constantFrom(0, 1, 8, 0xffff, 0xffff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe),
    fc.nat(700),
    fc.nat(),
  );
  const lie = fc.tuple(fc.nat(), odd, fc.constantFrom(2, 4, 8));
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(npz[0], npz[1]),
      fc.array(lie, { minLength: 1, maxLength: 3 }),
      async (bytes, lies) => {
        const damaged = new Uint8Array(bytes);
        const view = new DataView(damaged.buffer);
        const start = new TextDecoder("latin1").decode(bytes).indexOf("PK\u0001\u0002");
        for (const [at, number, size] of lies) {
          const offset = start + (at % (bytes.length - start - 8));
          if (size === 2) view.setUint16(offset, number & 0xffff, true);
          else if (size === 4) view.setUint32(offset, number, true);
          else view.setBigUint64(offset, BigInt(number) << BigInt(at % 33), true);
        }
        if ((await outcomeOf(openedNpz, damaged)) !== "sound") refused++;
      },
    ),
    { numRuns: 3000 },
  );
  expect(refused).toBeGreaterThan(1000);
});
