/**
 * Stochastic gradient descent with momentum, as PyTorch writes it:
 *
 *     g ← g + decay · p        v ← momentum · v + g        p ← p - rate · v        (Nesterov: p ← p - rate · (g + momentum · v))
 *
 * Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
 */
import { UsageError } from "../../core/errors.ts";
import { checkOption, type Optimizer } from "./optimizer.ts";

/** Options of `sgd`. */
export interface SgdOptions {
  learningRate?: number;
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
}

/** Stochastic gradient descent; momentum 0 by default. @throws ShapeError, UsageError for options out of range */
export function sgd({
  learningRate = 0.01,
  momentum = 0,
  nesterov = false,
  weightDecay = 0,
}: SgdOptions = {}): Optimizer {
  checkOption("learningRate", learningRate, 0);
  checkOption("momentum", momentum, 0, 1);
  checkOption("weightDecay", weightDecay, 0);
  if (nesterov && momentum === 0) throw new UsageError("nesterov looks ahead along the momentum: pass a momentum too");
  return {
    id: "sgd",
    learningRate,
    options: { learningRate, momentum, nesterov, weightDecay },
    slotNames: momentum > 0 ? ["velocity"] : [],
    stepScalars: () => [],
    update(parameter, gradient, [velocity], rate) {
      const decayed = weightDecay > 0 ? gradient.add(parameter.mul(weightDecay)) : gradient;
      if (momentum === 0) return { parameter: parameter.sub(decayed.mul(rate)), slots: [] };
      const next = velocity.mul(momentum).add(decayed);
      const direction = nesterov ? decayed.add(next.mul(momentum)) : next;
      return { parameter: parameter.sub(direction.mul(rate)), slots: [next] };
    },
  };
}
