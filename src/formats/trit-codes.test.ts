/** Large matrices take another way than small ones, to the same bytes and the same refusals. */
import { describe, expect, test, vi } from "vitest";
import { RandomSource } from "../core/random.ts";
import { formatById } from "./index.ts";

const random = new RandomSource(3);
const scales = Float32Array.of(0.5);
/** A row alone is too short for the module; that of i2 does not end with a vector. */
const layouts = [
  { id: "i2", outFeatures: 523, inFeatures: 516, trailer: 0 },
  { id: "tq2_0", outFeatures: 523, inFeatures: 512, trailer: 0 },
  { id: "i2_s", outFeatures: 523, inFeatures: 512, trailer: 32 },
];

describe.each(layouts)("$id", ({ id, outFeatures, inFeatures, trailer }) => {
  const format = formatById(id);
  const shape = { outFeatures, inFeatures };
  const trits = Int8Array.from({ length: outFeatures * inFeatures }, () => random.integer(3) - 1);
  const beside = format.scales === "beside" ? scales : undefined;

  function rowsAlone(): number[] {
    return Array.from({ length: outFeatures }, (_, row) => {
      const own = trits.subarray(row * inFeatures, (row + 1) * inFeatures);
      const bytes = format.pack({ outFeatures: 1, inFeatures, trits: own, scales });
      return [...bytes.subarray(0, bytes.length - trailer)];
    }).flat();
  }

  test("whole matrices have the bytes of their rows", () => {
    const bytes = format.pack({ ...shape, trits, scales });
    expect(bytes.length).toBeGreaterThan(1 << 16);
    expect(Buffer.from(bytes.subarray(0, bytes.length - trailer)).equals(Buffer.from(rowsAlone()))).toBe(true);
  });

  test("trits come back, into new memory and into used", () => {
    const bytes = format.pack({ ...shape, trits, scales });
    expect(format.unpack(bytes, shape, beside).trits).toEqual(trits);
    const used = new Int8Array(trits.length).fill(5);
    format.unpackRows(bytes, shape, 0, outFeatures, used);
    expect(Buffer.from(used.buffer).equals(Buffer.from(trits.buffer))).toBe(true);
  });

  test.each([0, 0.3, 0.5, 0.99999])("what is none is refused, %f of the way", (share) => {
    const at = Math.floor(share * trits.length);
    for (const value of [2, -2, 127, -128]) {
      const wrong = trits.slice();
      wrong[at] = value;
      expect(() => format.pack({ ...shape, trits: wrong, scales })).toThrow(String(value));
    }
    const bytes = format.pack({ ...shape, trits, scales });
    const code = Math.floor(share * (bytes.length - trailer - 8)); // before the scale of the last block
    const isScale = id === "tq2_0" && code % 66 >= 64;
    bytes[isScale ? code - 4 : code] |= 0x0c;
    expect(() => format.unpack(bytes, shape, beside)).toThrow(/stands for no trits/);
  });

  test("plain loops give the same where nothing may be compiled", async () => {
    const bytes = format.pack({ ...shape, trits, scales });
    for (const WebAssembly of [undefined, { CompileError: RangeError, Module: refuse }]) {
      vi.stubGlobal("WebAssembly", WebAssembly);
      vi.resetModules();
      const plain = (await import("./index.ts")).formatById(id);
      expect(Buffer.from(plain.pack({ ...shape, trits, scales })).equals(Buffer.from(bytes))).toBe(true);
      expect(Buffer.from(plain.unpack(bytes, shape, beside).trits.buffer).equals(Buffer.from(trits.buffer))).toBe(true);
    }
    vi.unstubAllGlobals();
  });

  test("bytes need not begin at a multiple of anything", () => {
    const bytes = format.pack({ ...shape, trits, scales });
    const moved = new Uint8Array(bytes.length + 3).subarray(3);
    moved.set(bytes);
    expect(format.unpack(moved, shape, beside).trits).toEqual(trits);
  });
});

function refuse(): never {
  throw new EvalError("a policy forbids to compile code");
}
