/** Weight-only ternary: the inputs stay float32, as in BitTorch, ParetoQ and TriLM. */
import { type ActivationRule, largestMagnitude, MAX_MAGNITUDE } from "./activation-rule.ts";

/** Float activations: code = x, scale = 1. */
export const none: ActivationRule = {
  id: "none",
  summary: "float32 inputs (weight-only ternary)",
  isInteger: false,

  encode(token, codes) {
    codes.set(token);
    return Number.isNaN(largestMagnitude(token)) ? Number.NaN : 1;
  },

  trace(x) {
    const isAllowed = x.stopGradient().maxAbs().less(MAX_MAGNITUDE);
    return { codes: x, scales: isAllowed.where(1, Number.NaN) };
  },
};
