/**
 * Every format against a decoder of its own that reads one trit, written from the formula in docs/formats.md and as plain as
 * it can be: no tables, no words, nothing shared with the code.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectSameTrits, matricesFor } from "../../test/support/format-matrices.ts";
import type { TernaryMatrix } from "../core/ternary-matrix.ts";
import { formatById, formats } from "./index.ts";

/** Bytes of a matrix of N rows and K columns. */
interface Packed {
  readonly bytes: Uint8Array;
  readonly N: number;
  readonly K: number;
}

interface PlainDecoder {
  /** The trit in row n and column k. */
  trit(packed: Packed, n: number, k: number): number;
  /** Its scale, where that is inside the bytes. */
  scale?(packed: Packed, n: number, k: number): number;
  /** A small matrix and its bytes, worked out by hand. */
  readonly example: { readonly rows: readonly number[][]; readonly bytes: readonly number[]; readonly scale?: number };
}

const twoBits = (byte: number, shift: number): number => (byte >> shift) & 3;
const base3Digit = (byte: number, i: number): number => Math.floor(byte / 3 ** i) % 3;

/** Sign, exponent and fraction by the definition of IEEE 754 binary16; normal numbers and zero. */
function float16({ bytes }: Packed, at: number): number {
  const bits = bytes[at] + 256 * bytes[at + 1];
  if (bits % 0x8000 === 0) return 0;
  const exponent = Math.floor(bits / 1024) % 32;
  return (bits >= 0x8000 ? -1 : 1) * 2 ** (exponent - 15) * (1 + (bits % 1024) / 1024);
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);
const ones = (count: number): number[] => new Array<number>(count).fill(1);
const of = (byte: number, count: number): number[] => new Array<number>(count).fill(byte);

/** Digit n of a byte of TQ1_0, as its reader gets it: multiply by 3, take what lies above a byte, go on with the rest. */
function risingDigit(word: number, n: number, unit: number): number {
  return Math.floor((((word * 3 ** n) % unit) * 3) / unit);
}

const q2 = (group: number): PlainDecoder => ({
  trit: ({ bytes, K }, n, k) => {
    const start = ((n * K + k - (k % group)) / group) * (2 + group / 4);
    return twoBits(bytes[start + 2 + Math.floor((k % group) / 4)], 2 * (k % 4)) - 1;
  },
  scale: (packed, n, k) => float16(packed, ((n * packed.K + k - (k % group)) / group) * (2 + group / 4)),
  example: {
    rows: [[1, 0, -1, 0, ...zeros(group - 5), 1]],
    bytes: [0x00, 0x38, 0b01000110, ...of(0b01010101, group / 4 - 2), 0b10010101],
    scale: 0.5,
  },
});

