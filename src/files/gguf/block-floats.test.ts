/**
 * Blocks written by loops that go the other way, over bytes and not over runs, must give `scale · integer - least` for every
 * element; what ggml's own package makes of random blocks stands in test/golden/gguf.test.ts.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ShapeError, UnsupportedError } from "../../core/errors.ts";
import { ggufFloats, ggufFloatTypeNames } from "./block-floats.ts";
import { ggufTypes, typeByName } from "./block-types.ts";

/** Integers and factors as a block holds them; `run` is what one entry of `scales` is for. */
interface Plain {
  scale: number;
  least: number;
  integers: number[];
  scales: number[];
  leasts: number[];
}

interface BlockCase {
  name: string;
  bits: number;
  run: number;
  scales?: fc.Arbitrary<number>;
  leasts?: fc.Arbitrary<number>;
  hasLeast: boolean;
  encode(plain: Plain): number[];
  value(plain: Plain, element: number): number;
}

/** Float16 numbers whose bits are easy to state. */
const halves = new Map([
  [0.5, 0x3800],
  [-1.25, 0xbd00],
  [2 ** -24, 0x0001],
  [0.0999755859375, 0x2e66],
]);
const half = (value: number): number[] => [(halves.get(value) ?? 0) & 255, (halves.get(value) ?? 0) >> 8];
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Bits `[from, from + width)` of an integer. */
const bits = (integer: number, from: number, width: number): number => (integer >> from) & (2 ** width - 1);

const nibbles = ({ integers }: Plain): number[] =>
  range(16).map((i) => bits(integers[i], 0, 4) | (bits(integers[i + 16], 0, 4) << 4));
const fifthBits = ({ integers }: Plain): number[] =>
  range(4).map((byte) => range(8).reduce((sum, bit) => sum | (bits(integers[8 * byte + bit], 4, 1) << bit), 0));
const scaled = ({ scale, integers }: Plain, e: number, zero: number): number => scale * (integers[e] - zero);

/** The 12 bytes of eight 6-bit scales and leasts. */
function sixBits({ scales, leasts }: Plain): number[] {
  const first = range(4).map((i) => scales[i] | (bits(scales[i + 4], 4, 2) << 6));
  const second = range(4).map((i) => leasts[i] | (bits(leasts[i + 4], 4, 2) << 6));
  const third = range(4).map((i) => bits(scales[i + 4], 0, 4) | (bits(leasts[i + 4], 0, 4) << 4));
  return [...first, ...second, ...third];
}

/** Each 64 elements in 32 bytes: element i below, element i + 32 above. */
const nibblesOf64 = ({ integers }: Plain): number[] =>
  range(128).map((i) => {
    const first = 64 * Math.floor(i / 32) + (i % 32);
    return bits(integers[first], 0, 4) | (bits(integers[first + 32], 0, 4) << 4);
  });

/** Each 128 elements in 32 bytes, two bits each. */
const pairsOf128 = ({ integers }: Plain): number[] =>
  range(64).map((i) => {
    const first = 128 * Math.floor(i / 32) + (i % 32);
    return range(4).reduce((byte, quarter) => byte | (bits(integers[first + 32 * quarter], 0, 2) << (2 * quarter)), 0);
  });

/** 32 bytes: bit `j` of byte `i` is a bit of element `i + 32 j`. */
const planeOf32 = ({ integers }: Plain, bit: number): number[] =>
  range(32).map((i) => range(8).reduce((byte, j) => byte | (bits(integers[i + 32 * j], bit, 1) << j), 0));

function withRuns({ scale, least, integers, scales, leasts }: Plain, e: number, run: number, zero: number): number {
  const i = Math.floor(e / run);
  return scale * scales[i] * (integers[e] - zero) - least * (leasts[i] ?? 0);
}

