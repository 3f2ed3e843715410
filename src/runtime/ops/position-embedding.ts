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
      run([x]) {
        const [sequence, last] = x.shape.slice(-2);
        if (x.shape.length < 3 || last !== features || sequence > length) {
          throw new ShapeError(
            `${describe(node)} needs an input of shape [batch, ..., sequence, ${features}] with at most ${length} positions, got ${formatShape(x.shape)}`,
          );
        }
        const period = sequence * features;
        return { shape: x.shape, data: x.data.map((value, i) => value + values[i % period]) };
      },
    };
  },
};
