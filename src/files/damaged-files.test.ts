/** Thousands of damaged files per reader: each gives a sound result or a `FileError`, soon and in few words. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyPlace, byteEdits } from "../../test/support/byte-edits.ts";
import { FileError } from "../core/errors.ts";
import { parseCsv } from "./csv.ts";
import { arrayByteLength } from "./element-types.ts";
import { npyToFloat32, parseNpy, writeNpy } from "./npy.ts";
import { parseSafetensors, tensorEntry, writeSafetensors } from "./safetensors.ts";

/** A hang, not a figure: what is read in microseconds may wait long for a busy machine, but never this long. */
const HANG_MS = 5000;

const encoder = new TextEncoder();
const random = Uint8Array.from({ length: 96 }, (_, i) => (i * 167 + 13) % 256);

const validSafetensors = [
  writeSafetensors(
    [
      tensorEntry("layers.0.weight", [4, 6], Int8Array.from(random.subarray(0, 24))),
      tensorEntry("layers.0.scales", [4], Float32Array.of(1, 2, 3, 4)),
      tensorEntry("empty", [0, 3], new Float32Array(0)),
      tensorEntry("scalar", [], Int32Array.of(7)),
      { name: "half", dtype: "BF16", shape: [2, 1, 3], bytes: random.subarray(0, 12) },
    ],
    { bitlinear: `{"version":1}`, __proto__x: "ü🙂" },
  ),
  writeSafetensors([]),
];
const validNpy = [
  writeNpy(Float32Array.from(random), [4, 24]),
  writeNpy(Int32Array.of(1, 2, 3), [3]),
  writeNpy(Float32Array.of(1), []),
  encodeNpy("{'descr': '<u2', 'fortran_order': True, 'shape': (2, 3, 2), }", 24),
];
const validCsv = ["a,b\n1,2\n-3.5,4e2\n", "1;2;3\r\n4;5;6\r\n", "0\t1\n"].map((text) => encoder.encode(text));

/** Reads and checks what a caller relies on: every array within the file, every length as the shape says. */
const readers: Record<string, { valid: Uint8Array[]; read(bytes: Uint8Array): void }> = {
  safetensors: {
    valid: validSafetensors,
    read(bytes) {
      const { tensors, metadata } = parseSafetensors(bytes);
      for (const { dtype, shape, bytes: view } of tensors.values()) {
        const begin = view.byteOffset - bytes.byteOffset;
        if (view.buffer !== bytes.buffer || begin < 8 || begin + view.length > bytes.length) throw new Error("outside");
        if (view.length !== arrayByteLength(dtype, shape)) throw new Error("length");
      }
      for (const text of Object.values(metadata)) if (typeof text !== "string") throw new Error("metadata");
    },
  },
  npy: {
    valid: validNpy,
    read(bytes) {
      const array = parseNpy(bytes);
      const count = array.shape.reduce((product, size) => product * size, 1);
      if (array.values.length !== count || npyToFloat32(array).length !== count) throw new Error("length");
    },
  },
  csv: {
    valid: validCsv,
    read(bytes) {
      const { rowCount, columnCount, values } = parseCsv(bytes);
      if (values.length !== rowCount * columnCount || !values.every(Number.isFinite)) throw new Error("values");
    },
  },
};

function encodeNpy(header: string, dataByteLength: number): Uint8Array {
  const head = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, header.length, 0, 0, 0];
  return Uint8Array.from([...head, ...encoder.encode(header), ...random.subarray(0, dataByteLength)]);
}

function survives(read: (bytes: Uint8Array) => void, damaged: Uint8Array): void {
  const memory = new Uint8Array(damaged.length + 32).fill(0x5a); // a reader that leaves the file finds other bytes
  memory.set(damaged, 16);
  const start = performance.now();
  try {
    read(memory.subarray(16, 16 + damaged.length));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    expect(error.message.length).toBeLessThan(1000);
    expect(error.offset ?? 0).toBeLessThanOrEqual(damaged.length);
  }
  expect(performance.now() - start).toBeLessThan(HANG_MS);
}

