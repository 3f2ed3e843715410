/** Learning-rate schedules: a factor for the optimizer's rate, computed on the host. */
import { ShapeError } from "../../core/errors.ts";
import { checkSize } from "../../core/shape.ts";

/**
 * The factor of the learning rate at each step.
 *
 * @param step optimizer step, counted from 0
 * @param totalSteps steps of the whole training
 * @returns factor of the learning rate
 */
export type Schedule = (step: number, totalSteps: number) => number;

/** Options of the schedules that rise first and fall afterwards. */
export interface WarmupOptions {
  /** Steps of linear rise from 0; the first step already has 1 / warmupSteps of the rate. */
  warmupSteps?: number;
  /** Factor that the fall leads to, one step after the last; 0 by default. */
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
  checkFactor("minimum", minimum);
  return afterWarmup(warmupSteps, (progress) => minimum + (1 - minimum) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}

/** Linear rise, then linear fall. */
export function linearDecay({ warmupSteps = 0, minimum = 0 }: WarmupOptions = {}): Schedule {
  checkFactor("minimum", minimum);
  return afterWarmup(warmupSteps, (progress) => 1 + (minimum - 1) * progress);
}

/** Multiplies the rate by `factor` every `every` steps. @throws ShapeError for an option out of range */
export function stepDecay({ every, factor = 0.1 }: { every: number; factor?: number }): Schedule {
  checkSize("every", every);
  checkFactor("factor", factor);
  return (step) => factor ** Math.floor(step / every);
}

function afterWarmup(warmupSteps: number, decay: (progress: number) => number): Schedule {
  checkSize("warmupSteps", warmupSteps, 0);
  return (step, totalSteps) => {
    if (step < warmupSteps) return (step + 1) / warmupSteps;
    return decay(Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps)));
  };
}

function checkFactor(name: string, factor: number): void {
  if (!(factor >= 0 && Number.isFinite(factor)))
    throw new ShapeError(`${name} must be a number of at least 0, got ${factor}`);
}
