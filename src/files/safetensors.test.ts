import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FileError, ShapeError, UsageError } from "../core/errors.ts";
import { arrayByteLength, elementByteLengths, elementTypeNames } from "./element-types.ts";
import {
  parseSafetensors,
  readFloat32,
  readUint8,
  type TensorEntry,
  tensorEntry,
  writeSafetensors,
} from "./safetensors.ts";

const unicode = (constraints: { minLength?: number; maxLength: number }): fc.Arbitrary<string> =>
  fc.string({ unit: "binary", ...constraints }); // every code point, control characters included
const awkwardNames = fc.constantFrom("__proto__", "constructor", "10", "9", "layers.0.weight", `"\\\u2028`, " ");
const names = fc.oneof(
  unicode({ minLength: 1, maxLength: 12 }).filter((name) => name !== "__metadata__"),
  awkwardNames,
);
const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 });
const tensors: fc.Arbitrary<TensorEntry> = fc
  .tuple(names, fc.constantFrom(...elementTypeNames), shapes)
  .chain(([name, dtype, shape]) => {
    const length = arrayByteLength(dtype, shape) ?? 0;
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => ({ name, dtype, shape, bytes: new Uint8Array(bytes) }));
  });
const files = fc.record({
  tensors: fc.uniqueArray(tensors, { selector: ({ name }) => name, maxLength: 6 }),
  texts: fc.uniqueArray(fc.tuple(fc.oneof(unicode({ maxLength: 8 }), awkwardNames), unicode({ maxLength: 20 })), {
    selector: ([key]) => key,
    maxLength: 4,
  }),
});

test("what is written is read again, and lies aligned", () => {
  fc.assert(
    fc.property(files, fc.integer({ min: 0, max: 7 }), ({ tensors, texts }, shift) => {
      const metadata = Object.fromEntries(texts);
      const written = writeSafetensors(tensors, metadata);
      const memory = new Uint8Array(shift + written.length + 3);
      memory.set(written, shift);
      const bytes = memory.subarray(shift, shift + written.length);

      const read = parseSafetensors(bytes);
      expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(metadata).sort());
      expect(read.tensors.size).toBe(tensors.length);
      for (const tensor of tensors) {
        const found = read.tensors.get(tensor.name);
        expect(found).toEqual(tensor);
        expect(found?.bytes.buffer).toBe(memory.buffer);
        expect(((found?.bytes.byteOffset ?? 0) - shift) % elementByteLengths[tensor.dtype]).toBe(0);
      }
    }),
    { numRuns: 500 },
  );
});

test("equal contents give equal bytes in any order", () => {
  fc.assert(
    fc.property(files, ({ tensors, texts }) => {
      const reversed = writeSafetensors([...tensors].reverse(), Object.fromEntries([...texts].reverse()));
      expect(reversed).toEqual(writeSafetensors(tensors, Object.fromEntries(texts)));
    }),
  );
});

/** Put together by hand from the format's description: length, JSON padded with spaces to 8 bytes, data. */
const byHand = [
  "78 00 00 00 00 00 00 00", // 120 bytes of header
  "7b 22 62 22 3a 7b 22 64 74 79 70 65 22 3a 22 46 33 32 22 2c", // {"b":{"dtype":"F32",
  "22 73 68 61 70 65 22 3a 5b 32 5d 2c", // "shape":[2],
  "22 64 61 74 61 5f 6f 66 66 73 65 74 73 22 3a 5b 30 2c 38 5d 7d 2c", // "data_offsets":[0,8]},
  "22 61 22 3a 7b 22 64 74 79 70 65 22 3a 22 49 38 22 2c", // "a":{"dtype":"I8",
  "22 73 68 61 70 65 22 3a 5b 31 2c 33 5d 2c", // "shape":[1,3],
  "22 64 61 74 61 5f 6f 66 66 73 65 74 73 22 3a 5b 38 2c 31 31 5d 7d 7d", // "data_offsets":[8,11]}}
  "20 20 20 20 20 20 20 20 20 20 20", // to 120
  "00 00 80 3f 00 00 20 c1", // 1, -10
  "ff 00 01", // -1, 0, 1
].join(" ");

