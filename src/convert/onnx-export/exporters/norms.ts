/** Norms, operation by operation as the numeric contract has them. */
import { UnsupportedError } from "../../../core/errors.ts";
import { batchNormFactors } from "../../../runtime/batch-norm-factors.ts";
import type { GraphNode } from "../../../runtime/graph.ts";
import { floatTensor, numberAttribute } from "../../../runtime/operation.ts";
import { batchNorm, layerNorm, rmsNorm } from "../../../runtime/ops/index.ts";
import { laneSum, reciprocal } from "../exact-steps.ts";
import type { OnnxGraph, OnnxValue } from "../onnx-graph.ts";
import type { Exporter } from "./exporter.ts";

/** Norms over the last axis, and over a batch. */
export const norms: readonly Exporter[] = [
  {
    operation: batchNorm,
    write(graph, node, [x]) {
      const { scale, shift } = batchNormFactors(node);
      const shape = x.isChannelsFirst ? [scale.length, 1, 1] : [scale.length];
      const scaled = graph.op("Mul", [x.name, graph.floats("scale", shape, scale)]);
      return { ...x, name: graph.op("Add", [scaled, graph.floats("shift", shape, shift)]) };
    },
  },
  {
    operation: rmsNorm,
    write(graph, node, [input]) {
      const x = graph.channelsLast(input);
      const { values: gain } = floatTensor(node, "weight", [lastOf(x)]);
      const normed = graph.op("Mul", [x.name, inverseDeviation(graph, node, x)]);
      return { ...x, name: graph.op("Mul", [normed, graph.floats("weight", [gain.length], gain)]) };
    },
  },
  {
    operation: layerNorm,
    write(graph, node, [input]) {
      const x = graph.channelsLast(input);
      const { values: gain } = floatTensor(node, "weight", [lastOf(x)]);
      const { values: bias } = floatTensor(node, "bias", [gain.length]);
      const centred = { ...x, name: graph.op("Sub", [x.name, mean(graph, x)]) };
      const normed = graph.op("Mul", [centred.name, inverseDeviation(graph, node, centred)]);
      const scaled = graph.op("Mul", [normed, graph.floats("weight", [gain.length], gain)]);
      return { ...x, name: graph.op("Add", [scaled, graph.floats("bias", [gain.length], bias)]) };
    },
  },
];

/** 1 / sqrt(mean(x²) + eps) over the last axis. */
function inverseDeviation(graph: OnnxGraph, node: GraphNode, x: OnnxValue): string {
  const squares = { ...x, name: graph.op("Mul", [x.name, x.name]) };
  const eps = graph.scalar(Math.fround(numberAttribute(node, "eps")));
  const deviation = graph.op("Sqrt", [graph.op("Add", [mean(graph, squares), eps])]);
  return reciprocal(graph, deviation);
}

/** Over the last axis, which stays as one of size 1. */
function mean(graph: OnnxGraph, x: OnnxValue): string {
  const count = lastOf(x);
  return graph.op("Mul", [laneSum(graph, x.name, count, x.shape.length), graph.scalar(Math.fround(1 / count))]);
}

function lastOf({ shape }: OnnxValue): number {
  const last = shape[shape.length - 1];
  if (last === null)
    throw new UnsupportedError("the number of features must be known, got any: deploy with { inputShape }");
  return last;
}
