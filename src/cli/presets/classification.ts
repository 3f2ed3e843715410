/** What networks that tell classes apart ask of their data. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import type { Dataset } from "../../datasets/index.ts";

/**
 * The number of classes of a dataset with one class for each sample.
 *
 * @throws ShapeError when it has other targets
 */
export function classCountOf({ name, classes, targets, targetShape }: Dataset): number {
  if (classes !== undefined && targets instanceof Int32Array && targetShape.length === 0) return classes.length;
  throw new ShapeError(
    `this network tells classes apart, one for each sample; ${name} has targets of shape ${formatShape(targetShape)}`,
  );
}
