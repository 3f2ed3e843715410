/** Y = X · Wᵀ by plain loops: the definition of correct. Written to be read, never to be fast. */
import type { ActivationRule } from "../../activation-rules/index.ts";
import { scaleOfRow, type TernaryMatrix } from "../../core/ternary-matrix.ts";

/**
 * One token through one or more planes of ternary weights:
 *
 *     y[n] = f32(f32(... f32(acc_0 · f32(s_x · s_0[n])) + f32(acc_1 · f32(s_x · s_1[n])) ...) + b[n])
 *
 * @param codes `[K]`, with `codeScale` as the activation rule gave them
 * @param y `[N]`, filled by the call
 */
export function plainToken(
  planes: readonly TernaryMatrix[],
  bias: Float32Array | undefined,
  codes: Float32Array,
  codeScale: number,
  y: Float32Array,
): void {
  const [{ outFeatures, inFeatures }] = planes;
  for (let n = 0; n < outFeatures; n++) {
    let sum = 0;
    planes.forEach((plane, index) => {
      let accumulator = 0; // exact for integer codes; float64 for float ones
      for (let k = 0; k < inFeatures; k++) accumulator += codes[k] * plane.trits[n * inFeatures + k];
      const scale = Math.fround(codeScale * scaleOfRow(plane, n));
      const product = Math.fround(Math.fround(accumulator) * scale);
      sum = index === 0 ? product : Math.fround(sum + product);
    });
    y[n] = bias ? sum + bias[n] : sum;
  }
}

/** All tokens: `x` is `[m, K]`, the result `[m, N]`. */
export function plainLinear(
  planes: readonly TernaryMatrix[],
  rule: ActivationRule,
  bias: Float32Array | undefined,
  x: Float32Array,
  m: number,
): Float32Array {
  const [{ outFeatures, inFeatures }] = planes;
  const y = new Float32Array(m * outFeatures);
  const codes = new Float32Array(inFeatures);
  for (let token = 0; token < m; token++) {
    const codeScale = rule.encode(x.subarray(token * inFeatures, (token + 1) * inFeatures), codes);
    plainToken(planes, bias, codes, codeScale, y.subarray(token * outFeatures, (token + 1) * outFeatures));
  }
  return y;
}
