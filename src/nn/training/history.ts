/** What a training went through. */

/** One epoch. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /** Mean training loss over the epoch, measured while the parameters moved. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly validationLoss?: number;
  readonly validationMetrics?: Readonly<Record<string, number>>;
  /** Rate of the epoch's last step. */
  readonly learningRate: number;
  /** Wall time, validation included. */
  readonly seconds: number;
}

/** Why a training ended. */
export type StopReason = "finished" | "early-stopping" | "aborted";

/** A whole training. */
export interface History {
  readonly epochs: readonly EpochRecord[];
  readonly stopReason: StopReason;
  /** Optimizer steps in total. */
  readonly steps: number;
  /** Samples of each epoch that did not fill a last batch and were left out (others each epoch, when shuffled). */
  readonly droppedSamples: number;
}
