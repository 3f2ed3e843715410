/** Every way in which a GGUF header can be wrong, one hand-made file each. */
import { expect, test } from "vitest";
import { type GgufParts, ggufFile, join, key, tensor, text, u32, u64 } from "../../../test/support/gguf-file.ts";
import { FileError } from "../../core/errors.ts";
import { openGguf } from "./reader.ts";

const MOST = 2n ** 64n - 1n;

async function errorOf(bytes: Uint8Array): Promise<FileError> {
  try {
    await using _ = await openGguf(bytes);
  } catch (error) {
    if (error instanceof FileError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}

interface Rejection {
  name: string;
  file: GgufParts | Uint8Array;
  message: RegExp;
  offset?: number;
  tensor?: string;
}

const KEYS_AT = 24;

const framing: Rejection[] = [
  { name: "an empty file", file: new Uint8Array(0), message: /needs 8 bytes here, 0 are left of 0/, offset: 0 },
  { name: "seven bytes", file: ggufFile({}).subarray(0, 7), message: /truncated/, offset: 0 },
  { name: "another magic", file: { magic: "GGML" }, message: /begins with "GGUF"/, offset: 0 },
  { name: "version 0", file: { version: 0 }, message: /this file says 0/, offset: 4 },
  { name: "version 1", file: { version: 1 }, message: /version 1 is not read/, offset: 4 },
  { name: "version 4", file: { version: 4 }, message: /this file says 4/, offset: 4 },
  { name: "a big-endian file", file: { version: 0x03000000 }, message: /big-endian/, offset: 4 },
  { name: "no counts", file: ggufFile({}).subarray(0, 20), message: /numbers of tensors and keys/, offset: 8 },
  {
    name: "2^64 - 1 tensors",
    file: { tensorCount: MOST },
    message: /number of tensors is 18446744073709551615, at most/,
  },
  { name: "2^64 - 1 keys", file: { keyCount: MOST }, message: /number of keys is 18446744073709551615/, offset: 16 },
  { name: "2^63 keys", file: { keyCount: 2n ** 63n }, message: /at most 0 is possible here/ },
  { name: "a key more than there are", file: { keyCount: 1 }, message: /number of keys is 1, at most 0/ },
  { name: "a tensor more than there are", file: { tensorCount: 1 }, message: /number of tensors is 1, at most 0/ },
  {
    name: "too many tensors",
    file: { tensorCount: 200_001, dataByteLength: 24 * 200_001 },
    message: /at most 200000 is possible/,
  },
  { name: "too many keys", file: { keyCount: 65_537, dataByteLength: 13 * 65_537 }, message: /at most 65536/ },
];

const room = new Uint8Array(64);
const keys: Rejection[] = [
  {
    name: "a key longer than the file",
    file: { keys: [join(u64(1000), room)] },
    message: /length of a key is 1000, at most 64 is possible/,
    offset: KEYS_AT,
  },
  { name: "a key of 2^64 - 1 bytes", file: { keys: [join(u64(MOST), room)] }, message: /18446744073709551615/ },
  { name: "a key above its limit", file: { keys: [key("x".repeat(65_536), 0, room)] }, message: /at most 65535/ },
  {
    name: "a key that is not UTF-8",
    file: { keys: [key(Uint8Array.of(0x61, 0xff), 0, room)] },
    message: /2 bytes of a key are not UTF-8/,
    offset: KEYS_AT + 8,
  },
  {
    name: "a key twice",
    file: { keys: [key("a", 0, room.subarray(0, 1)), key("a", 0, room.subarray(0, 1))] },
    message: /key "a" appears twice/,
    offset: KEYS_AT + 14,
  },
  {
    name: "a type of no name",
    file: { keys: [key("a", 13, room)] },
    message: /type of "a" is 13/,
    offset: KEYS_AT + 9,
  },
  { name: "a type of 2^32 - 1", file: { keys: [key("a", 2 ** 32 - 1, room)] }, message: /is 4294967295/ },
  {
    name: "no type",
    file: { keys: [join(text("abcdef"))] },
    message: /type of "abcdef" needs 4/,
    offset: KEYS_AT + 14,
  },
  { name: "half a value", file: { keys: [key("a", 12, room.subarray(0, 7))] }, message: /value of "a" needs 8/ },
  { name: "a bool of 2", file: { keys: [key("a", 7, Uint8Array.of(2))] }, message: /bool of "a" is 2/, offset: 37 },
  { name: "a text beyond the end", file: { keys: [key("a", 8, text("abc", 4))] }, message: /at most 3 is possible/ },
  {
    name: "a text of 2^64 - 1 bytes",
    file: { keys: [key("a", 8, text("abc", MOST))] },
    message: /18446744073709551615/,
  },
  {
    name: "a text that is not UTF-8",
    file: { keys: [key("a", 8, text(Uint8Array.of(0xc3, 0x28)))] },
    message: /the text of "a" are not UTF-8/,
    offset: KEYS_AT + 21,
  },
  { name: "an array of arrays", file: { keys: [key("a", 9, u32(9), u64(1), room)] }, message: /array of arrays/ },
  { name: "an array of no type", file: { keys: [key("a", 9, u32(99), u64(0), room)] }, message: /is 99/ },
  { name: "an array beyond the end", file: { keys: [key("a", 9, u32(10), u64(9), room)] }, message: /at most 8/ },
  { name: "an array of 2^64 - 1", file: { keys: [key("a", 9, u32(0), u64(MOST), room)] }, message: /184467440737095/ },
  {
    name: "an array whose bytes wrap",
    file: { keys: [key("a", 9, u32(12), u64(2n ** 61n), room)] },
    message: /at most/,
  },
  { name: "texts beyond the end", file: { keys: [key("a", 9, u32(8), u64(9), room)] }, message: /at most 8 is/ },
  {
    name: "a text in an array that is not UTF-8",
    file: { keys: [key("a", 9, u32(8), u64(2), text("b"), text(Uint8Array.of(0x80)))] },
    message: /a text of "a" are not UTF-8/,
  },
  { name: "a bool array with 3", file: { keys: [key("a", 9, u32(7), u64(2), Uint8Array.of(1, 3))] }, message: /is 3/ },
  { name: "alignment 0", file: { keys: [key("general.alignment", 4, u32(0))] }, message: /not 0, got uint32 "0"/ },
  { name: "alignment 12", file: { keys: [key("general.alignment", 4, u32(12))] }, message: /multiple of 8.*"12"/ },
  { name: "alignment in 64 bits", file: { keys: [key("general.alignment", 10, u64(32))] }, message: /got uint64/ },
  { name: "alignment as a text", file: { keys: [key("general.alignment", 8, text("32"))] }, message: /got string/ },
  {
    name: "alignment as an array",
    file: { keys: [key("general.alignment", 9, u32(4), u64(0))] },
    message: /got array/,
  },
];

const tensors: Rejection[] = [
  { name: "a name longer than the file", file: { tensors: [join(u64(99), room)] }, message: /at most 64/, tensor: "" },
  { name: "a name above its limit", file: { tensors: [tensor("x".repeat(1025), [1])] }, message: /1024/, tensor: "" },
  {
    name: "a name that is not UTF-8",
    file: { tensors: [tensor(Uint8Array.of(0xff), [1])] },
    message: /UTF-8/,
    tensor: "",
  },
  { name: "five axes", file: { tensors: [tensor("w", [1, 1, 1, 1, 1])] }, message: /5 axes, at most 4/, offset: 33 },
  { name: "2^32 - 1 axes", file: { tensors: [join(text("w"), u32(2 ** 32 - 1), room)] }, message: /4294967295 axes/ },
  {
    name: "axes beyond the end",
    file: { tensors: [join(text("w"), u32(4), room.subarray(32))] },
    message: /truncated/,
  },
  { name: "a size of 2^64 - 1", file: { tensors: [tensor("w", [MOST])] }, message: /a size is 18446744073709551615/ },
  {
    name: "sizes whose product overflows",
    file: { tensors: [tensor("w", [2 ** 32, 2 ** 32])] },
    message: /2\^53 elements/,
  },
  {
    name: "a product that wraps to 0",
    file: { tensors: [tensor("w", [2 ** 32, 2 ** 32, 2 ** 31])] },
    message: /2\^53/,
  },
  { name: "bytes that overflow", file: { tensors: [tensor("w", [2 ** 52])] }, message: /fewer than 2\^53/ },
  { name: "a type of no name", file: { tensors: [tensor("w", [1], 1000)] }, message: /type 1000 is not known here/ },
  { name: "a type that was removed", file: { tensors: [tensor("w", [32], 4)] }, message: /type 4 is not known/ },
  { name: "rows of broken blocks", file: { tensors: [tensor("w", [320, 4], 35)] }, message: /TQ2_0 \[4, 320\].*256/ },
  {
    name: "an offset that is not aligned",
    file: { tensors: [tensor("w", [1], 0, 8)], dataByteLength: 64 },
    message: /begin at 8, which is no multiple of the alignment 32/,
    offset: 24 + 9 + 4 + 8 + 4,
  },
  {
    name: "an offset of 2^64 - 32",
    file: { tensors: [tensor("w", [1], 0, 2n ** 64n - 32n)] },
    message: /the offset is/,
  },
  {
    name: "an offset beyond the end",
    file: { tensors: [tensor("w", [1], 0, 64)], dataByteLength: 64 },
    message: /ends at/,
  },
  {
    name: "data beyond the end",
    file: { tensors: [tensor("w", [17])], dataByteLength: 64 },
    message: /takes 68 bytes/,
  },
  { name: "an offset near 2^53", file: { tensors: [tensor("w", [1], 0, 2 ** 53 - 32)] }, message: /file ends at/ },
  {
    name: "a name twice",
    file: { tensors: [tensor("w", [1]), tensor("w", [1], 0, 32)], dataByteLength: 64 },
    message: /two tensors have this name/,
    offset: 24 + 33,
  },
  {
    name: "tensors that overlap",
    file: { tensors: [tensor("w", [9]), tensor("v", [1], 0, 32)], dataByteLength: 64 },
    message: /takes 36 bytes.*next tensor begins after 32: they overlap/,
    offset: 24,
  },
  {
    name: "tensors at one place",
    file: { tensors: [tensor("w", [1]), tensor("v", [1])], dataByteLength: 64 },
    message: /overlap/,
  },
  {
    name: "the later tensor first",
    file: { tensors: [tensor("v", [1], 0, 32), tensor("w", [9])], dataByteLength: 64 },
    message: /overlap/,
  },
];

test.each(
  Object.entries({ framing, keys, tensors }).flatMap(([group, cases]) => cases.map((each) => ({ group, ...each }))),
)("$group: $name is refused", async ({ group, file, message, offset, tensor }) => {
  const error = await errorOf(file instanceof Uint8Array ? file : ggufFile(file));
  expect(error.message).toMatch(message);
  expect(error.message.length).toBeLessThan(1000);
  expect(error.file).toBe("<bytes>");
  expect(error.offset).toBeTypeOf("number");
  if (offset !== undefined) expect(error.offset).toBe(offset);
  const expected = group === "tensors" ? (tensor ?? "w") : "";
  expect(error.tensor ?? "").toBe(expected);
});

test("every value type is read as what it is, and names that mean something to JavaScript are harmless", async () => {
  const bytes = ggufFile({
    version: 2,
    keys: [
      key("__proto__", 8, text("ü🙂")),
      key("constructor", 1, Uint8Array.of(0xff)),
      key("u64", 10, u64(MOST)),
      key("i64", 11, u64(MOST)),
      key("f32", 6, u32(0x3f800000)),
      key("flags", 9, u32(7), u64(2), Uint8Array.of(1, 0)),
      key("texts", 9, u32(8), u64(2), text(""), text("b")),
      key("none", 9, u32(12), u64(0)),
    ],
  });
  await using reader = await openGguf(bytes);
  expect(reader.version).toBe(2);
  expect([...reader.metadata]).toEqual([
    ["__proto__", { type: "string", value: "ü🙂" }],
    ["constructor", { type: "int8", value: -1 }],
    ["u64", { type: "uint64", value: MOST }],
    ["i64", { type: "int64", value: -1n }],
    ["f32", { type: "float32", value: 1 }],
    ["flags", { type: "array", elementType: "bool", value: Uint8Array.of(1, 0) }],
    ["texts", { type: "array", elementType: "string", value: ["", "b"] }],
    ["none", { type: "array", elementType: "float64", value: new Float64Array(0) }],
  ]);
});

test("tensors may stand in any order, hold nothing, have no axes, and end without padding", async () => {
  const bytes = ggufFile({
    tensors: [
      tensor("late", [3], 24, 64),
      tensor("none", [0, 4], 0, 64),
      tensor("scalar", [], 0, 32),
      tensor("first", [2, 3], 0),
      tensor("end", [0], 0, 64),
    ],
    dataByteLength: 67,
  });
  await using reader = await openGguf(bytes);
  expect([...reader.tensors.keys()]).toEqual(["late", "none", "scalar", "first", "end"]);
  expect(reader.tensors.get("first")).toMatchObject({ shape: [3, 2], typeName: "F32", byteLength: 24 });
  expect(reader.tensors.get("none")).toMatchObject({ shape: [4, 0], byteLength: 0 });
  expect(reader.tensors.get("scalar")).toMatchObject({ shape: [], byteLength: 4, offset: reader.dataStart + 32 });
  expect(await reader.read("late")).toEqual(Uint8Array.of(64, 65, 66));
  expect(await reader.read("first", 4, 6)).toEqual(Uint8Array.of(4, 5));
  await expect(reader.read("first", 4, 25)).rejects.toThrow(/has 24 bytes, asked for 4 to 25/);
  await expect(reader.read("first", -1)).rejects.toThrow(/asked for -1/);
  await expect(reader.read("second")).rejects.toThrow(/there is no tensor "second"/);
});
