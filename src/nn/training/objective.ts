/** What a training minimises, and over which parameters. */
import type { Tensor } from "../../tensor/index.ts";
import type { Module } from "../module.ts";
import type { Loss } from "./losses.ts";

/** What one step traces. */
export interface Objective {
  /** Holds everything that is trained and that checkpoints keep: the model, alone or with what learns beside it. */
  readonly trained: Module;
  /** Read by the forward pass, but neither trained nor kept: a teacher. */
  readonly frozen?: Module;
  /** What decides over the bits of the result beside the settings of every training, for checkpoints. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /**
   * The forward pass of a batch.
   *
   * @returns what the model gave, `[count, ...]`, and the loss, of shape `[]`
   */
  trace(x: Tensor, target: Tensor): { outputs: Tensor; loss: Tensor };
}

/** The loss of what a module gives. */
export function lossObjective(module: Module, loss: Loss): Objective {
  return {
    trained: module,
    trace(x, target) {
      const outputs = module.forward(x);
      return { outputs, loss: loss(outputs, target) };
    },
  };
}
