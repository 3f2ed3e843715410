/** Residual sums. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape, sameShape } from "../../core/shape.ts";
import { describe, type Operation } from "../operation.ts";

/** Two inputs of one shape → their sum. */
export const add: Operation = {
  id: "add",
  summary: "residual sum",
  inputCount: 2,
  isExact: true,
  prepare: (node) => ({
    run([a, b]) {
      if (!sameShape(a.shape, b.shape)) {
        throw new ShapeError(
          `${describe(node)} needs two inputs of one shape, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
        );
      }
      return { shape: a.shape, data: a.data.map((value, i) => value + b.data[i]) };
    },
  }),
};
