/**
 * Layer norm over the last axis: centred = x - mean(x), y = (centred · 1/sqrt(mean(centred²) + eps)) · weight + bias, in
 * the order of the numeric contract.
 *
 * Ba, Kiros, Hinton, "Layer Normalization", 2016, arXiv:1607.06450.
 */
import { sumOf, sumOfSquares } from "../lane-sums.ts";
import { floatTensor, numberAttribute, type Operation, rowsOf } from "../operation.ts";
import { applyOutputFunction } from "../output-function.ts";

/** `[..., features]` → the same. Attributes: eps. Tensors: weight `[features]`, bias `[features]`. */
export const layerNorm: Operation = {
  id: "layer-norm",
  summary: "layer norm",
  isExact: true,
  appliesOutputFunctions: true,
  prepare(node, _, outputFunction) {
    const { values: gain } = floatTensor(node, "weight", [null]);
    const features = gain.length;
    const { values: bias } = floatTensor(node, "bias", [features]);
    const eps = Math.fround(numberAttribute(node, "eps"));
    const inverseCount = Math.fround(1 / features);
    return {
      overwrites: true,
      run([x], target, take) {
        const rows = rowsOf(x, features, node);
        const data = target ?? take(x.data.length) ?? new Float32Array(x.data.length);
        const centred = new Float32Array(features);
        for (let row = 0; row < rows; row++) {
          const start = row * features;
          const mean = Math.fround(sumOf(x.data, start, features) * inverseCount);
          for (let k = 0; k < features; k++) centred[k] = x.data[start + k] - mean;
          const variance = Math.fround(sumOfSquares(centred, 0, features) * inverseCount);
          const inverse = Math.fround(1 / Math.fround(Math.sqrt(Math.fround(variance + eps))));
          for (let k = 0; k < features; k++) {
            data[start + k] = Math.fround(Math.fround(centred[k] * inverse) * gain[k]) + bias[k];
          }
        }
        if (outputFunction) applyOutputFunction(data, outputFunction);
        return { shape: x.shape, data };
      },
    };
  },
};
