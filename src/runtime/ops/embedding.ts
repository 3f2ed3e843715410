/** A table of vectors, read by id. */
import { ShapeError } from "../../core/errors.ts";
import { describe, floatTensor, type Operation } from "../operation.ts";

/** Values of one result, 1 GiB: vectors of vectors grow without bound, which only a hostile model does. */
const MAX_VALUES = 2 ** 28;

/** `[batch, ...]` of whole numbers in [0, count) → `[batch, ..., features]`. Tensors: weight `[count, features]`. */
export const embedding: Operation = {
  id: "embedding",
  summary: "table of vectors, read by id",
  isExact: true,
  prepare(node) {
    const { values, shape } = floatTensor(node, "weight", [null, null]);
    const [count, features] = shape;
    const table = values.map((value) => value + 0); // -0 becomes 0, as in a sum that starts at 0
    return {
      run([x]) {
        if (x.data.length * features > MAX_VALUES) {
          throw new ShapeError(
            `${describe(node)} gives at most 2^28 values at once, got ${x.data.length} ids of ${features}: run fewer samples`,
          );
        }
        const data = new Float32Array(x.data.length * features);
        x.data.forEach((id, i) => {
          if (!(Number.isInteger(id) && id >= 0 && id < count)) {
            throw new ShapeError(`${describe(node)} takes ids from 0 to ${count - 1}, got ${id} at index ${i}`);
          }
          data.set(table.subarray(id * features, (id + 1) * features), i * features);
        });
        return { shape: [...x.shape, features], data };
      },
    };
  },
};
