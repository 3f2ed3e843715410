/** Early stopping: end a training when the validation data no longer gain. */
import { ShapeError, UsageError } from "../../core/errors.ts";
import { checkSize } from "../../core/shape.ts";
import type { Module } from "../module.ts";
import type { EpochRecord } from "./history.ts";
import type { Metric } from "./metrics.ts";

/** Options of early stopping. */
export interface EarlyStopping {
  /** Epochs without a gain before the training stops. */
  patience: number;
  /** `loss` (the default) or the name of a metric. */
  watch?: string;
  /** Smallest change that counts as a gain; 0 by default: any. */
  minimumGain?: number;
  /** Whether the parameters of the best epoch come back at the end; true by default. */
  restoreBest?: boolean;
}

/** How far the watched value has come. */
export interface BestEpoch {
  /** The best value; absent before the first epoch, and while every value is NaN. */
  readonly value?: number;
  /** Epochs since then. */
  readonly epochsSince: number;
  /** Values of the parameters then, in the order of `namedParameters`; absent where they need not come back. */
  readonly parameters?: readonly Float32Array[];
}

/** Follows the watched value over the epochs. */
export class EarlyStoppingMonitor {
  readonly options: Readonly<Required<EarlyStopping>>;
  readonly #module: Module;
  readonly #isSmallerBetter: boolean;
  /** Where it stands; checkpoints keep it. */
  best: BestEpoch = { epochsSince: 0 };

  /**
   * @param metrics of the validation data
   * @throws ShapeError for options out of range, UsageError when nothing has the name to watch
   */
  constructor(options: EarlyStopping, module: Module, metrics: readonly Metric[]) {
    const { patience, watch = "loss", minimumGain = 0, restoreBest = true } = options;
    checkSize("patience", patience);
    if (!(minimumGain >= 0 && Number.isFinite(minimumGain))) {
      throw new ShapeError(`minimumGain must be a number of at least 0, got ${minimumGain}`);
    }
    const metric = metrics.find(({ name }) => name === watch);
    if (watch !== "loss" && !metric) {
      const known = ["loss", ...metrics.map(({ name }) => name)].join(", ");
      throw new UsageError(`earlyStopping cannot watch ${JSON.stringify(watch)}; the validation gives: ${known}`);
    }
    this.options = { patience, watch, minimumGain, restoreBest };
    this.#module = module;
    this.#isSmallerBetter = watch === "loss" || (metric?.isSmallerBetter ?? false);
  }

  /** Whether the patience has run out. */
  get isExhausted(): boolean {
    return this.best.epochsSince >= this.options.patience;
  }

  /** Takes an epoch in; the parameters must be up to date on the host. */
  observe({ validationLoss, validationMetrics }: EpochRecord): void {
    const { watch, minimumGain, restoreBest } = this.options;
    const value = (watch === "loss" ? validationLoss : validationMetrics?.[watch]) ?? Number.NaN;
    const { value: best = this.#isSmallerBetter ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY } = this.best;
    const gain = this.#isSmallerBetter ? best - value : value - best;
    if (gain > minimumGain) {
      const parameters = this.#module.namedParameters().map(([, parameter]) => parameter.value.slice());
      this.best = { value, epochsSince: 0, ...(restoreBest && { parameters }) };
    } else {
      this.best = { ...this.best, epochsSince: this.best.epochsSince + 1 }; // also for NaN, which gains nothing
    }
  }

  /** Gives the module the parameters of the best epoch, where they are to come back. */
  restoreBest(): void {
    const { parameters } = this.best;
    if (!parameters) return;
    this.#module.namedParameters().forEach(([, parameter], i) => {
      parameter.value = parameters[i].slice();
    });
  }
}
