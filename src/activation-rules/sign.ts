/**
 * Binary activations: code = +1 for x ≥ 0, else -1; scale = 1.
 *
 * Gradient: straight-through where |x| ≤ 1, else 0 (the derivative of clip(x, -1, 1)); the plain sign function passes none.
 *
 * Courbariaux et al., "Binarized Neural Networks", 2016, arXiv:1602.02830, eq. 1 and 4.
 */
import { type ActivationRule, largestMagnitude, MAX_MAGNITUDE } from "./activation-rule.ts";

/** Binary activations, +1 or -1. */
export const sign: ActivationRule = {
  id: "sign",
  summary: "binary inputs, +1 or -1",
  isInteger: true,

  encode(token, codes) {
    for (let k = 0; k < token.length; k++) codes[k] = token[k] >= 0 ? 1 : -1;
    return Number.isNaN(largestMagnitude(token)) ? Number.NaN : 1;
  },

  trace(x) {
    const value = x.stopGradient();
    const codes = value.greaterEqual(0).where(1, -1);
    const passes = value.abs().lessEqual(1).asNumber();
    const isAllowed = value.maxAbs().less(MAX_MAGNITUDE);
    return { codes: codes.add(x.sub(value).mul(passes)), scales: isAllowed.where(1, Number.NaN) };
  },
};
