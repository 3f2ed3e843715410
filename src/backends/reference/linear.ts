/** Y = X · Wᵀ by plain loops: the definition of correct. Written to be read, never to be fast. */
import type { ActivationRule } from "../../activation-rules/index.ts";
import { scaleOfRow, type TernaryMatrix } from "../../core/ternary-matrix.ts";
import type { OutputFunction } from "../backend.ts";

/** A ternary layer whose parts fit together. */
export interface PlainLayer {
  readonly planes: readonly TernaryMatrix[];
  readonly rule: ActivationRule;
  readonly bias?: Float32Array;
  readonly outputFunction?: OutputFunction;
}

const outputFunctions: Readonly<Record<OutputFunction, (y: number) => number>> = {
  relu: (y) => Math.max(0, y),
  squaredRelu: (y) => Math.max(0, y) * Math.max(0, y),
};

/**
 * One token through one or more planes of ternary weights:
 *
 *     y[n] = f32(f32(... f32(acc_0 · f32(s_x · s_0[n])) + f32(acc_1 · f32(s_x · s_1[n])) ...) + b[n])
 *
 * and then the output function.
 *
 * @param codes `[K]`, with `codeScale` as the activation rule gave them
 * @param y `[N]`, filled by the call
 */
export function plainToken(
  { planes, bias, outputFunction }: PlainLayer,
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
    const output = bias ? Math.fround(sum + bias[n]) : sum;
    y[n] = outputFunction ? outputFunctions[outputFunction](output) : output;
  }
}

/** All tokens: `x` is `[m, K]`, the result `[m, N]`, in `y` where it is given. */
export function plainLinear(layer: PlainLayer, x: Float32Array, m: number, y?: Float32Array): Float32Array {
  const [{ outFeatures, inFeatures }] = layer.planes;
  const outputs = y ?? new Float32Array(m * outFeatures);
  const codes = new Float32Array(inFeatures);
  for (let token = 0; token < m; token++) {
    const codeScale = layer.rule.encode(x.subarray(token * inFeatures, (token + 1) * inFeatures), codes);
    plainToken(layer, codes, codeScale, outputs.subarray(token * outFeatures, (token + 1) * outFeatures));
  }
  return outputs;
}
