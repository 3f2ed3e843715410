/**
 * Batch norm with running statistics: y = f32(f32(x · scale) + shift) with scale = weight · 1/sqrt(variance + eps) and
 * shift = bias - mean · scale, every operation rounded to float32.
 *
 * Ioffe, Szegedy, "Batch Normalization", 2015, arXiv:1502.03167.
 */
import { floatTensor, numberAttribute, type Operation, rowsOf } from "../operation.ts";

/** `[..., features]` → the same. Attributes: eps. Tensors: weight, bias, mean, variance, each `[features]`. */
export const batchNorm: Operation = {
  id: "batch-norm",
  summary: "batch norm with running statistics",
  isExact: true,
  prepare(node) {
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
    return {
      run([x]) {
        const rows = rowsOf(x, features, node);
        const data = new Float32Array(x.data.length);
        for (let row = 0, at = 0; row < rows; row++) {
          for (let k = 0; k < features; k++, at++) data[at] = Math.fround(x.data[at] * scale[k]) + shift[k];
        }
        return { shape: x.shape, data };
      },
    };
  },
};
