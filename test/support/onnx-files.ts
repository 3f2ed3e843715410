/** ONNX files made byte by byte, so that they can be wrong where our writer is right. */
import { RandomSource } from "../../src/core/random.ts";
import { writeOnnx } from "../../src/files/onnx/index.ts";

/** A field by its number, wire type 2. */
export function bytesField(number: number, payload: readonly number[]): number[] {
  return [...varint(number * 8 + 2), ...varint(payload.length), ...payload];
}
/** A text. */
export const textField = (number: number, text: string): number[] =>
  bytesField(number, [...new TextEncoder().encode(text)]);
/** A varint. */
export const integerField = (number: number, value: bigint | number): number[] => [
  ...varint(number * 8),
  ...varint(value),
];

/** Seven bits a byte, the lowest first. */
export function varint(value: bigint | number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** Values as their bytes. */
export const floatBytes = (...values: number[]): number[] => [...new Uint8Array(Float32Array.from(values).buffer)];
/** A file with one tensor, made of the given fields. */
export const fileOf = (...tensorFields: number[][]): Uint8Array =>
  Uint8Array.from([...integerField(1, 8), ...bytesField(7, bytesField(5, tensorFields.flat()))]);

const random = new RandomSource(1);
const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());

/** A file that our writer makes, with a layer of each kind. */
export const writtenFile: Uint8Array = writeOnnx({
  irVersion: 8,
  producer: "test",
  producerVersion: "1",
  opsets: { "": 17, "com.example": 3 },
  graphName: "layers",
  nodes: [
    { name: "first", opType: "MatMul", inputs: ["x", "in-by-out"], outputs: ["a"] },
    {
      ...{ name: "second", opType: "Gemm", inputs: ["a", "out-by-in", "bias"], outputs: ["b"] },
      attributes: { transB: 1, alpha: { float: 1 }, beta: { float: 0.5 } },
    },
    { name: "third", opType: "Conv", inputs: ["b", "kernel"], outputs: ["c"], attributes: { pads: [0, 1, -1, 2] } },
    { name: "turn", opType: "Transpose", inputs: ["shared"], outputs: ["turned"], attributes: { perm: [1, 0] } },
    { name: "fourth", opType: "MatMul", inputs: ["c", "turned"], outputs: ["d"] },
    { name: "fifth", opType: "Gemm", inputs: ["d", "scaled"], outputs: ["e"], attributes: { alpha: { float: 2 } } },
    {
      ...{ name: "sixth", opType: "MatMulNBits", domain: "com.microsoft", inputs: ["e", "codes", "scales"] },
      ...{ outputs: ["y"], attributes: { K: 20, N: 2, bits: 2, block_size: 16 } },
    },
  ],
  constants: [
    { name: "in-by-out", dtype: "F32", shape: [3, 2], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
    { name: "out-by-in", dtype: "F32", shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
    { name: "kernel", dtype: "F32", shape: [2, 1, 2, 2], values: normals(8) },
    { name: "bias", dtype: "F32", shape: [2], values: normals(2) },
    { name: "shared", dtype: "F32", shape: [2, 3], values: normals(6) },
    { name: "scaled", dtype: "F32", shape: [2, 2], values: normals(4) },
    {
      name: "codes",
      dtype: "U8",
      shape: [2, 2, 4],
      values: Uint8Array.from({ length: 16 }, (_, i) => [0xe4, 0xaa, 0x55][i % 3] | 1),
    },
    { name: "scales", dtype: "F32", shape: [4], values: Float32Array.of(0.5, 2, 1, 4) },
    { name: "shape", dtype: "I64", shape: [2], values: BigInt64Array.of(-1n, 2n ** 40n) },
    { name: "scalar", dtype: "F32", shape: [], values: Float32Array.of(7) },
    { name: "empty", dtype: "F32", shape: [0, 4], values: new Float32Array(0) },
  ],
  inputs: [{ name: "x", shape: ["batch", 3] }],
  outputs: [{ name: "y", shape: ["batch", null] }],
  metadata: { classes: '["a","ü🙂"]' },
});
