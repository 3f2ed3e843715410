/** How parameters follow their gradients: the contract of every optimizer. */
import { ShapeError } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/index.ts";

/** A parameter's next value and state. */
export interface Update {
  readonly parameter: Tensor;
  readonly slots: readonly Tensor[];
}

/** An optimizer with its options chosen. It keeps no state of its own: training hands the slots in and out. */
export interface Optimizer {
  readonly id: string;
  readonly learningRate: number;
  /** Its options, as checkpoints record them. */
  readonly options: Readonly<Record<string, number | boolean>>;
  /** Names of the arrays it keeps for each parameter, of the parameter's shape, zero at first. */
  readonly slotNames: readonly string[];
  /** Numbers that depend on the step (counted from 1) alone, computed once a step. */
  stepScalars(step: number): readonly number[];
  /**
   * One step of one parameter; traced, so that the learning rate and the scalars may change without tracing anew.
   *
   * @param learningRate `[1]`
   * @param scalars one `[1]` tensor for each of `stepScalars`
   */
  update(
    parameter: Tensor,
    gradient: Tensor,
    slots: readonly Tensor[],
    learningRate: Tensor,
    scalars: readonly Tensor[],
  ): Update;
}

/** Smallest float32 with a finite reciprocal that optimizers may divide by: the smallest normal one. */
export const SMALLEST_DIVISOR: number = 2 ** -126;

/** @throws ShapeError when an option is not in [least, below) */
export function checkOption(
  name: string,
  value: number,
  least: number,
  below: number = Number.POSITIVE_INFINITY,
): void {
  if (value >= least && value < below) return;
  throw new ShapeError(`${name} must be in [${least}, ${below}), got ${value}`);
}
