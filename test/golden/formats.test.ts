/** Bytes that other programs wrote: ggml's quantizer (ggml-ternary.json) and bitnet.cpp's (llama-cpp/i2s.json). */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { formatById } from "../../src/formats/index.ts";
import { dequantize, scaleOf, ungroup } from "../../src/index.ts";

interface GgmlCase {
  N: number;
  K: number;
  scale: number;
  trits: number[];
  /** Packed bytes in hexadecimal. */
  tq1_0: string;
  tq2_0: string;
}

interface I2sCase {
  N: number;
  K: number;
  scale: number;
  t: number[];
  bytes_hex: string;
  /** Codes of a token of K inputs. */
  q: number[];
  /** Sum of code times input for each row, as the kernel of bitnet.cpp computes it from the bytes. */
  dot: number[];
}

const ggml: { cases: GgmlCase[] } = read("ggml-ternary.json");
const i2s: { cases: I2sCase[] } = read("llama-cpp/i2s.json");

function read(file: string): never {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8")) as never;
}

describe.each(["tq1_0", "tq2_0"] as const)("%s has ggml's bytes", (id) => {
  test.each(ggml.cases)("of $N x $K", ({ N, K, scale, trits, ...packed }) => {
    const format = formatById(id);
    const matrix = { outFeatures: N, inFeatures: K, trits: Int8Array.from(trits), scales: Float32Array.of(scale) };
    const bytes = Uint8Array.from(Buffer.from(packed[id], "hex"));
    expect(Buffer.from(format.pack(matrix)).toString("hex")).toBe(packed[id]);
    const unpacked = format.unpack(bytes, matrix);
    expect(ungroup(unpacked)).toEqual(matrix);
    expect(dequantize(unpacked)).toEqual(dequantize(matrix));
  });
});

describe("i2_s has bitnet.cpp's bytes", () => {
  const format = formatById("i2_s");

  test.each(i2s.cases)("of $N x $K", ({ N, K, scale, t, bytes_hex, q, dot }) => {
    const scales = Float32Array.of(scale);
    const matrix = { outFeatures: N, inFeatures: K, trits: Int8Array.from(t), scales };
    expect(Buffer.from(format.pack(matrix)).toString("hex")).toBe(bytes_hex);
    const bytes = Uint8Array.from(Buffer.from(bytes_hex, "hex"));
    expect(format.unpack(bytes, matrix)).toEqual(matrix);
    // The codes as the other program's product sees them.
    const trits = format.unpackRows(bytes, matrix, 0, N);
    const sums = dot.map((_, n) => q.reduce((sum, code, k) => sum + code * (trits[n * K + k] + 1), 0));
    expect(sums).toEqual(dot);
    expect(scaleOf(format.unpack(bytes, matrix), N - 1, K - 1)).toBe(scales[0]);
  });

  test("the rest of the tail is not read", () => {
    // The official file repeats the scale eight times.
    const matrix = { outFeatures: 1, inFeatures: 128, trits: new Int8Array(128).fill(1), scales: Float32Array.of(0.5) };
    const bytes = format.pack(matrix);
    const tail = new DataView(bytes.buffer, 32);
    for (let at = 4; at < 32; at += 4) tail.setFloat32(at, 0.5, true);
    expect(format.unpack(bytes, matrix)).toEqual(matrix);
  });
});
