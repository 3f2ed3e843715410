/** Elementwise functions and sums. */
import { UnsupportedError } from "../../../core/errors.ts";
import { textAttribute } from "../../../runtime/operation.ts";
import { activation, add } from "../../../runtime/ops/index.ts";
import type { OnnxGraph } from "../onnx-graph.ts";
import type { Exporter } from "./exporter.ts";

const functions: Readonly<Record<string, (graph: OnnxGraph, x: string) => string>> = {
  relu: (graph, x) => graph.op("Relu", [x]),
  squaredRelu(graph, x) {
    const positive = graph.op("Relu", [x]);
    return graph.op("Mul", [positive, positive]);
  },
  // x · (1 + erf(x / √2)) / 2; there is an operator of this name only from operator set 20 on.
  gelu(graph, x) {
    const error = graph.op("Erf", [graph.op("Mul", [x, graph.scalar(Math.fround(Math.SQRT1_2))])]);
    const sum = graph.op("Add", [error, graph.scalar(1)]);
    return graph.op("Mul", [graph.op("Mul", [x, sum]), graph.scalar(0.5)]);
  },
  silu: (graph, x) => graph.op("Mul", [x, graph.op("Sigmoid", [x])]),
  tanh: (graph, x) => graph.op("Tanh", [x]),
  sigmoid: (graph, x) => graph.op("Sigmoid", [x]),
};

/** Operations on each value by itself. */
export const elementwise: readonly Exporter[] = [
  {
    operation: activation,
    write(graph, node, [x]) {
      const name = textAttribute(node, "function");
      if (Object.hasOwn(functions, name)) return { ...x, name: functions[name](graph, x.name) };
      throw new UnsupportedError(
        `the function ${name} cannot be written as ONNX; these can: ${Object.keys(functions).join(", ")}`,
      );
    },
  },
  {
    operation: add,
    write(graph, _, [a, b]) {
      const other = a.isChannelsFirst ? graph.channelsFirst(b) : graph.channelsLast(b);
      return { ...a, name: graph.op("Add", [a.name, other.name]) };
    },
  },
];
