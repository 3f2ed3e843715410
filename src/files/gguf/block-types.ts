/** The element types of GGUF: how many bytes the blocks of each take, and which programs mean what by an id. */
import { elementCount, type Shape } from "../../core/shape.ts";

/** Whose numbering of types a file follows. */
export type GgufDialect = "ggml" | "bitnet.cpp" | "PrismML";

/** One element type; a row of a tensor is a whole number of its blocks. */
export interface GgufType {
  readonly id: number;
  readonly name: string;
  /** Consecutive elements of a row that are stored together. */
  readonly blockElements: number;
  readonly blockByteLength: number;
  readonly dialect: GgufDialect;
  /** Bytes of a whole tensor, for types that are not stored row by row. */
  readonly tensorByteLength?: (shape: Shape) => number;
  /** Why its bytes are of no use to a reader. */
  readonly refusal?: string;
}

function ggml(id: number, name: string, blockElements: number, blockByteLength: number): GgufType {
  return { id, name, blockElements, blockByteLength, dialect: "ggml" };
}

/** bitnet.cpp counts bytes as if an element took one, and then corrects the sum for the whole tensor. */
function bitnetCpp(id: number, name: string, tensorByteLength: (shape: Shape) => number, refusal?: string): GgufType {
  const type = { id, name, blockElements: 1, blockByteLength: 1, dialect: "bitnet.cpp", tensorByteLength } as const;
  return refusal === undefined ? type : { ...type, refusal };
}

const TILED =
  "its weights are tiled for one build of bitnet.cpp, and nothing in the file says how: " +
  "convert the original checkpoint, or a file with I2_S";

/**
 * Every type that files are known to hold. Ids that several programs use for different things stand several times, first
 * as ggml has or had them.
 */
export const ggufTypes: readonly GgufType[] = [
  ggml(0, "F32", 1, 4),
  ggml(1, "F16", 1, 2),
  ggml(2, "Q4_0", 32, 18),
  ggml(3, "Q4_1", 32, 20),
  ggml(6, "Q5_0", 32, 22),
  ggml(7, "Q5_1", 32, 24),
  ggml(8, "Q8_0", 32, 34),
  ggml(9, "Q8_1", 32, 36),
  ggml(10, "Q2_K", 256, 84),
  ggml(11, "Q3_K", 256, 110),
  ggml(12, "Q4_K", 256, 144),
  ggml(13, "Q5_K", 256, 176),
  ggml(14, "Q6_K", 256, 210),
  ggml(15, "Q8_K", 256, 292),
  ggml(16, "IQ2_XXS", 256, 66),
  ggml(17, "IQ2_XS", 256, 74),
  ggml(18, "IQ3_XXS", 256, 98),
  ggml(19, "IQ1_S", 256, 50),
  ggml(20, "IQ4_NL", 32, 18),
  ggml(21, "IQ3_S", 256, 110),
  ggml(22, "IQ2_S", 256, 82),
  ggml(23, "IQ4_XS", 256, 136),
  ggml(24, "I8", 1, 1),
  ggml(25, "I16", 1, 2),
  ggml(26, "I32", 1, 4),
  ggml(27, "I64", 1, 8),
  ggml(28, "F64", 1, 8),
  ggml(29, "IQ1_M", 256, 56),
  ggml(30, "BF16", 1, 2),
  ggml(31, "Q4_0_4_4", 32, 18),
  ggml(32, "Q4_0_4_8", 32, 18),
  ggml(33, "Q4_0_8_8", 32, 18),
  ggml(34, "TQ1_0", 256, 54),
  ggml(35, "TQ2_0", 256, 66),
  ggml(36, "IQ4_NL_4_4", 32, 18),
  ggml(37, "IQ4_NL_4_8", 32, 18),
  ggml(38, "IQ4_NL_8_8", 32, 18),
  ggml(39, "MXFP4", 32, 17),
  ggml(40, "NVFP4", 64, 36),
  ggml(41, "Q1_0", 128, 18),
  ggml(42, "Q2_0", 64, 18),
  bitnetCpp(36, "I2_S", quarterAndTail),
  bitnetCpp(37, "I8_S", elementCount),
  bitnetCpp(38, "TL1", quarterAndTail, TILED),
  bitnetCpp(39, "TL2", tl2ByteLength, TILED),
  { id: 42, name: "Q2_0_128", blockElements: 128, blockByteLength: 34, dialect: "PrismML" },
];

/** Ids that ggml has retired: it refuses files that hold them. */
export const retiredTypeNames: ReadonlySet<string> = new Set(
  ["Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8"], // repacked when loaded instead
);

/** What an id may mean, one for each dialect that uses it; empty for an unknown id. */
export function typesOfId(id: number): readonly GgufType[] {
  return ggufTypes.filter((type) => type.id === id);
}

/** The type of a name; undefined for an unknown name. */
export function typeByName(name: string): GgufType | undefined {
  return ggufTypes.find((type) => type.name === name);
}

/**
 * Bytes of a tensor; `undefined` where its rows are no whole blocks, or they cannot be counted exactly (2⁵³ or more).
 *
 * @param shape row-major `[..., out, in]`
 */
export function ggufByteLength(type: GgufType, shape: Shape): number | undefined {
  const columns = shape.at(-1) ?? 1;
  if (columns % type.blockElements !== 0 || !Number.isSafeInteger(elementCount(shape))) return undefined;
  const byteLength =
    type.tensorByteLength?.(shape) ?? (elementCount(shape) / type.blockElements) * type.blockByteLength;
  return Number.isSafeInteger(byteLength) && byteLength >= 0 ? byteLength : undefined;
}

/** A quarter of a byte per element, and 32 bytes that hold the scale. */
function quarterAndTail(shape: Shape): number {
  return Math.floor(elementCount(shape) / 4) + 32;
}

/** Triples of 5 bits but for the last 256 columns, which are pairs of 4 bits; padded to 32 bytes, and 32 for the scale. */
function tl2ByteLength(shape: Shape): number {
  const columns = shape.at(-1) ?? 1;
  if (columns < 256) return Number.NaN; // no such tensor can be
  const rows = elementCount(shape.slice(0, -1));
  const triples = Math.floor((Math.floor(((columns - 256) * rows) / 3) * 5) / 8);
  return Math.ceil((triples + 64 * rows) / 32) * 32 + 32;
}
