/** Shapes: row-major sizes, outermost first. */
import { ShapeError } from "./errors.ts";

/** Sizes of an array, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements of a shape. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A shape as a person reads it: `[64, 784]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Most values of one array: 4 GiB as float32, all that the WebAssembly engine can address. */
export const MAX_ELEMENTS: number = 2 ** 30;

/**
 * Checks that an array of a shape can exist, before it is made.
 *
 * @throws ShapeError naming the array when it would hold more than `MAX_ELEMENTS` values
 */
export function checkElementCount(what: string, shape: Shape): void {
  const count = elementCount(shape);
  if (count <= MAX_ELEMENTS) return;
  throw new ShapeError(
    `${what} of shape ${formatShape(shape)} would hold ${count} values, at most ${MAX_ELEMENTS} fit in one array: use smaller sizes`,
  );
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/**
 * Checks that a size is a whole number of at least `least`.
 *
 * @throws ShapeError naming the size otherwise
 */
export function checkSize(name: string, size: number, least = 1): void {
  if (!Number.isSafeInteger(size) || size < least) {
    throw new ShapeError(`${name} must be a whole number of at least ${least}, got ${size}`);
  }
}
