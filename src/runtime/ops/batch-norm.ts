/**
 * Batch norm with running statistics: y = f32(f32(x · scale) + shift) with scale = weight · 1/sqrt(variance + eps) and
 * shift = bias - mean · scale, every operation rounded to float32.
 *
 * Ioffe, Szegedy, "Batch Normalization", 2015, arXiv:1502.03167.
 */
import { floatTensor, numberAttribute, type Operation, rowsOf } from "../operation.ts";
import { applyOutputFunction } from "../output-function.ts";

/** `[..., features]` → the same. Attributes: eps. Tensors: weight, bias, mean, variance, each `[features]`. */
export const batchNorm: Operation = {
  id: "batch-norm",
  summary: "batch norm with running statistics",
  isExact: true,
  appliesOutputFunctions: true,
  prepare(node, _, outputFunction) {
    const { values: gain } = floatTensor(node, "weight", [null]);
    const features = gain.length;
    const { values: bias } = floatTensor(node, "bias", [features]);
    const { values: mean } = floatTensor(node, "mean", [features]);
    const { values: variance } = floatTensor(node, "variance", [features]);
    const eps = Math.fround(numberAttribute(node, "eps"));
    const scale = gain.map((weight, k) => {
      const deviation = Math.fround(Math.sqrt(Math.fround(variance[k] + eps)));
      return weight * Math.fround(1 / deviation);
    });
    const shift = bias.map((value, k) => value - Math.fround(mean[k] * scale[k]));
    // Float64 arrays of float32 values: read without a conversion each time.
    const [scales, shifts] = [Float64Array.from(scale), Float64Array.from(shift)];
    return {
      run([x], target) {
        rowsOf(x, features, node);
        const [from, data] = [x.data, target ?? new Float32Array(x.data.length)];
        for (let at = 0; at < from.length; ) {
          for (let k = 0; k < features; k++, at++) data[at] = Math.fround(from[at] * scales[k]) + shifts[k];
        }
        if (outputFunction) applyOutputFunction(data, outputFunction);
        return { shape: x.shape, data };
      },
    };
  },
};
