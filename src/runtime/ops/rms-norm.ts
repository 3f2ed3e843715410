/**
 * Root mean square norm over the last axis: y = (x · 1/sqrt(mean(x²) + eps)) · gain, in the order of the numeric contract.
 *
 * Zhang, Sennrich, "Root Mean Square Layer Normalization", 2019, arXiv:1910.07467.
 */
import { sumOfSquares } from "../lane-sums.ts";
import { floatTensor, numberAttribute, type Operation, rowsOf } from "../operation.ts";
import { applyOutputFunction } from "../output-function.ts";

/** `[..., features]` → the same. Attributes: eps. Tensors: weight `[features]`. */
export const rmsNorm: Operation = {
  id: "rms-norm",
  summary: "root mean square norm",
  isExact: true,
  appliesOutputFunctions: true,
  prepare(node, _, outputFunction) {
    const { values: gain } = floatTensor(node, "weight", [null]);
    const features = gain.length;
    const eps = Math.fround(numberAttribute(node, "eps"));
    const inverseCount = Math.fround(1 / features);
    return {
      overwrites: true,
      run([x], target, take) {
        const rows = rowsOf(x, features, node);
        const data = target ?? take(x.data.length) ?? new Float32Array(x.data.length);
        for (let row = 0; row < rows; row++) {
          const start = row * features;
          const mean = Math.fround(sumOfSquares(x.data, start, features) * inverseCount);
          const inverse = Math.fround(1 / Math.fround(Math.sqrt(Math.fround(mean + eps))));
          for (let k = 0; k < features; k++) data[start + k] = Math.fround(x.data[start + k] * inverse) * gain[k];
        }
        if (outputFunction) applyOutputFunction(data, outputFunction);
        return { shape: x.shape, data };
      },
    };
  },
};