const decoders: Record<string, PlainDecoder> = {
  base3: {
    trit: ({ bytes, K }, n, k) => base3Digit(bytes[n * Math.ceil(K / 5) + Math.floor(k / 5)], k % 5) - 1,
    example: {
      rows: [[1, 0, -1, 1, -1, 1], zeros(6)],
      bytes: [2 + 3 + 0 + 54 + 0, 2 + 3 + 9 + 27 + 81, 121, 121],
    },
  },
  i2: {
    trit: ({ bytes, K }, n, k) => twoBits(bytes[n * Math.ceil(K / 4) + Math.floor(k / 4)], 2 * (k % 4)) - 1,
    example: {
      rows: [
        [1, 0, -1, 1, 1],
        [-1, 0, 0, 0, 0],
      ],
      bytes: [0x86, 0b01010110, 0b01010100, 0b01010101],
    },
  },
  tq1_0: {
    trit: ({ bytes, K }, n, k) => {
      const start = ((n * K + k - (k % 256)) / 256) * 54;
      const e = k % 256;
      if (e < 160) return risingDigit(bytes[start + (e % 32)], Math.floor(e / 32), 256) - 1;
      if (e < 240) return risingDigit(bytes[start + 32 + ((e - 160) % 16)], Math.floor((e - 160) / 16), 256) - 1;
      return risingDigit(bytes[start + 48 + ((e - 240) % 4)], Math.floor((e - 240) / 4), 256) - 1;
    },
    scale: (packed, n, k) => float16(packed, ((n * packed.K + k - (k % 256)) / 256) * 54 + 52),
    example: {
      // All digits 2: v = 242 and ceil(242 · 256 / 243) = 255; four digits 2 and a 0: 240 and 253.
      rows: [ones(256)],
      bytes: [...of(255, 48), ...of(253, 4), 0x00, 0x3c],
      scale: 1,
    },
  },
  tq2_0: {
    trit: ({ bytes, K }, n, k) => {
      const start = ((n * K + k - (k % 256)) / 256) * 66;
      const e = k % 256;
      return twoBits(bytes[start + 32 * Math.floor(e / 128) + (e % 32)], 2 * (Math.floor(e / 32) % 4)) - 1;
    },
    scale: (packed, n, k) => float16(packed, ((n * packed.K + k - (k % 256)) / 256) * 66 + 64),
    example: {
      rows: [[...ones(32), ...zeros(224)]],
      bytes: [...of(0b01010110, 32), ...of(0b01010101, 32), 0x00, 0xc0],
      scale: -2,
    },
  },
  q2_0: q2(64),
  q2_0_g128: q2(128),
  i2_s: {
    trit: ({ bytes, K }, n, k) => {
      const e = n * K + k;
      return twoBits(bytes[32 * Math.floor(e / 128) + (e % 32)], 6 - 2 * Math.floor((e % 128) / 32)) - 1;
    },
    scale: ({ bytes, N, K }) => new DataView(bytes.buffer, bytes.byteOffset).getFloat32((N * K) / 4, true),
    example: {
      rows: [
        [...ones(32), ...zeros(32)],
        [...zeros(32), ...of(-1, 32)],
      ],
      bytes: [...of(0b10010100, 32), 0x00, 0x00, 0x00, 0x3f, ...zeros(28)],
      scale: 0.5,
    },
  },
  hf_bitnet: {
    trit: ({ bytes, N, K }, n, k) => {
      const quarter = Math.ceil(N / 4);
      return twoBits(bytes[(n % quarter) * K + k], 2 * Math.floor(n / quarter)) - 1;
    },
    // Six rows: quarters of two rows, the last of them empty, with code 0.
    example: {
      rows: [[1], [0], [-1], [1], [0], [0]],
      bytes: [0b00010010, 0b00011001],
    },
  },
  bittorch2: {
    trit: ({ bytes, K }, n, k) => [0, 1, -1][twoBits(bytes[n * Math.ceil(K / 4) + Math.floor(k / 4)], 2 * (k % 4))],
    // The example of the program's own specification.
    example: {
      rows: [
        [1, -1, 0, 1, -1, 0],
        [0, 1, 1, -1, 0, -1],
      ],
      bytes: [0b01001001, 0b00000010, 0b10010100, 0b00001000],
    },
  },
  og2: {
    trit: ({ bytes, K }, n, k) => twoBits(bytes[n * Math.ceil(K / 4) + Math.floor(k / 4)], 6 - 2 * (k % 4)) - 1,
    example: { rows: [[1, 0, -1, 0, 1], zeros(5)], bytes: [0b10010001, 0b10010101, 0b01010101, 0b01010101] },
  },
  hf_base3: {
    trit: ({ bytes, K }, n, k) => base3Digit(bytes[Math.floor((n * K + k) / 5)], (n * K + k) % 5) - 1,
    example: {
      rows: [
        [1, 0, -1],
        [1, -1, 1],
      ],
      bytes: [2 + 3 + 0 + 54 + 0, 2 + 3 + 9 + 27 + 81],
    },
  },
  bitnetmcu: {
    trit: ({ bytes, K }, n, k) => {
      const at = 2 * (n * Math.ceil(K / 10) + Math.floor(k / 10));
      return [1, -1, 0][risingDigit(bytes[at] + 256 * bytes[at + 1], k % 10, 65536)];
    },
    // Digits 0 (+1) for all but the last, 2 (0): v = 2 and ceil(2 · 65536 / 59049) = 3. Then -1 and nine times 0:
    // v = 59048 - 19683 = 39365 and ceil(39365 · 65536 / 59049) = ceil(43689.6) = 0xaaaa.
    example: { rows: [[...ones(9), 0, -1]], bytes: [3, 0, 0xaa, 0xaa] },
  },
};

describe.each(formats)("$id", (format) => {
  const decoder = decoders[format.id];

  test("has a decoder and an example", () => expect(decoder, `write one for ${format.id}`).toBeDefined());

  test("puts every trit and scale where its formula says", () => {
    fc.assert(
      fc.property(matricesFor(format), (matrix) => {
        const { outFeatures: N, inFeatures: K, trits } = matrix;
        const packed = { bytes: format.pack(matrix), N, K };
        const read = Int8Array.from(trits, (_, i) => decoder.trit(packed, Math.floor(i / K), i % K));
        expectSameTrits(read, trits);
        if (!decoder.scale) return;
        const step = matrix.groupSize ?? K * N;
        const scales = Float32Array.from({ length: (N * K) / step }, (_, i) =>
          Number(decoder.scale?.(packed, Math.floor((i * step) / K), (i * step) % K)),
        );
        expect(scales).toEqual(matrix.scales);
      }),
    );
  });

  test("packs its example to the bytes worked out by hand", () => {
    const { rows, bytes, scale = 1 } = decoder.example;
    const matrix: TernaryMatrix = {
      outFeatures: rows.length,
      inFeatures: rows[0].length,
      trits: Int8Array.from(rows.flat()),
      scales: Float32Array.of(scale),
    };
    expect(Array.from(format.pack(matrix))).toEqual(bytes);
    const unpacked = format.unpack(Uint8Array.from(bytes), matrix);
    expect(unpacked.trits).toEqual(matrix.trits);
    expect(new Set(unpacked.scales)).toEqual(new Set([scale]));
  });
});

test("rows start on a byte of their own, or run on", () => {
  const matrix = { outFeatures: 2, inFeatures: 1, trits: Int8Array.of(1, -1), scales: Float32Array.of(1) };
  expect(Array.from(formatById("base3").pack(matrix))).toEqual([122, 120]);
  expect(Array.from(formatById("hf_base3").pack(matrix))).toEqual([2 + 0 + 9 + 27 + 81]);
  expect(Array.from(formatById("i2").pack(matrix))).toEqual([0b01010110, 0b01010100]);
});

test("blocks of i2_s straddle rows", () => {
  const trits = Int8Array.from({ length: 4 * 96 }, (_, i) => (i % 3) - 1);
  const matrix = { outFeatures: 4, inFeatures: 96, trits, scales: Float32Array.of(1) };
  const format = formatById("i2_s");
  expect(Array.from(format.unpackRows(format.pack(matrix), matrix, 1, 2))).toEqual(Array.from(trits.slice(96, 288)));
});
