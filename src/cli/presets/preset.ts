/** Networks that `bitlinear train` builds by name: the contract of every preset. */
import type { DatasetSplit } from "../../datasets/index.ts";
import type { Module } from "../../nn/index.ts";

/** How a preset is trained where the command line does not say otherwise. */
export interface Recipe {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Optimizer steps of linear rise, before the rate falls along half a cosine. */
  readonly warmupSteps: number;
  /** Largest norm of all gradients together; no clipping without it. */
  readonly clipNorm?: number;
}

/** A network of the list, with its training. */
export interface Preset {
  readonly id: string;
  /** One line for help texts. */
  readonly summary: string;
  /** The data source it learns from when no data are named; absent where it has none. */
  readonly ownData?: string;
  /** The data source that `--data` is taken for. */
  readonly givenData: string;
  readonly recipe: Recipe;
  /**
   * A float network for data; converting its layers makes the ternary one with the same initial weights. Loads the
   * training engine.
   *
   * @throws ShapeError when the network cannot learn from such data
   */
  build(data: DatasetSplit, seed: number): Promise<Module>;
}

/** Characters of a sample, for presets that read text. */
export const SEQUENCE_LENGTH = 64;
