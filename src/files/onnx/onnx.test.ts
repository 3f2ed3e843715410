/** ONNX files: what our writer makes and what stands byte by byte here, read in parts; damaged files never read as sound. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  bytesField,
  fileOf,
  floatBytes,
  integerField,
  textField,
  varint,
  writtenFile,
} from "../../../test/support/onnx-files.ts";
import { FileError } from "../../core/errors.ts";
import { RandomSource } from "../../core/random.ts";
import { decodeElements } from "../element-values.ts";
import { looksLikeOnnx, onnxWeights, openOnnx, readOnnxRows, readOnnxTrits } from "./index.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bitlinear-onnx-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const random = new RandomSource(1);

const valuesOf = async (file: Uint8Array, name = "w"): Promise<unknown[]> => {
  await using reader = await openOnnx(file);
  const dtype = reader.tensors.get(name)?.dtype ?? "U8";
  return [...decodeElements(dtype, await reader.read(name))];
};

test("what is written is read: versions, texts, nodes, tensors, values in parts", async () => {
  await using reader = await openOnnx(writtenFile);
  expect([reader.irVersion, reader.producer, [...reader.opsets]]).toEqual([
    8,
    "test",
    [
      ["", 17],
      ["com.example", 3],
    ],
  ]);
  expect([...reader.metadata]).toEqual([["classes", '["a","ü🙂"]']]);
  expect(reader.nodes.map(({ opType }) => opType)).toEqual([
    "MatMul",
    "Gemm",
    "Conv",
    "Transpose",
    "MatMul",
    "Gemm",
    "MatMulNBits",
  ]);
  expect([...reader.nodes[1].attributes]).toEqual([
    ["transB", 1],
    ["alpha", 1],
    ["beta", 0.5],
  ]);
  expect(reader.nodes[2].attributes.get("pads")).toEqual([0, 1, -1, 2]);
  expect(reader.nodes[6].domain).toBe("com.microsoft");
  expect(reader.tensors.get("kernel")).toMatchObject({
    dtype: "F32",
    typeName: "FLOAT",
    shape: [2, 1, 2, 2],
    byteLength: 32,
  });
  expect(await valuesOf(writtenFile, "shape")).toEqual([-1n, 2n ** 40n]);
  expect(await valuesOf(writtenFile, "scalar")).toEqual([7]);
  expect(await valuesOf(writtenFile, "empty")).toEqual([]);
  expect([...(await reader.read("in-by-out", 4, 12))]).toEqual(floatBytes(2, 3));
  await expect(reader.read("in-by-out", 0, 25)).rejects.toThrow(/bytes \[0, 25\) are not within its 24/);
  await expect(reader.read("absent")).rejects.toThrow(FileError);
  expect(looksLikeOnnx(writtenFile)).toBe(true);
  expect(looksLikeOnnx(Uint8Array.of(0x47, 0x47, 0x55, 0x46))).toBe(false);
});

test("weights are found by their layers, as [outFeatures, inFeatures]", async () => {
  await using reader = await openOnnx(writtenFile);
  const { weights, unread } = onnxWeights(reader);
  expect(weights.map(({ tensor, matrix }) => [tensor.name, matrix.outFeatures, matrix.inFeatures])).toEqual([
    ["in-by-out", 2, 3],
    ["out-by-in", 2, 3],
    ["kernel", 2, 4],
    ["shared", 2, 3],
    ["codes", 2, 20],
  ]);
  expect([...unread]).toEqual([["scaled", 'Gemm "fifth": its factor alpha must be 1, got 2']]);
  const [inByOut, outByIn, , shared, codes] = weights;
  expect([...(await readOnnxRows(reader, inByOut, 0, 2))]).toEqual([1, 3, 5, 2, 4, 6]);
  expect([...(await readOnnxRows(reader, inByOut, 1, 1))]).toEqual([2, 4, 6]);
  expect([...(await readOnnxRows(reader, outByIn, 1, 1))]).toEqual([4, 5, 6]);
  expect([...(await readOnnxRows(reader, shared, 0, 2))]).toEqual(await valuesOf(writtenFile, "shared"));
  // 0xe5 holds the codes 1, 1, 2, 3; less the middle code 2 that is -1, -1, 0, 1.
  if (codes.kind !== "blocks") throw new Error("codes are block weights");
  const first = await readOnnxTrits(reader, codes, 0, 1);
  expect([...(first?.trits ?? [])].slice(0, 4)).toEqual([-1, -1, 0, 1]);
  expect([...(first?.scales ?? [])]).toEqual([0.5, 2]);
  expect([...(await readOnnxRows(reader, codes, 1, 1))].slice(14)).toEqual(
    [...((await readOnnxTrits(reader, codes, 1, 1))?.trits ?? [])].slice(14).map((trit, i) => trit * (i < 2 ? 1 : 4)),
  );
});

test.each<[string, number[][], unknown[]]>([
  ["raw bytes", [integerField(1, 2), integerField(2, 1), textField(8, "w"), bytesField(9, floatBytes(1, -2))], [1, -2]],
  [
    "packed floats",
    [integerField(1, 2), integerField(2, 1), bytesField(4, floatBytes(1, 2)), textField(8, "w")],
    [1, 2],
  ],
  [
    "floats in pieces",
    [
      bytesField(1, [3]),
      integerField(2, 1),
      [0x25, ...floatBytes(5)],
      bytesField(4, floatBytes(6, 7)),
      textField(8, "w"),
    ],
    [5, 6, 7],
  ],
  [
    "int8 in int32_data",
    [integerField(1, 3), integerField(2, 3), bytesField(5, [1, ...varint(-1), ...varint(-128)]), textField(8, "w")],
    [1, -1, -128],
  ],
  [
    "halves in int32_data",
    [integerField(1, 2), integerField(2, 10), bytesField(5, [...varint(0x3c00), ...varint(0xc000)]), textField(8, "w")],
    [1, -2],
  ],
  [
    "single int64 values",
    [integerField(1, 2), integerField(2, 7), integerField(7, -3), integerField(7, 2n ** 62n), textField(8, "w")],
    [-3n, 2n ** 62n],
  ],
  [
    "doubles",
    [
      integerField(1, 1),
      integerField(2, 11),
      bytesField(10, [...new Uint8Array(Float64Array.of(0.1).buffer)]),
      textField(8, "w"),
    ],
    [0.1],
  ],
  [
    "uint32 in uint64_data",
    [integerField(1, 1), integerField(2, 12), bytesField(11, varint(4294967295)), textField(8, "w")],
    [4294967295],
  ],
  ["a scalar", [integerField(2, 1), textField(8, "w"), bytesField(9, floatBytes(9)), textField(12, "a remark")], [9]],
])("hand-made bytes: %s", async (_, fields, values) => {
  expect(await valuesOf(fileOf(...fields))).toEqual(values);
});

test("constants that are nodes are tensors too, by the name of their output", async () => {
  const tensor = [integerField(1, 1), integerField(2, 1), bytesField(9, floatBytes(3))].flat();
  const attribute = bytesField(5, [...textField(1, "value"), ...bytesField(5, tensor), ...integerField(20, 4)]);
  const node = [...textField(2, "c"), ...textField(4, "Constant"), ...attribute];
  expect(await valuesOf(Uint8Array.from([...integerField(1, 8), ...bytesField(7, bytesField(1, node))]), "c")).toEqual([
    3,
  ]);
});

test("many varints are read in parts, forwards and backwards", async () => {
  const values = Int32Array.from({ length: 250_000 }, () => random.integer(2 ** 31) - 2 ** 30);
  const packed = Array.from(values).flatMap((value) => varint(value));
  const head = [
    ...integerField(1, values.length),
    ...integerField(2, 6),
    ...varint(5 * 8 + 2),
    ...varint(packed.length),
  ];
  const tensor = Uint8Array.from(head.concat(packed, textField(8, "w")));
  const wrap = (number: number, inner: Uint8Array) =>
    new Uint8Array([...varint(number * 8 + 2), ...varint(inner.length)]);
  const graph = new Blob([wrap(5, tensor), tensor]);
  const graphBytes = new Uint8Array(await graph.arrayBuffer());
  await using reader = await openOnnx(new Blob([wrap(7, graphBytes), graphBytes]));
  for (const [begin, end] of [
    [0, 1000],
    [1000, 150_000],
    [249_000, 250_000],
    [3, 5],
    [0, 250_000],
  ]) {
    const bytes = await reader.read("w", begin * 4, end * 4);
    expect(decodeElements("I32", bytes)).toEqual(values.slice(begin, end));
  }
});

const tensorHead = [integerField(1, 2), integerField(2, 1), textField(8, "w")];
test.each<[string, Uint8Array, RegExp]>([
  ["nothing", new Uint8Array(0), /has none/],
  ["a varint without end", Uint8Array.of(0x08, 0x80, 0x80), /at most 64 bits/],
  ["a varint of 11 bytes", Uint8Array.of(0x08, ...new Array(10).fill(0xff), 1), /at most 64 bits/],
  ["a length beyond the file", Uint8Array.of(0x3a, 100, 1, 2), /claims 100 bytes/],
  ["a length of 2^64 - 1", Uint8Array.of(0x3a, ...varint(2n ** 64n - 1n)), /claims 18446744073709551615 bytes/],
  ["a group", Uint8Array.of(0x3b), /wire type 3/],
  ["field number 0", Uint8Array.of(0x02, 0), /names no field/],
  ["two graphs", Uint8Array.of(0x3a, 0, 0x3a, 0), /has two/],
  ["bytes beyond the tensor", fileOf(...tensorHead, [0x4a, 9, 0]), /claims 9 bytes/],
  ["too few bytes", fileOf(...tensorHead, bytesField(9, floatBytes(1))), /takes 8 bytes, got 4/],
  ["a size of 2^64 - 1", fileOf(integerField(1, 2n ** 64n - 1n), integerField(2, 1), textField(8, "w")), /got -1/],
  ["a size of 2^62", fileOf(integerField(1, 2n ** 62n), integerField(2, 1), textField(8, "w")), /0 to 2\^53/],
  [
    "sizes of 2^60 together",
    fileOf(integerField(1, 2 ** 30), integerField(1, 2 ** 30), integerField(2, 1)),
    /2\^53 bytes/,
  ],
  ["100 axes", fileOf(bytesField(1, new Array(100).fill(1)), integerField(2, 1)), /at most 32 axes/],
  ["an unknown type", fileOf(integerField(2, 99), textField(8, "w")), /no element type 99/],
  ["bytes twice", fileOf(...tensorHead, bytesField(9, floatBytes(1, 2)), bytesField(9, floatBytes(1, 2))), /twice/],
  [
    "values in two places",
    fileOf(...tensorHead, bytesField(9, floatBytes(1, 2)), bytesField(4, floatBytes(1, 2))),
    /two places/,
  ],
  ["a name that is no text", fileOf(integerField(2, 1), bytesField(8, [0xff])), /UTF-8/],
])("refused: %s", async (_, file, message) => {
  const error = await openOnnx(file).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FileError);
  expect((error as FileError).message).toMatch(message);
  expect((error as FileError).offset).toBeLessThanOrEqual(file.length);
});

test("errors of a tensor name it; types that cannot be read are listed and refused when they are read", async () => {
  const short = fileOf(...tensorHead, bytesField(9, floatBytes(1)));
  await expect(openOnnx(short)).rejects.toMatchObject({ tensor: "w", file: "<bytes>", offset: 6 });
  await using reader = await openOnnx(
    fileOf(integerField(1, 2), integerField(2, 21), textField(8, "w"), bytesField(9, [1])),
  );
  expect(reader.tensors.get("w")).toMatchObject({ typeName: "UINT4", dtype: undefined });
  await expect(reader.read("w")).rejects.toThrow(/of type UINT4 cannot be read/);
});

test.each<[string, number[][]]>([
  ["fewer", [integerField(1, 3), integerField(2, 3), bytesField(5, [1, ...varint(300)]), textField(8, "w")]],
  ["more", [integerField(1, 2), integerField(2, 3), bytesField(5, [1, 2, 3]), textField(8, "w")]],
  ["too large", [integerField(1, 1), integerField(2, 3), bytesField(5, varint(300)), textField(8, "w")]],
])("values that do not fit their tensor are refused when they are read: %s", async (_, fields) => {
  await using reader = await openOnnx(fileOf(...fields));
  await expect(reader.read("w")).rejects.toMatchObject({ name: "FileError", tensor: "w" });
});

/** A file whose tensor lies in another. */
function externalFile(entries: Readonly<Record<string, string>>): Uint8Array {
  const fields = Object.entries(entries).map(([key, value]) =>
    bytesField(13, [...textField(1, key), ...textField(2, value)]),
  );
  return fileOf(...tensorHead, ...fields, integerField(14, 1));
}