test("a file made by hand is read, and written byte for byte", () => {
  const bytes = Uint8Array.from(byHand.split(" "), (hex) => Number.parseInt(hex, 16));
  const { tensors, metadata } = parseSafetensors(bytes);
  const [b, a] = [...tensors.values()];
  expect(metadata).toEqual({});
  expect([a.name, a.dtype, a.shape]).toEqual(["a", "I8", [1, 3]]);
  expect([b.name, b.dtype, b.shape]).toEqual(["b", "F32", [2]]);
  expect(new Int8Array(a.bytes)).toEqual(Int8Array.of(-1, 0, 1));
  expect(readFloat32(b, "f")).toEqual(Float32Array.of(1, -10));

  const written = writeSafetensors([
    tensorEntry("a", [1, 3], Int8Array.of(-1, 0, 1)),
    tensorEntry("b", [2], Float32Array.of(1, -10)),
  ]);
  const padding = 11 - 3; // the least that reaches a multiple of 8 bytes: 109 of JSON, 112
  expect(written.subarray(8, 8 + 109)).toEqual(bytes.subarray(8, 8 + 109));
  expect(written[0]).toBe(112);
  expect(written.subarray(8 + 112)).toEqual(bytes.subarray(8 + 112 + padding));
});

test("tensors are stored by element size, then name, metadata first", () => {
  const bytes = writeSafetensors(
    [
      tensorEntry("z", [1], Uint8Array.of(1)),
      tensorEntry("b", [1], Float32Array.of(1)),
      tensorEntry("B", [1], Int32Array.of(1)),
      { name: "d", dtype: "F64", shape: [1], bytes: new Uint8Array(8) },
    ],
    { z: "1", a: "2" },
  );
  expect([...parseSafetensors(bytes).tensors.keys()]).toEqual(["d", "B", "b", "z"]);
  expect(new TextDecoder().decode(bytes.subarray(8, 45))).toBe(`{"__metadata__":{"a":"2","z":"1"},"d":`.slice(0, 37));
});

test("a file of nothing is a header of eight bytes", () => {
  const bytes = writeSafetensors([]);
  expect(new TextDecoder().decode(bytes.subarray(8))).toBe("{}      ");
  expect(parseSafetensors(bytes).tensors.size).toBe(0);
});

const one = Uint8Array.of(1);
test.each([
  ["an empty name", [tensorEntry("", [1], one)], {}, UsageError, /not empty/],
  ["the reserved name", [tensorEntry("__metadata__", [1], one)], {}, UsageError, /__metadata__/],
  ["half a surrogate pair", [tensorEntry("\ud800", [1], one)], {}, UsageError, /Unicode/],
  ["a name twice", [tensorEntry("a", [1], one), tensorEntry("a", [1], Float32Array.of(1))], {}, UsageError, /"a"/],
  ["an unknown dtype", [{ name: "a", dtype: "F8" as "F16", shape: [1], bytes: one }], {}, UsageError, /"F8"/],
  ["a negative size", [tensorEntry("a", [-1], one)], {}, ShapeError, /size 0 of tensor "a"/],
  ["a fraction", [tensorEntry("a", [1, 0.5], one)], {}, ShapeError, /size 1 of tensor "a"/],
  ["too few bytes", [tensorEntry("a", [2], one)], {}, ShapeError, /must have 2 bytes, got 1/],
  ["an overflowing shape", [tensorEntry("a", [2 ** 30, 2 ** 30], one)], {}, ShapeError, /2\^53 or more bytes/],
  ["metadata of numbers", [], { a: 1 as unknown as string }, UsageError, /"a"/],
  ["metadata of broken text", [], { a: "\udc00" }, UsageError, /"a"/],
])("%s is not written", (_, tensors, metadata, type, message) => {
  const write = (): Uint8Array => writeSafetensors(tensors, metadata);
  expect(write).toThrow(type);
  expect(write).toThrow(message);
});

test("a header above the format's limit is not written", () => {
  const write = (): Uint8Array => writeSafetensors([], { text: "x".repeat(100_000_000) });
  expect(write).toThrow(UsageError);
});