/** Places near the start are where headers are: half of all edits go there. */
const edits = byteEdits(
  fc.oneof(
    anyPlace,
    anyPlace.map((at) => at * 0.1),
  ),
);

test.each(Object.entries(readers))("%s files with random damage", (_, { valid, read }) => {
  for (const bytes of valid) read(bytes);
  fc.assert(
    fc.property(fc.constantFrom(...valid), fc.array(edits, { minLength: 1, maxLength: 4 }), (bytes, changes) => {
      survives(
        read,
        changes.reduce((damaged, change) => change(damaged), bytes),
      );
    }),
    { numRuns: 4000 },
  );
});

test.each(Object.entries(readers))("%s files cut at every byte", (_, { valid, read }) => {
  for (const bytes of valid)
    for (let length = 0; length < bytes.length; length++) survives(read, bytes.slice(0, length));
});

test.each(Object.entries(readers))("random bytes as %s files", (_, { read }) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => survives(read, bytes)),
    { numRuns: 1000 },
  );
});

/** Headers that are sound JSON and say something else: values exchanged, removed, moved, doubled. */
const odd = fc.oneof(
  fc.constantFrom<unknown>(
    -1,
    -0,
    0.5,
    1e300,
    2 ** 53,
    2 ** 53 - 1,
    2 ** 32,
    2 ** 31,
    0,
    1,
    8,
    24,
    null,
    true,
    "",
    "F32",
  ),
  fc.constantFrom<unknown>("U8", "F64", "constructor", [], {}, [0, 0], [2 ** 27, 2 ** 27], [0, 2 ** 53 - 1], [[[]]]),
  fc.integer({ min: 0, max: 120 }),
  fc.jsonValue({ maxDepth: 3 }),
);
const headerEdits = fc.array(
  fc.record({ at: fc.nat(), action: fc.constantFrom("set", "set", "set", "remove", "rename", "add"), value: odd }),
  { minLength: 1, maxLength: 3 },
);

/** Every (object, key) of a JSON value, depth first. */
function placesOf(value: unknown): { owner: Record<string, unknown>; key: string }[] {
  if (typeof value !== "object" || value === null) return [];
  const owner = value as Record<string, unknown>;
  return Object.keys(owner).flatMap((key) => [{ owner, key }, ...placesOf(owner[key])]);
}

test("safetensors files whose headers are edited as JSON", () => {
  const [valid] = validSafetensors;
  const dataStart = 8 + Number(new DataView(valid.buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(valid.subarray(8, dataStart));
  let accepted = 0;
  fc.assert(
    fc.property(headerEdits, (changes) => {
      const header: unknown = JSON.parse(text);
      for (const { at, action, value } of changes) {
        const places = placesOf(header);
        if (places.length === 0) break;
        const { owner, key } = places[at % places.length];
        const edited: unknown = structuredClone(value); // the next edit may change it
        if (action === "set") owner[key] = edited;
        else if (action === "add") owner[Array.isArray(owner) ? owner.length : `${key}2`] = edited;
        else if (action === "rename" && !Array.isArray(owner)) owner[String(value)] = owner[key];
        if (action === "remove" || action === "rename") delete owner[key];
      }
      const encoded = encoder.encode(JSON.stringify(header));
      const prefix = new Uint8Array(8);
      new DataView(prefix.buffer).setBigUint64(0, BigInt(encoded.length), true);
      const bytes = Uint8Array.from([...prefix, ...encoded, ...valid.subarray(dataStart)]);
      survives((file) => {
        readers.safetensors.read(file);
        accepted++;
      }, bytes);
    }),
    { numRuns: 4000 },
  );
  expect(accepted).toBeGreaterThan(10); // renamed tensors and other texts are sound: the edits reach past the grammar
});
