/**
 * Batch norm with running statistics: y = f32(f32(x · scale) + shift), every operation rounded to float32.
 *
 * Ioffe, Szegedy, "Batch Normalization", 2015, arXiv:1502.03167.
 */
import { batchNormFactors } from "../batch-norm-factors.ts";
import { type Operation, rowsOf } from "../operation.ts";
import { applyOutputFunction } from "../output-function.ts";

/** `[..., features]` → the same. Attributes: eps. Tensors: weight, bias, mean, variance, each `[features]`. */
export const batchNorm: Operation = {
  id: "batch-norm",
  summary: "batch norm with running statistics",
  isExact: true,
  appliesOutputFunctions: true,
  prepare(node, _, outputFunction) {
    const { scale, shift } = batchNormFactors(node);
    const features = scale.length;
    // Float64 arrays of float32 values: read without a conversion each time.
    const [scales, shifts] = [Float64Array.from(scale), Float64Array.from(shift)];
    return {
      overwrites: true,
      run([x], target, take) {
        rowsOf(x, features, node);
        const [from, data] = [x.data, target ?? take(x.data.length) ?? new Float32Array(x.data.length)];
        for (let at = 0; at < from.length; ) {
          for (let k = 0; k < features; k++, at++) data[at] = Math.fround(from[at] * scales[k]) + shifts[k];
        }
        if (outputFunction) applyOutputFunction(data, outputFunction);
        return { shape: x.shape, data };
      },
    };
  },
};
