/** Residual sums. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape, sameShape } from "../../core/shape.ts";
import { describe, type Operation } from "../operation.ts";
import { applyOutputFunction } from "../output-function.ts";

/** Two inputs of one shape → their sum. */
export const add: Operation = {
  id: "add",
  summary: "residual sum",
  inputCount: 2,
  isExact: true,
  appliesOutputFunctions: true,
  prepare: (node, _, outputFunction) => ({
    overwrites: true,
    run([a, b], target, take) {
      if (!sameShape(a.shape, b.shape)) {
        throw new ShapeError(
          `${describe(node)} needs two inputs of one shape, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
        );
      }
      const [left, right, data] = [a.data, b.data, target ?? take(a.data.length) ?? new Float32Array(a.data.length)];
      for (let i = 0; i < data.length; i++) data[i] = left[i] + right[i];
      if (outputFunction) applyOutputFunction(data, outputFunction);
      return { shape: a.shape, data };
    },
  }),
};
