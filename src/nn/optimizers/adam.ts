/**
 * Adam and AdamW:
 *
 *     m ← β₁ m + (1 - β₁) g        v ← β₂ v + (1 - β₂) g²
 *     p ← p - rate · (m / (1 - β₁ᵗ)) / (sqrt(v / (1 - β₂ᵗ)) + eps)
 *
 * Adam adds decay · p to the gradient, AdamW subtracts rate · decay · p from the parameter first.
 *
 * Kingma, Ba, "Adam", 2014, arXiv:1412.6980. Loshchilov, Hutter, "Decoupled Weight Decay Regularization", 2017,
 * arXiv:1711.05101.
 */
import { checkOption, type Optimizer, SMALLEST_DIVISOR } from "./optimizer.ts";

/** Options of `adam` and `adamW`. */
export interface AdamOptions {
  learningRate?: number;
  /** Decay of the mean of gradients and of their squares. */
  betas?: readonly [number, number];
  /** Added to the root of the mean square; at least 2⁻¹²⁶. */
  eps?: number;
  weightDecay?: number;
}

/** Adam; weight decay, if any, is added to the gradient. @throws ShapeError for options out of range */
export function adam(options: AdamOptions = {}): Optimizer {
  return adaptive("adam", { weightDecay: 0, ...options }, false);
}

/** Adam with decoupled weight decay, 0.01 by default. @throws ShapeError for options out of range */
export function adamW(options: AdamOptions = {}): Optimizer {
  return adaptive("adamW", { weightDecay: 0.01, ...options }, true);
}

function adaptive(id: string, options: AdamOptions & { weightDecay: number }, isDecoupled: boolean): Optimizer {
  const { learningRate = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay } = options;
  const [beta1, beta2] = betas;
  checkOption("learningRate", learningRate, 0);
  checkOption("betas[0]", beta1, 0, 1);
  checkOption("betas[1]", beta2, 0, 1);
  checkOption("eps", eps, SMALLEST_DIVISOR); // else 0/0 where no gradient came yet
  checkOption("weightDecay", weightDecay, 0);
  return {
    id,
    learningRate,
    options: { learningRate, beta1, beta2, eps, weightDecay },
    slotNames: ["mean", "meanSquare"],
    stepScalars: (step) => [1 / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step)],
    update(parameter, gradient, [mean, meanSquare], rate, [meanCorrection, rootCorrection]) {
      const coupled = weightDecay > 0 && !isDecoupled ? gradient.add(parameter.mul(weightDecay)) : gradient;
      const nextMean = mean.mul(beta1).add(coupled.mul(1 - beta1));
      const nextMeanSquare = meanSquare.mul(beta2).add(coupled.square().mul(1 - beta2));
      const root = nextMeanSquare.sqrt().mul(rootCorrection).add(eps);
      const step = nextMean.mul(rate.mul(meanCorrection)).mul(root.reciprocal());
      const decayed = weightDecay > 0 && isDecoupled ? parameter.sub(parameter.mul(rate.mul(weightDecay))) : parameter;
      return { parameter: decayed.sub(step), slots: [nextMean, nextMeanSquare] };
    },
  };
}
