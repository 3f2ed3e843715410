/** What all formats do alike: sizes, checks, and scales inside or beside. */
import { ShapeError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import {
  checkScales,
  checkSizes,
  checkTernaryMatrix,
  granularityOf,
  type MatrixShape,
  type TernaryMatrix,
} from "../core/ternary-matrix.ts";
import type { Format } from "./format.ts";
import { checkHeld, type InsideScales, readScales, roundedScales, shareScales, writeScales } from "./stored-scales.ts";

/** Where a format puts its trits: all that differs between formats. */
export interface Layout
  extends Pick<Format, "id" | "summary" | "bitsPerWeight" | "granularities" | "groupSize">,
    Partial<Pick<Format, "limit">> {
  /** Of a shape without limit. */
  byteLength(shape: MatrixShape): number;
  /**
   * Writes all trits into zeros.
   *
   * @returns whether all of them were trits: a check on the way costs less than one of its own
   */
  packTrits(trits: Int8Array, shape: MatrixShape, bytes: Uint8Array): boolean;
  /** Index of the first byte that stands for no trits, padding included; -1 where there is none. */
  firstBadByte(bytes: Uint8Array, shape: MatrixShape): number;
  /**
   * Writes the trits of `count` rows from `first` on into `trits`, which has exactly their size and any contents, and begins
   * at a multiple of four bytes of its buffer.
   *
   * @returns whether all bytes that hold them stand for trits, padding included; undefined where it did not look
   */
  unpackRows(
    bytes: Uint8Array,
    shape: MatrixShape,
    first: number,
    count: number,
    trits: Int8Array,
  ): boolean | undefined;
  /** Absent where scales are beside the bytes. */
  readonly insideScales?: InsideScales;
  /** What bytes of another length are, where that can be told. */
  explainLength?(byteLength: number, shape: MatrixShape): string | undefined;
  /** What a byte that stands for no trits may mean to the programs that write the format. */
  readonly badByteMeaning?: string;
}

/** A format from its layout. */
export function defineFormat(layout: Layout): Format {
  const { id, summary, bitsPerWeight, granularities, groupSize, insideScales } = layout;
  const limit = (shape: MatrixShape): string | undefined => layout.limit?.(shape);
  return {
    ...{ id, summary, bitsPerWeight, granularities, limit, byteLength, fit, roundScales, pack, check, unpackRows },
    ...{ scalesOf, unpack },
    scales: insideScales ? "inside" : "beside",
    ...(groupSize !== undefined && { groupSize }),
  };

  function byteLength(shape: MatrixShape): number {
    checkSize("outFeatures", shape.outFeatures);
    checkSize("inFeatures", shape.inFeatures);
    const reason = limit(shape);
    if (reason !== undefined) throw new ShapeError(`${id} ${reason}`);
    return layout.byteLength(shape);
  }

  function fit(matrix: TernaryMatrix): TernaryMatrix {
    const fitted = shareScales(layout, matrix);
    if (insideScales) checkHeld(id, insideScales, fitted.scales);
    return fitted;
  }

  function roundScales(matrix: TernaryMatrix): TernaryMatrix {
    const shared = shareScales(layout, matrix);
    return insideScales ? { ...shared, scales: roundedScales(id, insideScales, shared.scales) } : shared;
  }

  function pack(matrix: TernaryMatrix): Uint8Array {
    checkSizes(matrix);
    const bytes = new Uint8Array(byteLength(matrix));
    const { scales, trits } = fit(matrix);
    if (!layout.packTrits(trits, matrix, bytes)) checkTernaryMatrix(matrix);
    if (insideScales) writeScales(insideScales, scales, bytes, matrix);
    return bytes;
  }

  function checkLength(bytes: Uint8Array, shape: MatrixShape): void {
    const expected = byteLength(shape);
    if (bytes.length === expected) return;
    const { outFeatures, inFeatures } = shape;
    const explanation = layout.explainLength?.(bytes.length, shape);
    throw new ShapeError(
      `${id} needs ${expected} bytes for ${outFeatures} x ${inFeatures} trits, got ${bytes.length}${explanation ? `; ${explanation}` : ""}`,
    );
  }

  function check(bytes: Uint8Array, shape: MatrixShape): void {
    checkBytes(bytes, shape);
    if (insideScales) readScales(layout, insideScales, bytes, shape);
  }

  function checkBytes(bytes: Uint8Array, shape: MatrixShape): void {
    checkLength(bytes, shape);
    const at = layout.firstBadByte(bytes, shape);
    if (at < 0) return;
    const meaning = layout.badByteMeaning === undefined ? "" : `; ${layout.badByteMeaning}`;
    throw new ShapeError(`${id}: byte ${at} holds ${bytes[at]}, which stands for no trits${meaning}`);
  }

  function scalesOf(bytes: Uint8Array, shape: MatrixShape): ReturnType<Format["scalesOf"]> {
    if (!insideScales) throw new ShapeError(`${id} has its scales beside the bytes: read the tensor that holds them`);
    checkLength(bytes, shape);
    const scales = readScales(layout, insideScales, bytes, shape);
    return { scales, ...(groupSize !== undefined && { groupSize }) };
  }

  function unpackRows(
    bytes: Uint8Array,
    shape: MatrixShape,
    first: number,
    count: number,
    into?: Int8Array,
  ): Int8Array {
    const size = count * shape.inFeatures;
    if (into && into.length < size) {
      throw new ShapeError(
        `${count} rows of ${shape.inFeatures} trits need ${size} values of space, got ${into.length}`,
      );
    }
    const given = into?.subarray(0, size);
    const trits = given && given.byteOffset % 4 === 0 ? given : new Int8Array(size);
    layout.unpackRows(bytes, shape, first, count, trits);
    if (given && given !== trits) given.set(trits);
    return given ?? trits;
  }

  function unpack(
    bytes: Uint8Array,
    shape: MatrixShape,
    scalesBeside?: Float32Array,
    groupSizeBeside?: number,
  ): TernaryMatrix {
    checkLength(bytes, shape);
    const { outFeatures, inFeatures } = shape;
    const trits = new Int8Array(outFeatures * inFeatures);
    if (layout.unpackRows(bytes, shape, 0, outFeatures, trits) !== true) checkBytes(bytes, shape);
    const held = insideScales ? scalesOf(bytes, shape) : scalesGiven(shape, scalesBeside, groupSizeBeside);
    if (insideScales && scalesBeside) {
      throw new ShapeError(`${id} has its scales inside the bytes: call unpack without any`);
    }
    return { outFeatures, inFeatures, trits, ...held };
  }

  function scalesGiven(
    { outFeatures, inFeatures }: MatrixShape,
    scales: Float32Array = Float32Array.of(1),
    size?: number,
  ): ReturnType<Format["scalesOf"]> {
    const given = { scales, ...(size !== undefined && { groupSize: size }) };
    checkScales({ outFeatures, inFeatures, ...given });
    const granularity = granularityOf({ outFeatures, inFeatures, trits: new Int8Array(0), ...given });
    if (granularities.includes(granularity)) return given;
    throw new ShapeError(`${id} has scales ${granularities.join(" or ")}, got ${granularity} ones`);
  }
}
