/** A tensor whose planes are being written, block by block of rows. */
import type { MatrixShape, TernaryMatrix } from "../core/ternary-matrix.ts";
import { type Format, modelFormats } from "../formats/index.ts";
import { fewestScales, usedScales } from "./fewest-scales.ts";
import type { LayerFigures } from "./layer-figures.ts";
import type { RowBlock } from "./row-blocks.ts";

/** Where a finished plane stands in the data file. */
export interface StoredPlane {
  readonly offset: number;
  readonly scaleOffset: number;
  readonly scaleCount: number;
  readonly groupSize?: number | undefined;
}

/** How planes are kept while a conversion is under way: rows one after the other, whole bits a trit. */
export const STORED_FORMAT: Format = modelFormats.find(({ bitsPerWeight }) => bitsPerWeight === 2) ?? modelFormats[0];

/** What is written, and from which byte of the data file on. */
export interface TensorPlace {
  readonly matrix: MatrixShape;
  readonly begin: number;
  readonly planes: number;
}

/** Scales of a plane so far, and which of them belong to trits that are not all 0. */
interface GatheredScales {
  readonly values: Float32Array[];
  readonly used: Uint8Array[];
  groupSize: number | undefined;
}

/** Writes bytes at a place of the data file. */
type Write = (bytes: Uint8Array, at: number) => Promise<void>;

/** Takes a tensor whose bytes are written. */
type Finish = (planes: readonly StoredPlane[], end: number, figures: LayerFigures) => Promise<void>;

/** Planes on their way into the data file: trits at once, scales when all are known. */
export class TensorInProgress {
  readonly #place: TensorPlace;
  readonly #planeBytes: number;
  readonly #write: Write;
  readonly #finish: Finish;
  readonly #scales: readonly GatheredScales[];

  constructor(place: TensorPlace, write: Write, finish: Finish) {
    this.#place = place;
    this.#planeBytes = STORED_FORMAT.byteLength(place.matrix);
    this.#write = write;
    this.#finish = finish;
    this.#scales = Array.from({ length: place.planes }, () => ({ values: [], used: [], groupSize: undefined }));
  }

  /** Writes some rows of all planes; blocks come in the order of rows. */
  async add({ first }: Pick<RowBlock, "first">, planes: readonly TernaryMatrix[]): Promise<void> {
    const rowBytes = this.#planeBytes / this.#place.matrix.outFeatures;
    for (const [i, { outFeatures, inFeatures, trits, scales, groupSize }] of planes.entries()) {
      const bytes = STORED_FORMAT.pack({ outFeatures, inFeatures, trits, scales: Float32Array.of(1) });
      await this.#write(bytes, this.#place.begin + i * this.#planeBytes + first * rowBytes);
      const gathered = this.#scales[i];
      gathered.groupSize = groupSize;
      const isShared = scales.length === 1 && groupSize === undefined;
      gathered.values.push(isShared ? new Float32Array(outFeatures).fill(scales[0]) : scales);
      gathered.used.push(usedScales(trits, { outFeatures, inFeatures }, groupSize));
    }
  }

  /** Writes the scales, and hands the tensor over. */
  async finish(figures: LayerFigures): Promise<void> {
    const { begin, matrix } = this.#place;
    let at = begin + this.#scales.length * this.#planeBytes;
    const stored: StoredPlane[] = [];
    for (const [i, { values, used, groupSize }] of this.#scales.entries()) {
      const all = { scales: joinFloats(values), groupSize };
      const fewest = fewestScales(all, matrix, joinBytes(used));
      const { buffer, byteOffset, byteLength, length } = fewest.scales;
      await this.#write(new Uint8Array(buffer, byteOffset, byteLength), at);
      const place = { offset: begin + i * this.#planeBytes, scaleOffset: at, scaleCount: length };
      stored.push({ ...place, ...(fewest.groupSize !== undefined && { groupSize: fewest.groupSize }) });
      at += byteLength;
    }
    await this.#finish(stored, at, figures);
  }
}

function joinFloats(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => {
    joined.set(part, at);
    return at + part.length;
  }, 0);
  return joined;
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => {
    joined.set(part, at);
    return at + part.length;
  }, 0);
  return joined;
}
