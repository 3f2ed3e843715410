/** Parameters live on the host; the engine sees them only while a compiled function runs. */
import { ShapeError } from "../core/errors.ts";
import { elementCount, formatShape, type Shape, sameShape } from "../core/shape.ts";
import { currentTrace } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/** A named array of a module: trained (a weight) or carried along (a running statistic). */
export class Parameter {
  readonly shape: Shape;
  /** Row-major values, float32; replaced as a whole by training, so keep the parameter rather than this array. */
  value: Float32Array;
  /** False for buffers and what was frozen, which `fit` stores and restores but does not optimise; read when it starts. */
  isTrainable: boolean;

  /** @throws ShapeError when `value` does not hold `shape` */
  constructor(shape: Shape, value: Float32Array = new Float32Array(elementCount(shape)), isTrainable = true) {
    if (value.length !== elementCount(shape)) {
      throw new ShapeError(
        `a parameter of shape ${formatShape(shape)} needs ${elementCount(shape)} values, got ${value.length}`,
      );
    }
    this.shape = [...shape];
    this.value = value;
    this.isTrainable = isTrainable;
  }

  /** Number of values. */
  get size(): number {
    return this.value.length;
  }

  /**
   * Gives a buffer its next value, from inside `forward`; takes effect when the surrounding step has run.
   *
   * @throws ShapeError when the value has another shape
   */
  assign(next: Tensor): void {
    if (!sameShape(next.shape, this.shape)) {
      throw new ShapeError(
        `a parameter of shape ${formatShape(this.shape)} cannot be given a value of shape ${formatShape(next.shape)}`,
      );
    }
    const trace = currentTrace();
    if (trace) trace.updates.set(this, next);
    else this.value = next.dataSync();
  }
}
