/** What pools over images share: their window, and nothing to train. */
import { Module } from "../module.ts";
import { formatPair, type Pair, pairOf } from "./images.ts";

/** Options of pools. */
export interface PoolOptions {
  /** Step of the window, one number or `[vertical, horizontal]`; the window's size by default. */
  stride?: number | Pair;
}

/** A pool: outHeight = floor((height - windowHeight) / stride) + 1, and the same for the width. */
export abstract class Pool2d extends Module {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair = [0, 0];

  /** @throws ShapeError when a size is not a whole number of at least 1 */
  constructor(kernelSize: number | Pair, { stride = kernelSize }: PoolOptions = {}) {
    super();
    this.kernelSize = pairOf("kernelSize", kernelSize);
    this.stride = pairOf("stride", stride);
    this.inputShape = [null, null, null];
  }

  override describe(): string {
    return formatPair(this.kernelSize);
  }
}
