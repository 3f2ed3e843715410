/**
 * Int8 absmax per token:
 *
 *     a = max(max|x|, 1e-5)      inverse = f32(f32(1/a) · 127)      scale = f32(a · f32(1/127))
 *     code = clip(roundHalfEven(f32(x · inverse)), -127, 127)
 *
 * Gradient: straight-through, ∂(code · scale)/∂x = 1.
 *
 * Ma et al., "The Era of 1-bit LLMs", 2024, arXiv:2402.17764, section 2. There the inverse is the quotient 127/a; here it
 * is a product with the reciprocal, two operations that every backend rounds alike.
 */
import { roundHalfEven } from "../core/rounding.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ActivationRule, largestMagnitude, MAX_MAGNITUDE } from "./activation-rule.ts";

const LEVELS = 127;
const SMALLEST_MAXIMUM: number = Math.fround(1e-5);
const INVERSE_LEVELS: number = Math.fround(1 / LEVELS);

/** Int8 absmax per token, the default of quantization-aware training. */
export const int8: ActivationRule = {
  id: "int8",
  summary: "8-bit codes, one absmax scale per token",
  isInteger: true,

  encode(token, codes) {
    const largest = largestMagnitude(token);
    if (Number.isNaN(largest)) return Number.NaN;
    const maximum = Math.max(largest, SMALLEST_MAXIMUM);
    const inverseScale = Math.fround(Math.fround(1 / maximum) * LEVELS);
    for (let k = 0; k < token.length; k++) {
      const code = roundHalfEven(Math.fround(token[k] * inverseScale));
      codes[k] = Math.min(Math.max(code, -LEVELS), LEVELS);
    }
    return Math.fround(maximum * INVERSE_LEVELS);
  },

  trace(x) {
    const largest = x.stopGradient().maxAbs();
    const maximum = largest.less(MAX_MAGNITUDE).where(largest.maximum(SMALLEST_MAXIMUM), Number.NaN);
    const inverseScale = maximum.reciprocal().mul(LEVELS).stored(); // else a division for each value, not for each token
    const scaled = x.mul(inverseScale);
    const value = scaled.stopGradient();
    const codes = tracedRoundHalfEven(value).minimum(LEVELS).maximum(-LEVELS);
    return { codes: codes.add(scaled.sub(value)), scales: maximum.mul(INVERSE_LEVELS) };
  },
};

/**
 * Half to even from floor and compares, for |value| < 2²²: r = floor(v + 1/2) is right but for ties, where r - v = 1/2 and
 * r must be even. The sum v + 1/2 rounds up to an integer only for v = 1/2 - 2⁻²⁵; r - v then rounds to 1/2 and r = 1 is
 * odd, so that v becomes 0 all the same.
 */
function tracedRoundHalfEven(value: Tensor): Tensor {
  const rounded = value.add(0.5).floor();
  const excess = rounded.sub(value);
  const halved = rounded.mul(0.5);
  const oneIfOdd = halved.sub(halved.floor()).mul(2);
  return rounded.sub(excess.greaterEqual(0.5).where(oneIfOdd, 0));
}