test("external data beside the model are read, and nothing elsewhere", async () => {
  const model = join(folder, "inner", "model.onnx");
  await mkdir(join(folder, "inner", "data"), { recursive: true });
  const values = Uint8Array.from([9, 9, 9, 9, ...floatBytes(1.5, 2)]);
  await writeFile(join(folder, "inner", "data", "w.bin"), values);
  await writeFile(join(folder, "secret.bin"), values);
  await symlink(join(folder, "secret.bin"), join(folder, "inner", "link.bin"));
  const read = async (entries: Record<string, string>): Promise<unknown> => {
    await writeFile(model, externalFile(entries));
    await using reader = await openOnnx(model);
    return [...decodeElements("F32", await reader.read("w"))];
  };
  expect(await read({ location: "data/w.bin", offset: "4", length: "8" })).toEqual([1.5, 2]);
  expect(await read({ location: "data/w.bin", offset: "4", checksum: "anything" })).toEqual([1.5, 2]);
  for (const location of [
    "../secret.bin",
    "data/../../secret.bin",
    "..\\secret.bin",
    "/etc/hostname",
    "C:\\secret",
    "",
    "a\0b",
  ]) {
    await expect(read({ location, offset: "4" })).rejects.toThrow(/must be in a file beside the model/);
  }
  await expect(read({ location: "link.bin", offset: "4" })).rejects.toThrow(/a link to a file elsewhere/);
  await expect(read({ location: "absent.bin" })).rejects.toThrow(/no such file/);
  await expect(read({ location: "data/w.bin", offset: "5" })).rejects.toThrow(/not within its 12 bytes/);
  await expect(read({ location: "data/w.bin", offset: "-1" })).rejects.toThrow(/offset of its external data/);
  await expect(read({ location: "data/w.bin", length: "4" })).rejects.toThrow(
    /takes 8 bytes, but its external data have 4/,
  );
  await using inMemory = await openOnnx(externalFile({ location: "data/w.bin" }));
  await expect(inMemory.read("w")).rejects.toThrow(/only a path can lead to/);
});

test("a model that is a link finds its data beside the file it leads to", async () => {
  await mkdir(join(folder, "blobs"));
  await mkdir(join(folder, "snapshot"));
  await writeFile(join(folder, "blobs", "1"), externalFile({ location: "w.bin" }));
  await writeFile(join(folder, "blobs", "2"), Uint8Array.from(floatBytes(3, 4)));
  await symlink(join(folder, "blobs", "1"), join(folder, "snapshot", "model.onnx"));
  await symlink(join(folder, "blobs", "2"), join(folder, "snapshot", "w.bin"));
  await using reader = await openOnnx(join(folder, "snapshot", "model.onnx"));
  expect([...decodeElements("F32", await reader.read("w"))]).toEqual([3, 4]);
});
