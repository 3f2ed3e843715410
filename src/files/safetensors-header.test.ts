/** Every way in which a safetensors header can be wrong, one hand-made file each. */
import { expect, test } from "vitest";
import { FileError } from "../core/errors.ts";
import { parseSafetensors } from "./safetensors.ts";

const encoder = new TextEncoder();

/** A file of this header and this many bytes of data; `claimed` overrides the header length. */
function fileOf(header: string | Uint8Array, dataByteLength = 0, claimed?: bigint): Uint8Array {
  const text = typeof header === "string" ? encoder.encode(header) : header;
  const file = new Uint8Array(8 + text.length + dataByteLength);
  new DataView(file.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

function errorOf(bytes: Uint8Array): FileError {
  try {
    parseSafetensors(bytes, "bad.safetensors");
  } catch (error) {
    if (error instanceof FileError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}

/** A header of one tensor "w" with these JSON texts as its fields. */
function entry(fields: { dtype?: string; shape?: string; offsets?: string }): string {
  const { dtype = `"F32"`, shape = "[2]", offsets = "[0,8]" } = fields;
  return `{"w":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}}`;
}

interface Rejection {
  name: string;
  bytes: Uint8Array;
  message: RegExp;
  offset?: number;
  /** Without it: "w" where fields are wrong, and none where no tensor is. */
  tensor?: string;
}

const DTYPE_AT = 8 + `{"w":{"dtype":`.length;
const SHAPE_AT = DTYPE_AT + `"F32","shape":`.length;
const OFFSETS_AT = SHAPE_AT + `[2],"data_offsets":`.length;

const framing: Rejection[] = [
  { name: "an empty file", bytes: new Uint8Array(0), message: /at least 8 bytes, this one has 0/, offset: 0 },
  { name: "seven bytes", bytes: new Uint8Array(7), message: /at least 8 bytes, this one has 7/, offset: 7 },
  { name: "a header beyond the file", bytes: fileOf("{}", 0, 3n), message: /claims 3 bytes, but at most 2/, offset: 0 },
  {
    name: "a header of 2^64 - 1 bytes",
    bytes: fileOf("{}", 0, 2n ** 64n - 1n),
    message: /claims 18446744073709551615/,
  },
  { name: "a header above the cap", bytes: fileOf("{}", 100_000_001, 100_000_001n), message: /at most 100000000/ },
  { name: "an empty header", bytes: fileOf(""), message: /first character of the header, got the end/, offset: 8 },
  { name: "a header that is not UTF-8", bytes: fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)), message: /UTF-8/, offset: 8 },
  { name: "a byte order mark", bytes: fileOf("\uFEFF{}"), message: /first character/, offset: 8 },
  { name: "a space before the brace", bytes: fileOf(" {}"), message: /first character/, offset: 8 },
  { name: "an array as header", bytes: fileOf("[]"), message: /"\{" as the first character/, offset: 8 },
  { name: "text as header", bytes: fileOf(`"{}"`), message: /"\{" as the first character/, offset: 8 },
  { name: "an open brace", bytes: fileOf("{"), message: /in double quotes, got the end of the header/, offset: 9 },
  {
    name: "a comma too many",
    bytes: fileOf(`{"__metadata__":{},}`),
    message: /in double quotes, got "\}"/,
    offset: 27,
  },
  { name: "a missing comma", bytes: fileOf(`{"__metadata__":{}"a"`), message: /"\}" to close the header/, offset: 26 },
  { name: "words after the brace", bytes: fileOf("{} {}"), message: /only spaces after/, offset: 11 },
  { name: "zero bytes as padding", bytes: fileOf("{}\0\0"), message: /only spaces after/, offset: 10 },
  { name: "single quotes", bytes: fileOf("{'w':1}"), message: /in double quotes/, offset: 9 },
  { name: "a key without end", bytes: fileOf(`{"w\\"`), message: /no closing quote/, offset: 9 },
  { name: "a bad escape", bytes: fileOf(`{"\\x":1}`), message: /no JSON string/, offset: 9 },
  { name: "a control character", bytes: fileOf(`{"a\nb":1}`), message: /no JSON string/, offset: 9 },
  { name: "half a surrogate pair", bytes: fileOf(`{"\\ud800":1}`), message: /surrogate/, offset: 9 },
  {
    name: "a tensor twice",
    bytes: fileOf(`{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":{}}`),
    message: /"w" appears twice in the header/,
    offset: 61,
  },
  { name: "bytes after the tensors", bytes: fileOf(entry({}), 9), message: /1 more bytes follow/, offset: 70 },
  { name: "bytes after no tensors", bytes: fileOf("{}", 4), message: /4 more bytes follow/, offset: 10 },
];

const metadata: Rejection[] = [
  { name: "metadata that are null", bytes: fileOf(`{"__metadata__":null}`), message: /"\{" to open __metadata__/ },
  {
    name: "a number",
    bytes: fileOf(`{"__metadata__":{"a":1}}`),
    message: /text as a value of __metadata__/,
    offset: 29,
  },
  { name: "null", bytes: fileOf(`{"__metadata__":{"a":null}}`), message: /text as a value of __metadata__/ },
  { name: "an object", bytes: fileOf(`{"__metadata__":{"a":{}}}`), message: /text as a value of __metadata__/ },
  { name: "a key twice", bytes: fileOf(`{"__metadata__":{"a":"","a":""}}`), message: /"a" appears twice/, offset: 32 },
  {
    name: "a key twice, once escaped",
    bytes: fileOf(`{"__metadata__":{"a":"","\\u0061":""}}`),
    message: /"a" appears twice/,
  },
  {
    name: "metadata twice",
    bytes: fileOf(`{"__metadata__":{},"__metadata__":{}}`),
    message: /"__metadata__" appears twice/,
    offset: 27,
  },
];

const fields: Rejection[] = [
  {
    name: "a tensor that is null",
    bytes: fileOf(`{"w":null}`),
    message: /to open a tensor, got "null\}"/,
  },
  { name: "a tensor that is empty", bytes: fileOf(`{"w":{}}`), message: /got only none of them/ },
  {
    name: "a tensor without data_offsets",
    bytes: fileOf(`{"w":{"dtype":"F32","shape":[2]}}`, 8),
    message: /needs dtype, shape and data_offsets, got only dtype, shape/,
    offset: 13,
  },
  { name: "another field", bytes: fileOf(`{"w":{"strides":[1]}}`), message: /got "strides"/, offset: 14 },
  { name: "a field twice", bytes: fileOf(`{"w":{"dtype":"F32","dtype":"F32"}}`), message: /twice/ },
  { name: "__proto__ as a field", bytes: fileOf(`{"w":{"__proto__":{}}}`), message: /got "__proto__"/ },
  { name: "a dtype of no name", bytes: fileOf(entry({ dtype: "32" })), message: /got "32,/, offset: DTYPE_AT },
  {
    name: "an unknown dtype",
    bytes: fileOf(entry({ dtype: `"F8_E4M3"` })),
    message: /known are F64/,
    offset: DTYPE_AT,
  },
  {
    name: "constructor as dtype",
    bytes: fileOf(entry({ dtype: `"constructor"` })),
    message: /"constructor" is not known/,
  },
  { name: "a shape of no list", bytes: fileOf(entry({ shape: "2" })), message: /open the shape/, offset: SHAPE_AT },
  { name: "a nested shape", bytes: fileOf(entry({ shape: "[[2]]" })), message: /whole number/, offset: SHAPE_AT + 1 },
  {
    name: "a shape with text",
    bytes: fileOf(entry({ shape: `["2"]` })),
    message: /whole number/,
    offset: SHAPE_AT + 1,
  },
  { name: "a shape that ends in a comma", bytes: fileOf(entry({ shape: "[2,]" })), message: /whole number/ },
  { name: "a negative size", bytes: fileOf(entry({ shape: "[-2]" }), 8), message: /got "-2\]/, offset: SHAPE_AT + 1 },
  { name: "a negative zero", bytes: fileOf(entry({ shape: "[-0]", offsets: "[0,0]" })), message: /got "-0\]/ },
  { name: "a fraction", bytes: fileOf(entry({ shape: "[2.0]" }), 8), message: /got "2\.0\]/, offset: SHAPE_AT + 1 },
  { name: "an exponent", bytes: fileOf(entry({ shape: "[2e0]" }), 8), message: /got "2e0\]/ },
  { name: "a leading zero", bytes: fileOf(entry({ shape: "[02]" }), 8), message: /got "02\]/ },
  { name: "a size of 2^53", bytes: fileOf(entry({ shape: "[9007199254740992]" })), message: /whole number/ },
  { name: "a size of 40 digits", bytes: fileOf(entry({ shape: `[${"1".repeat(40)}]` })), message: /whole number/ },
  { name: "a missing size", bytes: fileOf(entry({ shape: "[null]" })), message: /whole number/ },
  {
    name: "a shape whose product overflows",
    bytes: fileOf(entry({ shape: "[4294967296,4294967296]" }), 8),
    message: /takes 2\^53 bytes or more, but data_offsets \[0, 8\] give it 8/,
    offset: 13,
  },
  {
    name: "a product that wraps to 8",
    bytes: fileOf(entry({ shape: "[4611686018427387906]" }), 8),
    message: /whole number/,
  },
  {
    name: "too few bytes",
    bytes: fileOf(entry({ shape: "[3]" }), 8),
    message: /F32 \[3\] takes 12 bytes/,
  },
  {
    name: "too many bytes",
    bytes: fileOf(entry({ shape: "[1]" }), 8),
    message: /F32 \[1\] takes 4 bytes/,
  },
  { name: "a scalar of 8 bytes", bytes: fileOf(entry({ shape: "[]" }), 8), message: /F32 \[\] takes 4 bytes/ },
];

const offsets: Rejection[] = [
  { name: "no list", bytes: fileOf(entry({ offsets: "8" }), 8), message: /open data_offsets/, offset: OFFSETS_AT },
  { name: "one offset", bytes: fileOf(entry({ offsets: "[0]" }), 8), message: /between the two/ },
  { name: "three offsets", bytes: fileOf(entry({ offsets: "[0,8,8]" }), 8), message: /after the two/ },
  { name: "a negative offset", bytes: fileOf(entry({ offsets: "[-8,0]" }), 8), message: /where the data begin/ },
  { name: "a fraction", bytes: fileOf(entry({ offsets: "[0,8.5]" }), 9), message: /where the data end/ },
  {
    name: "reversed offsets",
    bytes: fileOf(entry({ offsets: "[8,0]" }), 8),
    message: /\[8, 0\] end before they begin/,
    offset: OFFSETS_AT + 1,
  },
  {
    name: "offsets beyond the file",
    bytes: fileOf(entry({}), 7),
    message: /\[0, 8\] lie beyond the 7 bytes of data/,
    offset: OFFSETS_AT + 1,
  },
  { name: "offsets near 2^53", bytes: fileOf(entry({ offsets: "[0,9007199254740991]" }), 8), message: /lie beyond/ },
];

/** Two tensors of U8 and this data length. */
function pair(first: [number, number], second: [number, number], dataByteLength: number): Uint8Array {
  const text = (name: string, [begin, end]: [number, number]): string =>
    `"${name}":{"dtype":"U8","shape":[${end - begin}],"data_offsets":[${begin},${end}]}`;
  return fileOf(`{${text("a", first)},${text("b", second)}}`.padEnd(128), dataByteLength);
}

const layout: Rejection[] = [
  { name: "overlap", bytes: pair([0, 4], [3, 8], 8), message: /overlaps.* at 4/, offset: 139, tensor: "b" },
  { name: "the same bytes", bytes: pair([0, 4], [0, 4], 4), message: /overlaps/, offset: 136, tensor: "b" },
  { name: "one inside the other", bytes: pair([2, 4], [0, 8], 8), message: /overlaps/, offset: 138, tensor: "a" },
  { name: "a gap", bytes: pair([0, 4], [5, 8], 8), message: /leaves a gap.* at 4/, offset: 141, tensor: "b" },
  {
    name: "a gap at the start",
    bytes: pair([1, 4], [4, 8], 8),
    message: /leaves a gap.* at 0/,
    offset: 137,
    tensor: "a",
  },
  { name: "an empty tensor inside another", bytes: pair([0, 4], [2, 2], 4), message: /overlaps/, tensor: "b" },
];

test.each(
  Object.entries({ framing, metadata, fields, offsets, layout }).flatMap(([group, cases]) =>
    cases.map((rejection) => ({ group, ...rejection })),
  ),
)("$group: $name is refused", ({ group, bytes, message, offset, tensor }) => {
  const error = errorOf(bytes);
  expect(error.message).toMatch(message);
  expect(error.file).toBe("bad.safetensors");
  expect(error.offset).toBeTypeOf("number");
  if (offset !== undefined) expect(error.offset).toBe(offset);
  const isAboutW = group === "fields" || group === "offsets";
  expect(error.tensor).toBe(tensor ?? (isAboutW ? "w" : undefined));
});

test("offsets count bytes, not characters", () => {
  const error = errorOf(fileOf(`{"größe🙂":1}`));
  expect(error.offset).toBe(8 + 1 + 2 + "größe🙂".length + 4 + 1); // ö and ß take a second byte each, 🙂 two more than UTF-16
  expect(error.tensor).toBe("größe🙂");
});

test("names that mean something to JavaScript are harmless", () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "0", "-1", ""];
  const texts = names.map((name) => `"${name}":"pwned"`).join(",");
  const tensors = names.map((name) => `"${name}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join(",");
  const file = parseSafetensors(fileOf(`{"__metadata__":{${texts}},${tensors}}`));
  expect([...file.tensors.keys()]).toEqual(names);
  expect(Object.keys(file.metadata).sort()).toEqual([...names].sort());
  expect(Object.getPrototypeOf(file.metadata)).toBeNull();
  expect(Object.values(file.metadata)).toEqual(names.map(() => "pwned"));
  expect(Object.prototype.toString.call({})).toBe("[object Object]");
});

/** 4 MB each: anything quadratic would take hours here, anything recursive would overflow the stack. */
const SIZE = 4_000_000;
const bombs: Record<string, string> = {
  "nested arrays": `{"w":${"[".repeat(SIZE)}`,
  "nested objects": `{"w":${`{"a":`.repeat(SIZE / 5)}`,
  "nested metadata": `{"__metadata__":${`{"a":`.repeat(SIZE / 5)}`,
  "a nested shape": `{"w":{"dtype":"U8","shape":${"[".repeat(SIZE)}`,
  "a shape of two million axes": entry({ shape: `[${"1,".repeat(SIZE / 2)}1]` }),
  "a number of four million digits": entry({ shape: `[${"9".repeat(SIZE)}]` }),
  "a name of four million characters": `{"${"x".repeat(SIZE)}":1}`,
  "a key of backslashes": `{"${"\\\\".repeat(SIZE / 2)}":1}`,
  "an open key of backslashes": `{"${"\\\\".repeat(SIZE / 2)}`,
  "four million spaces": `{${" ".repeat(SIZE)}`,
  "many equal keys": `{"__metadata__":{${`"a":"",`.repeat(SIZE / 7)}"a":""}}`,
};

test.each(Object.entries(bombs))(
  "%s are refused at once, in few words",
  (_, header) => {
    const error = errorOf(fileOf(header, 8));
    expect(error.message.length).toBeLessThan(1000);
  },
  10_000,
);

test("a hundred thousand tensors and metadata are read", () => {
  const tensors = Array.from(
    { length: 100_000 },
    (_, i) => `"t${i}":{"dtype":"I8","shape":[],"data_offsets":[${i},${i + 1}]}`,
  );
  const texts = Array.from({ length: 100_000 }, (_, i) => `"${i}":"${i}"`);
  const file = parseSafetensors(
    fileOf(`{"__metadata__":{${texts.join(",")}},${tensors.reverse().join(",")}}`, 100_000),
  );
  expect(file.tensors.size).toBe(100_000);
  expect(Object.keys(file.metadata)).toHaveLength(100_000);
});

test("JSON's spaces, escapes and orders are all read", () => {
  const header = `{ "b" :\t{ "data_offsets":[ 2 , 6 ],"shape" : [ ] ,\n"dtype":"\\u0046\\u00332" } ,\r
    "a\\/\\"\\u00e9\\ud83d\\ude42":{"shape":[1,0,9],"dtype":"F64","data_offsets":[2,2]},
    "c":{"shape":[2],"dtype":"BOOL","data_offsets":[0,2]} } \n`;
  const { tensors, metadata } = parseSafetensors(fileOf(header, 6));
  expect([...tensors.keys()]).toEqual(["b", `a/"é🙂`, "c"]);
  expect(tensors.get("b")).toMatchObject({ dtype: "F32", shape: [] });
  expect(metadata).toEqual({});
});

test("a header of very many empty tensors is refused before it fills the memory", () => {
  const fields = `{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`;
  const header = `{${Array.from({ length: 200_001 }, (_, i) => `"${i}":${fields}`).join(",")}}`;
  expect(errorOf(fileOf(header)).message).toMatch(/at most 200000 tensors/);
});