test("floats of every width are read as float32", () => {
  const entry = (dtype: TensorEntry["dtype"], ...bytes: number[]): TensorEntry => ({
    name: "w",
    dtype,
    shape: [1],
    bytes: Uint8Array.from(bytes),
  });
  expect(readFloat32(entry("F16", 0x00, 0xc0), "f")).toEqual(Float32Array.of(-2));
  expect(readFloat32(entry("BF16", 0x80, 0x3f), "f")).toEqual(Float32Array.of(1));
  const pi = entry("F64", 0x18, 0x2d, 0x44, 0x54, 0xfb, 0x21, 0x09, 0x40);
  expect(readFloat32(pi, "f")).toEqual(Float32Array.of(Math.PI));
  expect(readUint8(entry("U8", 255), "f")).toEqual(Uint8Array.of(255));
});

test("an aligned tensor shares the file's memory, another one is copied", () => {
  const memory = new Uint8Array(24);
  memory.set([0, 0, 0x20, 0xc1], 8);
  memory.set([0, 0, 0x20, 0xc1], 13);
  const at = (offset: number): TensorEntry => ({
    name: "w",
    dtype: "F32",
    shape: [1],
    bytes: memory.subarray(offset, offset + 4),
  });
  expect(readFloat32(at(8), "f").buffer).toBe(memory.buffer);
  expect(readFloat32(at(13), "f").buffer).not.toBe(memory.buffer);
  expect([...readFloat32(at(8), "f"), ...readFloat32(at(13), "f")]).toEqual([-10, -10]);
});

test("a tensor of another type is refused with its name", () => {
  const entry = tensorEntry("layers.0.weight", [1], Int32Array.of(1));
  for (const read of [readFloat32, readUint8]) {
    expect(() => read(entry, "model.safetensors")).toThrow(FileError);
    expect(() => read(entry, "model.safetensors")).toThrow(
      /^model\.safetensors, tensor "layers\.0\.weight": expected .*, got I32$/,
    );
  }
});

test("a file in shared memory is read", () => {
  const written = writeSafetensors([tensorEntry("a", [1], one)]);
  const shared = new Uint8Array(new SharedArrayBuffer(written.length));
  shared.set(written);
  expect(parseSafetensors(shared).tensors.get("a")?.bytes[0]).toBe(1);
});

/** Files that other programs wrote; they stand beside the repository or in it, and not on every machine. */
function golden(name: string): string | undefined {
  const folders = ["../../../shared/golden/llama-cpp/", "../../test/golden/"];
  return folders.map((folder) => new URL(folder + name, import.meta.url).pathname).find(existsSync);
}
function isSame(a: TensorEntry | undefined, b: TensorEntry): boolean {
  return a?.dtype === b.dtype && `${a.shape}` === `${b.shape}` && Buffer.compare(a.bytes, b.bytes) === 0;
}
const offline = golden("hf-offline.safetensors");
const bitlinear = golden("hf-bitlinear.safetensors");

test.skipIf(bitlinear === undefined || offline === undefined)("Hugging Face's packed layouts are read", () => {
  const read = (path: string): ReturnType<typeof parseSafetensors> => parseSafetensors(readFileSync(path), path);
  const first = read(bitlinear ?? "");
  const second = read(offline ?? "");
  expect({ ...first.metadata }).toEqual({ format: "pt" });
  expect(first.tensors.get("model.embed_tokens.weight")).toMatchObject({ dtype: "BF16", shape: [320, 256] });
  const packed = [...first.tensors.values()].filter(({ dtype }) => dtype === "U8");
  expect(packed).toHaveLength(14); // 7 matrices in each of 2 layers
  for (const tensor of packed) expect(isSame(second.tensors.get(tensor.name), tensor)).toBe(true); // the same trits
  for (const tensor of first.tensors.values()) {
    if (tensor.dtype === "BF16") expect(readFloat32(tensor, "golden").every(Number.isFinite)).toBe(true);
  }
  const rewritten = parseSafetensors(writeSafetensors(first.tensors.values(), first.metadata));
  for (const tensor of first.tensors.values()) expect(isSame(rewritten.tensors.get(tensor.name), tensor)).toBe(true);
});
