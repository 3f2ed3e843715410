/** A vector added to each position of a sequence. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape } from "../../core/shape.ts";
import { describe, floatTensor, type Operation } from "../operation.ts";

/** `[batch, ..., sequence, features]` → the same. Tensors: weight `[length, features]`, sequence ≤ length. */
export const positionEmbedding: Operation = {
  id: "position-embedding",
  summary: "vector added to each position",
  isExact: true,
  prepare(node) {
    const { values, shape } = floatTensor(node, "weight", [null, null]);
    const [length, features] = shape;
    return {
      overwrites: true,
      run([x], target, take) {
        const [sequence, last] = x.shape.slice(-2);
        if (x.shape.length < 3 || last !== features || sequence > length) {
          throw new ShapeError(
            `${describe(node)} needs an input of shape [batch, ..., sequence, ${features}] with at most ${length} positions, got ${formatShape(x.shape)}`,
          );
        }
        const period = sequence * features;
        const data = target ?? take(x.data.length) ?? new Float32Array(x.data.length);
        for (let at = 0; at < data.length; ) {
          for (let i = 0; i < period; i++, at++) data[at] = x.data[at] + values[i];
        }
        return { shape: x.shape, data };
      },
    };
  },
};
