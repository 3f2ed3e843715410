/** Pools, and the way from images to vectors. */
import { convolvedSize } from "../../../backends/backend.ts";
import { elementCount } from "../../../core/shape.ts";
import type { GraphNode } from "../../../runtime/graph.ts";
import { poolWindow } from "../../../runtime/images.ts";
import { averagePool, flatten, globalAveragePool, maxPool } from "../../../runtime/ops/index.ts";
import { laneSum } from "../exact-steps.ts";
import type { OnnxGraph, OnnxValue } from "../onnx-graph.ts";
import type { Exporter } from "./exporter.ts";

/** Operations over images without weights. */
export const images: readonly Exporter[] = [
  { operation: maxPool, write: (graph, node, [input]) => pool(graph, node, input, "MaxPool") },
  {
    operation: averagePool,
    write(graph, node, [input]) {
      const { kernelSize } = poolWindow(node);
      const shape = pooledShape(node, input);
      const sum = windowSum(graph, node, input, shape);
      if (sum === undefined) return pool(graph, node, input, "AveragePool");
      const inverseCount = graph.scalar(Math.fround(1 / (kernelSize[0] * kernelSize[1])));
      return { name: graph.op("Mul", [sum, inverseCount]), shape, isChannelsFirst: true };
    },
  },
  {
    operation: globalAveragePool,
    write(graph, _, [input]) {
      const x = graph.channelsFirst(input);
      const [batch, height, width, channels] = x.shape;
      const shape = [batch, channels];
      if (height === null || width === null) {
        const mean = graph.op("GlobalAveragePool", [x.name]);
        return { name: graph.op("Flatten", [mean], { attributes: { axis: 1 } }), shape, isChannelsFirst: false };
      }
      const pixels = graph.op("Reshape", [x.name, graph.integers([0, 0, -1])]);
      const sum = graph.op("Flatten", [laneSum(graph, pixels, height * width, 3)], { attributes: { axis: 1 } });
      const name = graph.op("Mul", [sum, graph.scalar(Math.fround(1 / (height * width)))]);
      return { name, shape, isChannelsFirst: false };
    },
  },
  {
    operation: flatten,
    write(graph, _, [input]) {
      // Images are flattened channel by channel.
      const x = input.shape.length === 4 ? graph.channelsFirst(input) : input;
      const [batch, ...sizes] = x.shape;
      const known = sizes.filter((size) => size !== null);
      const shape = [batch, known.length === sizes.length ? elementCount(known) : null];
      return { name: graph.op("Flatten", [x.name], { attributes: { axis: 1 } }), shape, isChannelsFirst: false };
    },
  },
];

function pool(graph: OnnxGraph, node: GraphNode, input: OnnxValue, opType: string): OnnxValue {
  const { kernelSize, stride } = poolWindow(node);
  const attributes = { kernel_shape: kernelSize, strides: stride };
  const name = graph.op(opType, [graph.channelsFirst(input).name], { attributes });
  return { name, shape: pooledShape(node, input), isChannelsFirst: true };
}

function pooledShape(node: GraphNode, { shape: [batch, height, width, channels] }: OnnxValue): OnnxValue["shape"] {
  const { kernelSize, stride } = poolWindow(node);
  const [outHeight, outWidth] = [height, width].map((size, axis) =>
    size === null ? null : convolvedSize(size, kernelSize[axis], stride[axis], 0),
  );
  return [batch, outHeight, outWidth, channels];
}

/** The pixels of each window added row by row, as the contract has it; undefined where images may have any size. */
function windowSum(
  graph: OnnxGraph,
  node: GraphNode,
  input: OnnxValue,
  [, outHeight, outWidth]: OnnxValue["shape"],
): string | undefined {
  if (outHeight === null || outWidth === null) return undefined;
  const x = graph.channelsFirst(input).name;
  const { kernelSize, stride } = poolWindow(node);
  const [axes, steps] = [graph.integers([2, 3]), graph.integers(stride)];
  const pixels = Array.from({ length: kernelSize[0] * kernelSize[1] }, (_, i) => {
    const [row, column] = [Math.floor(i / kernelSize[1]), i % kernelSize[1]];
    const ends = [row + (outHeight - 1) * stride[0] + 1, column + (outWidth - 1) * stride[1] + 1];
    return graph.op("Slice", [x, graph.integers([row, column]), graph.integers(ends), axes, steps]);
  });
  return pixels.reduce((sum, pixel) => graph.op("Add", [sum, pixel]));
}
