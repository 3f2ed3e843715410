/** Learning-rate schedules: a factor for the optimizer's rate, computed on the host. */
import { ShapeError } from "../core/errors.ts";
import { checkSize } from "../core/shape.ts";

/**
 * @param step optimizer step, counted from 0
 * @param totalSteps steps of the whole training
 * @returns factor of the learning rate
 */
export type Schedule = (step: number, totalSteps: number) => number;

/** Options of the schedules that rise first and fall afterwards. */
export interface WarmupOptions {
  /** Steps of linear rise from 0; the first step already has 1 / warmupSteps of the rate. */
  warmupSteps?: number;
  /** Factor at the end. */
  minimum?: number;
}

/** The same rate throughout. */
export const constant: Schedule = () => 1;

/** Linear rise, then the same rate. */
export function warmup({ warmupSteps = 100 }: Pick<WarmupOptions, "warmupSteps"> = {}): Schedule {
  return afterWarmup(warmupSteps, () => 1);
}

/** Linear rise, then half a cosine down. Loshchilov, Hutter, "SGDR", 2016, arXiv:1608.03983, eq. 5, without restarts. */
export function cosine({ warmupSteps = 0, minimum = 0 }: WarmupOptions = {}): Schedule {
  return afterWarmup(warmupSteps, (progress) => minimum + (1 - minimum) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}

/** Linear rise, then linear fall. */
export function linearDecay({ warmupSteps = 0, minimum = 0 }: WarmupOptions = {}): Schedule {
  return afterWarmup(warmupSteps, (progress) => 1 + (minimum - 1) * progress);
}

/** Multiplies the rate by `factor` every `every` steps. @throws ShapeError when `every` is not a whole number of at least 1 */
export function stepDecay({ every, factor = 0.1 }: { every: number; factor?: number }): Schedule {
  checkSize("every", every);
  return (step) => factor ** Math.floor(step / every);
}

function afterWarmup(warmupSteps: number, decay: (progress: number) => number): Schedule {
  if (!(Number.isSafeInteger(warmupSteps) && warmupSteps >= 0)) {
    throw new ShapeError(`warmupSteps must be a whole number of at least 0, got ${warmupSteps}`);
  }
  return (step, totalSteps) => {
    if (step < warmupSteps) return (step + 1) / warmupSteps;
    return decay(Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps)));
  };
}
