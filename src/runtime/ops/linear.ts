/** A fully connected float32 layer over the last axis: a head or a stem that was not made ternary. */
import { floatTensor, type Operation, optionalFloatTensor, rowsOf } from "../operation.ts";

/** `[..., inFeatures]` → `[..., outFeatures]`. Tensors: weight `[outFeatures, inFeatures]`, bias. Not exact: float sums. */
export const linear: Operation = {
  id: "linear",
  summary: "float32 fully connected layer",
  isExact: false,
  prepare(node) {
    const { values: weight, shape } = floatTensor(node, "weight", [null, null]);
    const [outFeatures, inFeatures] = shape;
    const bias = optionalFloatTensor(node, "bias", [outFeatures])?.values;
    return {
      run([x]) {
        const rows = rowsOf(x, inFeatures, node);
        const data = new Float32Array(rows * outFeatures);
        for (let row = 0; row < rows; row++) {
          for (let n = 0; n < outFeatures; n++) {
            let sum = 0; // float64: one rounding at the end
            for (let k = 0; k < inFeatures; k++) sum += x.data[row * inFeatures + k] * weight[n * inFeatures + k];
            data[row * outFeatures + n] = Math.fround(sum) + (bias ? bias[n] : 0);
          }
        }
        return { shape: [...x.shape.slice(0, -1), outFeatures], data };
      },
    };
  },
};