const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const cases: BlockCase[] = [
  {
    ...{ name: "Q4_0", bits: 4, run: 32, hasLeast: false },
    encode: (plain) => [...half(plain.scale), ...nibbles(plain)],
    value: (plain, e) => scaled(plain, e, 8),
  },
  {
    ...{ name: "Q4_1", bits: 4, run: 32, hasLeast: true },
    encode: (plain) => [...half(plain.scale), ...half(plain.least), ...nibbles(plain)],
    value: (plain, e) => scaled(plain, e, 0) + plain.least,
  },
  {
    ...{ name: "Q5_0", bits: 5, run: 32, hasLeast: false },
    encode: (plain) => [...half(plain.scale), ...fifthBits(plain), ...nibbles(plain)],
    value: (plain, e) => scaled(plain, e, 16),
  },
  {
    ...{ name: "Q5_1", bits: 5, run: 32, hasLeast: true },
    encode: (plain) => [...half(plain.scale), ...half(plain.least), ...fifthBits(plain), ...nibbles(plain)],
    value: (plain, e) => scaled(plain, e, 0) + plain.least,
  },
  {
    ...{ name: "Q8_0", bits: 8, run: 32, hasLeast: false },
    encode: (plain) => [...half(plain.scale), ...plain.integers.map((integer) => (integer - 128) & 255)],
    value: (plain, e) => scaled(plain, e, 128),
  },
  {
    ...{ name: "Q2_K", bits: 2, run: 16, hasLeast: true, scales: upTo(15), leasts: upTo(15) },
    encode: (plain) => [
      ...plain.scales.map((scale, i) => scale | (plain.leasts[i] << 4)),
      ...[...pairsOf128(plain), ...half(plain.scale), ...half(plain.least)],
    ],
    value: (plain, e) => withRuns(plain, e, 16, 0),
  },
  {
    ...{ name: "Q3_K", bits: 3, run: 16, hasLeast: false, scales: fc.integer({ min: -32, max: 31 }) },
    encode: (plain) => {
      const scales = plain.scales.map((scale) => scale + 32);
      const low = range(8).map((i) => bits(scales[i], 0, 4) | (bits(scales[i + 8], 0, 4) << 4));
      const high = range(4).map((i) =>
        range(4).reduce((byte, j) => byte | (bits(scales[i + 4 * j], 4, 2) << (2 * j)), 0),
      );
      return [...planeOf32(plain, 2), ...pairsOf128(plain), ...low, ...high, ...half(plain.scale)];
    },
    value: (plain, e) => withRuns(plain, e, 16, 4),
  },
  {
    ...{ name: "Q4_K", bits: 4, run: 32, hasLeast: true, scales: upTo(63), leasts: upTo(63) },
    encode: (plain) => [...half(plain.scale), ...half(plain.least), ...sixBits(plain), ...nibblesOf64(plain)],
    value: (plain, e) => withRuns(plain, e, 32, 0),
  },
  {
    ...{ name: "Q5_K", bits: 5, run: 32, hasLeast: true, scales: upTo(63), leasts: upTo(63) },
    encode: (plain) => [
      ...[...half(plain.scale), ...half(plain.least), ...sixBits(plain)],
      ...[...planeOf32(plain, 4), ...nibblesOf64(plain)],
    ],
    value: (plain, e) => withRuns(plain, e, 32, 0),
  },
  {
    ...{ name: "Q6_K", bits: 6, run: 16, hasLeast: false, scales: fc.integer({ min: -128, max: 127 }) },
    encode: (plain) => {
      const { integers, scales, scale } = plain;
      const low = range(128).map((i) => {
        const first = 128 * Math.floor(i / 64) + (i % 64);
        return bits(integers[first], 0, 4) | (bits(integers[first + 64], 0, 4) << 4);
      });
      const high = range(64).map((i) => {
        const first = 128 * Math.floor(i / 32) + (i % 32);
        return range(4).reduce((byte, j) => byte | (bits(integers[first + 32 * j], 4, 2) << (2 * j)), 0);
      });
      return [...low, ...high, ...scales.map((each) => each & 255), ...half(scale)];
    },
    value: (plain, e) => withRuns(plain, e, 16, 32),
  },
];

test.each(cases)("$name blocks written by hand", ({ name, bits: width, run, encode, value, ...factors }) => {
  const { id, blockElements, blockByteLength } = typeByName(name) ?? { id: -1, blockElements: 0, blockByteLength: 0 };
  const runs = blockElements / run;
  const list = (values: fc.Arbitrary<number> | undefined) =>
    fc.array(values ?? fc.constant(1), { minLength: runs, maxLength: runs });
  const plainBlock: fc.Arbitrary<Plain> = fc.record({
    scale: fc.constantFrom(...halves.keys()),
    least: factors.hasLeast ? fc.constantFrom(...halves.keys()) : fc.constant(0),
    integers: fc.array(upTo(2 ** width - 1), { minLength: blockElements, maxLength: blockElements }),
    scales: list(factors.scales),
    leasts: factors.leasts === undefined ? fc.constant([]) : list(factors.leasts),
  });
  fc.assert(
    fc.property(fc.array(plainBlock, { minLength: 1, maxLength: 2 }), (blocks) => {
      const bytes = Uint8Array.from(blocks.flatMap(encode));
      expect(bytes).toHaveLength(blocks.length * blockByteLength);
      const expected = blocks.flatMap((plain) => range(blockElements).map((e) => value(plain, e)));
      expect(ggufFloats(bytes, id)).toEqual(Float32Array.from(expected));
    }),
    { numRuns: 50 },
  );
});

test("every type that is read is tested", () => {
  const plain = ["F32", "F16", "BF16", "F64"];
  expect([...ggufFloatTypeNames].sort()).toEqual([...plain, ...cases.map(({ name }) => name)].sort());
});

test("float16 factors of every kind", () => {
  const block = (bits: number) => Uint8Array.from([bits & 255, bits >> 8, 1, ...new Uint8Array(31)]);
  const first = (bits: number) => ggufFloats(block(bits), 8)[0];
  expect([0x3c00, 0xc000, 0x7bff, 0x0400, 0x03ff, 0x8001].map(first)).toEqual([
    1,
    -2,
    65504,
    2 ** -14,
    1023 * 2 ** -24,
    -(2 ** -24),
  ]);
  expect([first(0x7c00), first(0xfc00), first(0x7e00)]).toEqual([Infinity, -Infinity, Number.NaN]);
  expect(Object.is(first(0x8000), -0)).toBe(true);
});

test("broken blocks and other types are refused", () => {
  expect(() => ggufFloats(new Uint8Array(33), 8)).toThrow(ShapeError);
  expect(() => ggufFloats(new Uint8Array(6), 0)).toThrow(/F32 comes in blocks of 4 bytes/);
  expect(() => ggufFloats(new Uint8Array(66), 35)).toThrow(
    /type 35 \(TQ2_0\) is not read as floats; read are F32, F16/,
  );
  expect(() => ggufFloats(new Uint8Array(0), 999)).toThrow(UnsupportedError);
});

test("names of types are unique, and ids within a program are", () => {
  expect(new Set(ggufTypes.map(({ name }) => name)).size).toBe(ggufTypes.length);
  expect(new Set(ggufTypes.map(({ id, dialect }) => `${id} ${dialect}`)).size).toBe(ggufTypes.length);
});
