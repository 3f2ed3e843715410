/**
 * Lion:
 *
 *     p ← p - rate · (sign(β₁ m + (1 - β₁) g) + decay · p)        m ← β₂ m + (1 - β₂) g
 *
 * Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, arXiv:2302.06675.
 */
import { checkOption, type Optimizer } from "./optimizer.ts";

/** Options of `lion`. */
export interface LionOptions {
  /** About a third to a tenth of what AdamW takes. */
  learningRate?: number;
  betas?: readonly [number, number];
  weightDecay?: number;
}

/** Lion: steps of one size, half the state of Adam. @throws ShapeError for options out of range */
export function lion({ learningRate = 1e-4, betas = [0.9, 0.99], weightDecay = 0 }: LionOptions = {}): Optimizer {
  const [beta1, beta2] = betas;
  checkOption("learningRate", learningRate, 0);
  checkOption("betas[0]", beta1, 0, 1);
  checkOption("betas[1]", beta2, 0, 1);
  checkOption("weightDecay", weightDecay, 0);
  return {
    id: "lion",
    learningRate,
    options: { learningRate, beta1, beta2, weightDecay },
    slotNames: ["mean"],
    stepScalars: () => [],
    update(parameter, gradient, [mean], rate) {
      const mixed = mean.mul(beta1).add(gradient.mul(1 - beta1));
      const direction = mixed.greater(0).where(1, mixed.less(0).where(-1, mixed)); // 0 stays 0, and NaN is not hidden
      const decayed = weightDecay > 0 ? direction.add(parameter.mul(weightDecay)) : direction;
      return { parameter: parameter.sub(decayed.mul(rate)), slots: [mean.mul(beta2).add(gradient.mul(1 - beta2))] };
    },
  };
}
