/** A fully connected ternary layer over the last axis; several planes add up (multi-ternary). */
import { activationRuleOf, type Operation, optionalFloatTensor, rowsOf } from "../operation.ts";
import { ternaryPlanes } from "../planes.ts";

/** `[..., inFeatures]` → `[..., outFeatures]`. Attributes: activation. Tensors: weight or weight.0 ..., bias. */
export const ternaryLinear: Operation = {
  id: "ternary-linear",
  summary: "ternary fully connected layer",
  isExact: (node) => activationRuleOf(node).isInteger,
  appliesOutputFunctions: true,
  prepare(node, backend, outputFunction, kernel) {
    const planes = ternaryPlanes(node);
    const { inFeatures, outFeatures } = planes[0];
    const bias = optionalFloatTensor(node, "bias", [outFeatures])?.values;
    const activation = activationRuleOf(node).id;
    const linear = backend.linear(planes, {
      activation,
      ...(bias && { bias }),
      ...(outputFunction && { outputFunction }),
      ...(kernel && { kernel }),
    });
    return {
      kernel: linear.kernel,
      runOneToken: () => linear.run(new Float32Array(inFeatures), 1),
      readTrits: (plane) => linear.readTrits(plane),
      async run([x], _, take) {
        const rows = rowsOf(x, inFeatures, node);
        const data = await linear.run(x.data, rows, take(rows * outFeatures));
        return { shape: [...x.shape.slice(0, -1), outFeatures], data };
      },
      [Symbol.dispose]: () => linear[Symbol.dispose](),
    };
  },
};
