/** What layers over images share: `[batch, height, width, channels]`, channels last. */
import { convolvedSize } from "../../backends/backend.ts";
import { ShapeError } from "../../core/errors.ts";
import { checkSize, formatShape } from "../../core/shape.ts";
import type { Pair, WindowGeometry } from "../../runtime/images.ts";
import type { Tensor } from "../../tensor/index.ts";

export type { Pair, WindowGeometry };

/**
 * One number for both directions, or a pair.
 *
 * @throws ShapeError when a size is not a whole number of at least `least`
 */
export function pairOf(name: string, size: number | Pair, least = 1): Pair {
  const pair: Pair = typeof size === "number" ? [size, size] : size;
  if (pair.length !== 2) {
    throw new ShapeError(`${name} must be a number or a pair [vertical, horizontal], got ${formatShape(pair)}`);
  }
  for (const value of pair) checkSize(name, value, least);
  return [pair[0], pair[1]];
}

/** A pair as a person reads it: `3×3`. */
export function formatPair([vertical, horizontal]: Pair): string {
  return `${vertical}×${horizontal}`;
}

/**
 * Height and width of what a layer makes of images.
 *
 * @param channels what the layer expects; any number without it
 * @throws ShapeError when `x` is not `[batch, height, width, channels]` or smaller than the window
 */
export function outputSize(layer: object, x: Tensor, geometry: WindowGeometry, channels?: number): Pair {
  checkImages(layer, x, channels);
  const size = ([0, 1] as const).map((axis) =>
    convolvedSize(x.shape[axis + 1], geometry.kernelSize[axis], geometry.stride[axis], geometry.padding[axis]),
  );
  if (size[0] < 1 || size[1] < 1) {
    throw new ShapeError(
      `${layer.constructor.name} moves a window of ${formatPair(geometry.kernelSize)} over the image, got the smaller input ${formatShape(x.shape)}`,
    );
  }
  return [size[0], size[1]];
}

/** @throws ShapeError when `x` is not `[batch, height, width, channels]` */
export function checkImages(layer: object, x: Tensor, channels?: number): void {
  if (x.shape.length === 4 && (channels === undefined || x.shape[3] === channels)) return;
  throw new ShapeError(
    `${layer.constructor.name} needs an input of shape [batch, height, width, ${channels ?? "channels"}], got ${formatShape(x.shape)}`,
  );
}

/** Elements `start`, `start + step`, ... of one axis, `count` of them; the axis must hold the last one. */
export function everyNth(x: Tensor, axis: number, start: number, count: number, step: number): Tensor {
  if (step === 1) return x.slice(axis, start, start + count);
  // The axis as blocks of `step`: the elements sit at one offset of consecutive blocks. Whole blocks are cut out where
  // there are enough of them, because padding costs the engine its vector loads.
  const firstBlock = Math.floor(start / step);
  const end = (firstBlock + count) * step;
  const size = x.shape[axis];
  const whole = end <= size ? x : x.pad(x.shape.map((_, i) => [0, i === axis ? end - size : 0]));
  const before = x.shape.slice(0, axis);
  const after = x.shape.slice(axis + 1);
  return whole
    .slice(axis, firstBlock * step, end)
    .reshape([...before, count, step, ...after])
    .slice(axis + 1, start % step, (start % step) + 1)
    .reshape([...before, count, ...after]);
}

/** The values at each place of a window, row by row, each `[B, outH, outW, C]`. */
export function windowValues(x: Tensor, { kernelSize, stride }: WindowGeometry, [outH, outW]: Pair): Tensor[] {
  const values: Tensor[] = [];
  for (let row = 0; row < kernelSize[0]; row++) {
    for (let column = 0; column < kernelSize[1]; column++) {
      values.push(everyNth(everyNth(x, 1, row, outH, stride[0]), 2, column, outW, stride[1]));
    }
  }
  return values;
}
