/** Early stopping: end a training when the validation data no longer gain. */
import { UsageError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";
import type { TrainingPosition } from "./checkpoint.ts";
import type { EpochRecord } from "./history.ts";
import type { Module } from "./module.ts";

/** Options of early stopping. */
export interface EarlyStopping {
  /** Epochs without a gain before the training stops. */
  patience: number;
  /** `loss` (the default; smaller is better) or a metric's name (larger is better). */
  watch?: string;
  /** Smallest change that counts as a gain; 0 by default. */
  minimumGain?: number;
  /** Whether the parameters of the best epoch come back at the end; true by default. */
  restoreBest?: boolean;
}

/** Follows the watched value over the epochs. */
export class EarlyStoppingMonitor {
  readonly #options: EarlyStopping;
  readonly #module: Module;
  #best: number | undefined;
  #bestState: Readonly<Record<string, Float32Array>> | undefined;
  #epochsSinceBest = 0;

  /** @throws ShapeError when the patience is not a whole number of at least 1 */
  constructor(options: EarlyStopping, module: Module) {
    checkSize("patience", options.patience);
    this.#options = options;
    this.#module = module;
  }

  /** Whether the patience has run out. */
  get isExhausted(): boolean {
    return this.#epochsSinceBest >= this.#options.patience;
  }

  /** Takes an epoch in; the parameters must be up to date on the host. @throws UsageError when it does not have the watched value */
  observe(record: EpochRecord): void {
    const { watch = "loss", minimumGain = 0 } = this.#options;
    const value = watch === "loss" ? record.validationLoss : record.validationMetrics?.[watch];
    if (value === undefined) {
      const known = ["loss", ...Object.keys(record.validationMetrics ?? {})].join(", ");
      throw new UsageError(`earlyStopping cannot watch ${JSON.stringify(watch)}; the validation gives: ${known}`);
    }
    const gain =
      this.#best === undefined ? Number.POSITIVE_INFINITY : watch === "loss" ? this.#best - value : value - this.#best;
    if (gain > minimumGain) {
      this.#best = value;
      this.#epochsSinceBest = 0;
      this.#bestState = Object.fromEntries(
        this.#module.namedParameters().map(([name, parameter]) => [name, parameter.value.slice()]),
      );
    } else {
      this.#epochsSinceBest++;
    }
  }

  /** Gives the module the parameters of the best epoch. */
  restoreBest(): void {
    if (!(this.#options.restoreBest ?? true) || !this.#bestState) return;
    for (const [name, parameter] of this.#module.namedParameters()) parameter.value = this.#bestState[name].slice();
  }

  /** What a checkpoint keeps. */
  snapshot(): {
    value: number | undefined;
    epochsSinceBest: number;
    state: Readonly<Record<string, Float32Array>> | undefined;
  } {
    return { value: this.#best, epochsSinceBest: this.#epochsSinceBest, state: this.#bestState };
  }

  /** Goes on from a checkpoint. */
  resume(position: TrainingPosition, bestState: Readonly<Record<string, Float32Array>> | undefined): void {
    this.#best = position.best;
    this.#epochsSinceBest = position.epochsSinceBest;
    this.#bestState = bestState;
  }
}
