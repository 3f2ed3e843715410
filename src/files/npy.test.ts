import fc from "fast-check";
import { expect, test } from "vitest";
import { FileError, ShapeError } from "../core/errors.ts";
import { elementCount } from "../core/shape.ts";
import { npyToFloat32, parseNpy, writeNpy } from "./npy.ts";

interface FileParts {
  header?: string;
  data?: Uint8Array;
  version?: readonly [number, number];
  claimed?: number;
}

/** A file of this header text and data, as the format describes it. */
function fileOf({ header = "", data = new Uint8Array(0), version = [1, 0], claimed }: FileParts): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = claimed ?? text.length;
  const lengthBytes =
    version[0] === 1 ? [length & 255, length >> 8] : [length, length >> 8, length >> 16, length >>> 24];
  const head = [0x93, ..."NUMPY"].map((c) => (typeof c === "string" ? c.charCodeAt(0) : c));
  return Uint8Array.from([...head, ...version, ...lengthBytes, ...text, ...data]);
}

function headerOf(descr: string, shape: string, order = "False"): string {
  return `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
}

/** NumPy's file of `np.array([[1, -10]], "<f4")`, byte for byte: the header ends at byte 128. */
const byHand = [
  "93 4e 55 4d 50 59 01 00 76 00", // magic, version 1.0, 118 bytes of header
  "7b 27 64 65 73 63 72 27 3a 20 27 3c 66 34 27 2c 20", // {'descr': '<f4',
  "27 66 6f 72 74 72 61 6e 5f 6f 72 64 65 72 27 3a 20 46 61 6c 73 65 2c 20", // 'fortran_order': False,
  "27 73 68 61 70 65 27 3a 20 28 31 2c 20 32 29 2c 20 7d", // 'shape': (1, 2), }
  "20 ".repeat(118 - 17 - 24 - 18 - 1).trim(),
  "0a", // line end
  "00 00 80 3f 00 00 20 c1", // 1, -10
].join(" ");

test("a file made by hand is read, and written byte for byte", () => {
  const bytes = Uint8Array.from(byHand.split(" "), (hex) => Number.parseInt(hex, 16));
  const values = Float32Array.of(1, -10);
  expect(parseNpy(bytes)).toEqual({ dtype: "F32", shape: [1, 2], values });
  expect(writeNpy(values, [1, 2])).toEqual(bytes);
});

test("what is written is read again, at any alignment", () => {
  const arrays = fc
    .tuple(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 }), fc.boolean(), fc.integer({ min: 0, max: 3 }))
    .chain(([shape, isFloat, shift]) => {
      const count = elementCount(shape);
      const values = (isFloat ? fc.float32Array : fc.int32Array)({ minLength: count, maxLength: count });
      return fc.record({ shape: fc.constant(shape), values, shift: fc.constant(shift) });
    });
  fc.assert(
    fc.property(arrays, ({ shape, values, shift }) => {
      const written = writeNpy(values, shape);
      const memory = new Uint8Array(shift + written.length);
      memory.set(written, shift);
      const read = parseNpy(memory.subarray(shift));
      expect(read.shape).toEqual(shape);
      expect(read.values).toEqual(values);
      expect((written.length - values.byteLength) % 64).toBe(0);
    }),
  );
});

test.each([
  ["<f2", "F16", [0x00, 0xc0, 0x00, 0x3c], Float32Array.of(-2, 1)],
  ["<f8", "F64", [0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0], Float64Array.of(1.5, 0)],
  ["|i1", "I8", [255, 1], Int8Array.of(-1, 1)],
  ["<i1", "I8", [255, 1], Int8Array.of(-1, 1)],
  ["|u1", "U8", [255, 1], Uint8Array.of(255, 1)],
  ["|b1", "BOOL", [0, 1], Uint8Array.of(0, 1)],
  ["<i2", "I16", [0, 128, 1, 0], Int16Array.of(-32768, 1)],
  ["<u2", "U16", [0, 128, 1, 0], Uint16Array.of(32768, 1)],
  ["<i4", "I32", [254, 255, 255, 255, 1, 0, 0, 0], Int32Array.of(-2, 1)],
  ["<u4", "U32", [254, 255, 255, 255, 1, 0, 0, 0], Uint32Array.of(4294967294, 1)],
  ["<i8", "I64", [...new Array(8).fill(255), 1, 0, 0, 0, 0, 0, 0, 0], BigInt64Array.of(-1n, 1n)],
  ["<u8", "U64", [...new Array(8).fill(255), 1, 0, 0, 0, 0, 0, 0, 0], BigUint64Array.of(2n ** 64n - 1n, 1n)],
])("%s is read in every version", (descr, dtype, data, values) => {
  for (const major of [1, 2, 3]) {
    const bytes = fileOf({ header: headerOf(descr, "(2,)"), data: Uint8Array.from(data), version: [major, 0] });
    expect(parseNpy(bytes)).toEqual({ dtype, shape: [2], values });
    expect(npyToFloat32(parseNpy(bytes))).toEqual(Float32Array.from([...values].map(Number)));
  }
});

test("Fortran order becomes row-major", () => {
  const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(shapes, (shape) => {
      const count = elementCount(shape);
      const data = new Uint8Array(count * 2);
      const expected = new Uint16Array(count);
      for (let rowMajor = 0; rowMajor < count; rowMajor++) {
        let rest = rowMajor;
        const index = shape.map(() => 0);
        for (let axis = shape.length - 1; axis >= 0; axis--) {
          index[axis] = rest % shape[axis];
          rest = Math.floor(rest / shape[axis]);
        }
        const fortran = index.reduceRight((position, i, axis) => position * shape[axis] + i, 0);
        new DataView(data.buffer).setUint16(fortran * 2, 7 * rowMajor, true);
        expected[rowMajor] = 7 * rowMajor;
      }
      const tuple = `(${shape.join(",")}${shape.length === 1 ? "," : ""})`;
      expect(parseNpy(fileOf({ header: headerOf("<u2", tuple, "True"), data })).values).toEqual(expected);
    }),
  );
});

test("Python's freedom of writing is accepted: quotes, spaces, orders, trailing commas", () => {
  const header = `{"shape":( 2 ,1, ) ,'fortran_order':True,\t'descr' : "|u1"}`;
  expect(parseNpy(fileOf({ header, data: Uint8Array.of(3, 4) }))).toEqual({
    dtype: "U8",
    shape: [2, 1],
    values: Uint8Array.of(3, 4),
  });
});

const magic = fileOf({}).subarray(0, 8);
const scalar = Uint8Array.of(1);
const header = (text: string): Uint8Array => fileOf({ header: text, data: scalar });
const shape = (text: string): Uint8Array => header(headerOf("|u1", text));
test.each<[string, Uint8Array, RegExp, number]>([
  ["an empty file", new Uint8Array(0), /another kind/, 0],
  ["another kind of file", new TextEncoder().encode("PK\x03\x04 and more"), /another kind/, 0],
  ["a file that ends after the magic", magic.subarray(0, 6), /version .* got the end of the file/, 6],
  ["version 0", fileOf({ version: [0, 0] }), /got 0\.0/, 6],
  ["version 4", fileOf({ version: [4, 0] }), /got 4\.0/, 6],
  ["version 1.1", fileOf({ version: [1, 1] }), /got 1\.1/, 6],
  ["a file that ends in the header length", magic, /first 12 bytes/, 8],
  ["a header beyond the file", fileOf({ claimed: 500 }), /claims 500 bytes, but at most 0/, 8],
  ["a header of 4 GB", fileOf({ version: [2, 0], claimed: 0xffff_ffff }), /claims 4294967295/, 8],
  ["a header above the cap", fileOf({ version: [3, 0], header: " ".repeat(0x1_0000) }), /at most 65535/, 8],
  ["an empty header", header(""), /"\{" to open the header/, 10],
  ["a list", header("[]"), /"\{" to open the header/, 10],
  ["code", header("__import__('os').system('true')"), /"\{" to open/, 10],
  ["code as a value", header("{'descr': __import__('os'), }"), /got "__import__/, 20],
  ["an empty dict", header("{}"), /needs descr, fortran_order and shape, got none/, 10],
  ["no shape", header("{'descr': '|u1', 'fortran_order': False}"), /got descr, fortran_order/, 10],
  ["a key twice", header("{'descr': '|u1', 'descr': '|u1'}"), /"descr" appears twice/, 27],
  ["another key", header("{'__proto__': 1}"), /got "__proto__"/, 11],
  ["an open dict", header("{'descr': '|u1'"), /got the end of the header/, 25],
  ["an open string", header("{'descr"), /a key in quotes/, 11],
  ["no quotes", header("{descr: 1}"), /a key in quotes/, 11],
  ["words after the dict", header(`${headerOf("|u1", "()")}1`), /only spaces/, 66],
  ["big-endian numbers", header(headerOf(">f4", "()")), /">f4" cannot be read: .*astype/, 20],
  ["objects", header(headerOf("|O", "()")), /"\|O" cannot be read/, 20],
  ["complex numbers", header(headerOf("<c8", "()")), /"<c8" cannot be read/, 20],
  ["a structured array", header("{'descr': [('a', '<f4')], }"), /structured and object arrays cannot/, 20],
  ["a number as order", header(headerOf("|u1", "()", "0")), /True or False as fortran_order/, 44],
  ["a shape in brackets", shape("[1]"), /"\(" to open the shape/, 60],
  ["a number in parentheses", shape("(1)"), /written \(3,\)/, 63],
  ["a shape of a comma", shape("(,)"), /whole number/, 61],
  ["a missing comma", shape("(1 1)"), /in the shape/, 63],
  ["a negative size", shape("(-1,)"), /got "-1,\)/, 61],
  ["a fraction", shape("(1.0,)"), /got "1\.0,\)/, 61],
  ["None as a size", shape("(None,)"), /got "None/, 61],
  ["a size above 2^53", shape("(9007199254740993,)"), /whole number/, 61],
  ["an overflowing shape", shape("(4294967296, 4294967296)"), /takes 2\^53 or more bytes, got 1/, 88],
  ["a shape that nests", shape("((1,),)"), /whole number/, 61],
  ["too few bytes", shape("(2,)"), /U8 \[2\] takes 2 bytes, got 1: .*truncated/, 68],
  ["too many bytes", shape("(0,)"), /U8 \[0\] takes 0 bytes, got 1/, 68],
  ["a bool of 2", fileOf({ header: headerOf("|b1", "(2,)"), data: Uint8Array.of(1, 2) }), /0 or 1, got 2/, 69],
  ["text that is not UTF-8", Uint8Array.of(...magic, 1, 0, 0xff), /UTF-8/, 10],
])("%s is refused", (_, bytes, message, offset) => {
  const read = (): unknown => parseNpy(bytes, "bad.npy");
  expect(read).toThrow(FileError);
  expect(read).toThrow(message);
  expect(read).toThrow(`bad.npy, byte ${offset}: `);
});

test.each([
  ["nested tuples", "(".repeat(60_000)],
  ["many axes", `(${"1,".repeat(30_000)})`],
  ["many spaces", " ".repeat(60_000)],
  ["an open string", "'".repeat(60_001)],
])("%s as shape end at once, in few words", (name, text) => {
  const bytes = fileOf({ header: headerOf("<u2", text), data: Uint8Array.of(1, 2, 3, 4) });
  expect(() => parseNpy(bytes)).toThrow(FileError);
  expect(() => parseNpy(bytes)).toThrow(/^.{20,600}$/);
  if (name === "many axes") {
    const array = parseNpy(fileOf({ header: headerOf("<u2", text, "True"), data: Uint8Array.of(1, 2) }));
    expect([array.shape.length, array.values[0]]).toEqual([30_000, 513]);
  }
});

test("values that do not fill the shape are not written", () => {
  expect(() => writeNpy(Float32Array.of(1), [2])).toThrow(ShapeError);
  expect(() => writeNpy(Float32Array.of(1), [-1, -1])).toThrow(ShapeError);
  expect(() => writeNpy(Float32Array.of(1), new Array(30_000).fill(1))).toThrow(/does not fit the header/);
});
