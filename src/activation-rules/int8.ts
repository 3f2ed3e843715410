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
const INTEGERS_ALONE = 1.5 * 2 ** 23;

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
    // Called twice: the engine would compute a shared one apart.
    const maximum = (): Tensor => largest.less(MAX_MAGNITUDE).where(largest.maximum(SMALLEST_MAXIMUM), Number.NaN);
    const inverseScale = maximum().reciprocal().mul(LEVELS).stored(); // else a division for each value, not for each token
    const scaled = x.mul(inverseScale);
    const value = scaled.stopGradient();
    return { codes: tracedRoundHalfEven(value).add(scaled.sub(value)), scales: maximum().mul(INVERSE_LEVELS) };
  },
};

/**
 * Half to even for |value| < 2²²: the sum with 1.5 · 2²³ lies where float32 holds integers alone, so it rounds to one, and
 * the difference is exact. The engine cannot fold the two, because numbers enter it as inputs. Scaled values need no
 * clipping: three roundings bring x · f32(f32(1/a) · 127) to at most 127 · (1 + 2⁻²⁴)³ in magnitude, which rounds to 127.
 */
function tracedRoundHalfEven(value: Tensor): Tensor {
  return value.add(INTEGERS_ALONE).sub(INTEGERS_ALONE);
}
