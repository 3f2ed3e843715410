/** What is written is read again, and what could not be loaded is not written. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ShapeError, UsageError } from "../../core/errors.ts";
import { openGguf } from "./reader.ts";
import type { GgufValue } from "./values.ts";
import { type WritableGgufTensor, writeGguf } from "./writer.ts";

let folder = "";
let path = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-gguf-"));
  path = join(folder, "model.gguf");
});
afterAll(() => rm(folder, { recursive: true }));

const any = { readBy: "any" } as const;

function tensorOf(
  name: string,
  shape: readonly number[],
  typeName: string,
  ...chunks: Uint8Array[]
): WritableGgufTensor {
  return { name, shape, typeName, chunks: () => chunks };
}

const scalar = fc.oneof(
  fc.record({ type: fc.constant("uint8" as const), value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ type: fc.constant("int16" as const), value: fc.integer({ min: -32768, max: 32767 }) }),
  fc.record({ type: fc.constant("uint32" as const), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
  fc.record({ type: fc.constant("float32" as const), value: fc.float() }),
  fc.record({ type: fc.constant("float64" as const), value: fc.double() }),
  fc.record({ type: fc.constant("uint64" as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({ type: fc.constant("int64" as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.record({ type: fc.constant("bool" as const), value: fc.boolean() }),
  fc.record({ type: fc.constant("string" as const), value: fc.string({ unit: "grapheme" }) }),
);
const list = fc.oneof(
  fc.record({ elementType: fc.constant("string" as const), value: fc.array(fc.string({ unit: "grapheme" })) }),
  fc.record({ elementType: fc.constant("int8" as const), value: fc.int8Array() }),
  fc.record({ elementType: fc.constant("float32" as const), value: fc.float32Array() }),
  fc.record({ elementType: fc.constant("uint64" as const), value: fc.bigUint64Array() }),
  fc.record({ elementType: fc.constant("bool" as const), value: fc.uint8Array({ max: 1 }) }),
);
const values: fc.Arbitrary<GgufValue> = fc.oneof(
  scalar,
  list.map((entry) => ({ type: "array" as const, ...entry })),
);
const keyText = fc.string({ unit: "grapheme", minLength: 1 }).filter((key) => key !== "general.alignment");
const metadataMaps = fc.uniqueArray(fc.tuple(keyText, values), { selector: ([key]) => key, maxLength: 8 });

test("any metadata and tensors are read as they were written", async () => {
  const tensors = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 20 }), fc.uint8Array({ maxLength: 100 })), {
    selector: ([name]) => name,
    maxLength: 5,
  });
  const alignments = fc.constantFrom(undefined, 8, 32, 40, 64, 4096);
  await fc.assert(
    fc.asyncProperty(metadataMaps, tensors, alignments, async (entries, named, alignment) => {
      const metadata = new Map(entries);
      if (alignment !== undefined) metadata.set("general.alignment", { type: "uint32", value: alignment });
      const written = named.map(([name, bytes]) => {
        return tensorOf(name, [bytes.length], "I8", bytes.subarray(0, 7), new Uint8Array(0), bytes.subarray(7));
      });
      await writeGguf(path, metadata, written, any);
      await using reader = await openGguf(path);
      expect([...reader.metadata]).toEqual([...metadata]);
      expect([...reader.tensors.keys()]).toEqual(named.map(([name]) => name));
      for (const [name, bytes] of named) expect(new Uint8Array(await reader.read(name))).toEqual(bytes);
      expect(reader.alignment).toBe(alignment ?? 32);
      if (named.length > 0) expect((reader.byteLength - reader.dataStart) % reader.alignment).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test("the tail of the last tensor and all gaps are zeros", async () => {
  const bytes = new Uint8Array(9).fill(0xff);
  await writeGguf(path, new Map(), [tensorOf("a", [9], "I8", bytes), tensorOf("b", [3, 3], "I8", bytes)], any);
  await using reader = await openGguf(path);
  const data = (await readFile(path)).subarray(reader.dataStart);
  expect([...data]).toEqual([...bytes, ...new Uint8Array(23), ...bytes, ...new Uint8Array(23)]);
});

test("types of other programs are written under their ids", async () => {
  const tensors = [
    tensorOf("a", [2, 128], "I2_S", new Uint8Array(96)),
    tensorOf("b", [4, 512], "Q2_0_128", new Uint8Array(544)),
    tensorOf("c", [4, 512], "TQ1_0", new Uint8Array(432)),
  ];
  await writeGguf(path, new Map(), tensors, any);
  await using reader = await openGguf(path);
  expect([...reader.tensors.values()].map(({ type, typeName }) => [type, typeName])).toEqual([
    [36, "I2_S"],
    [42, "Q2_0_128"],
    [34, "TQ1_0"],
  ]);
});

const eight = new Uint8Array(8);
const uint32 = (value: number): GgufValue => ({ type: "uint32", value });

interface Refusal {
  name: string;
  metadata?: [string, GgufValue][];
  tensors?: WritableGgufTensor[];
  error: typeof UsageError | typeof ShapeError;
  message: RegExp;
}

const refusals: Refusal[] = [
  { name: "an empty key", metadata: [["", uint32(1)]], error: UsageError, message: /key has 1 to 65535 bytes, got ""/ },
  { name: "half a surrogate pair", metadata: [["\ud800", uint32(1)]], error: UsageError, message: /Unicode text/ },
  {
    name: "a count below 0",
    metadata: [["a", uint32(-1)]],
    error: UsageError,
    message: /"a" must be a value of uint32/,
  },
  { name: "a count of 2^32", metadata: [["a", uint32(2 ** 32)]], error: UsageError, message: /got "4294967296"/ },
  { name: "a fraction", metadata: [["a", uint32(0.5)]], error: UsageError, message: /got "0.5"/ },
  {
    name: "a number as int64",
    metadata: [["a", { type: "int64", value: 1 } as unknown as GgufValue]],
    ...{ error: UsageError, message: /value of int64 \(bigint\)/ },
  },
  {
    name: "a type of no name",
    metadata: [["a", { type: "u32", value: 1 } as unknown as GgufValue]],
    ...{ error: UsageError, message: /"a" has a type "u32"; known are uint8, int8/ },
  },
  {
    name: "an array of another kind",
    metadata: [["a", { type: "array", elementType: "int32", value: Float32Array.of(1) }]],
    ...{ error: UsageError, message: /must hold its int32 values in a typed array/ },
  },
  {
    name: "an array of arrays",
    metadata: [["a", { type: "array", elementType: "array", value: [] } as unknown as GgufValue]],
    ...{ error: UsageError, message: /array values/ },
  },
  {
    name: "a flag of 2",
    metadata: [["a", { type: "array", elementType: "bool", value: Uint8Array.of(2) }]],
    ...{ error: UsageError, message: /bools as 0 and 1/ },
  },
  { name: "alignment 12", metadata: [["general.alignment", uint32(12)]], error: UsageError, message: /multiple of 8/ },
  {
    name: "a name twice",
    tensors: [tensorOf("w", [8], "I8", eight), tensorOf("w", [8], "I8", eight)],
    ...{ error: UsageError, message: /two tensors are named "w"/ },
  },
  {
    name: "an unknown type",
    tensors: [tensorOf("w", [8], "Q9", eight)],
    ...{ error: UsageError, message: /unknown type "Q9"; known are F32/ },
  },
  {
    name: "broken blocks",
    tensors: [tensorOf("w", [2, 128], "TQ2_0", eight)],
    ...{ error: ShapeError, message: /TQ2_0 \[2, 128\]: rows must be whole blocks of 256/ },
  },
  { name: "five axes", tensors: [tensorOf("w", [1, 1, 1, 1, 8], "I8", eight)], error: ShapeError, message: /5 axes/ },
  { name: "half a size", tensors: [tensorOf("w", [0.5], "I8", eight)], error: ShapeError, message: /size 0 of tensor/ },
  {
    name: "too few bytes",
    tensors: [tensorOf("w", [9], "I8", eight)],
    ...{ error: ShapeError, message: /"w" must have 9 bytes, its chunks have only 8/ },
  },
  {
    name: "too many bytes",
    tensors: [tensorOf("w", [7], "I8", eight)],
    ...{ error: ShapeError, message: /"w" must have 7 bytes, its chunks have more/ },
  },
];

test.each(refusals)("$name is refused, and the old file stays", async ({ metadata, tensors = [], error, message }) => {
  await writeFile(path, "old");
  const writing = writeGguf(path, new Map(metadata), tensors, any);
  await expect(writing).rejects.toThrow(error);
  await expect(writing).rejects.toThrow(message);
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(folder)).toEqual(["model.gguf"]);
});

test("what llama.cpp could not load is not written, with all reasons", async () => {
  const metadata = new Map<string, GgufValue>([["general.architecture", { type: "string", value: "mlp" }]]);
  const tensors = [tensorOf("norm.weight", [4], "F16", eight)];
  await expect(writeGguf(join(folder, "no.gguf"), metadata, tensors)).rejects.toThrow(
    /^llama.cpp could not load this file:\n- mlp.context_length is missing\n.*vector in F16/s,
  );
  await expect(writeGguf(join(folder, "no.gguf"), metadata, tensors, { readBy: "bitnet.cpp" })).rejects.toThrow(
    /^bitnet.cpp could not load/,
  );
  expect(await readdir(folder)).not.toContain("no.gguf");
  await writeGguf(path, metadata, tensors, any);
});
