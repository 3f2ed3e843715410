/** Embeddings and attention. */
import { UnsupportedError } from "../../../core/errors.ts";
import { formatPattern } from "../../../runtime/graph.ts";
import { floatTensor, integerAttribute } from "../../../runtime/operation.ts";
import { attention, embedding, positionEmbedding } from "../../../runtime/ops/index.ts";
import type { OnnxGraph, OnnxValue } from "../onnx-graph.ts";
import type { Exporter } from "./exporter.ts";

/** Code of int64 for `Cast`. */
const INT64 = 7;

/** Operations over sequences of vectors. */
export const sequences: readonly Exporter[] = [
  {
    operation: embedding,
    write(graph, node, [input]) {
      const x = graph.channelsLast(input);
      const { values, shape } = floatTensor(node, "weight", [null, null]);
      const ids = graph.op("Cast", [x.name], { attributes: { to: INT64 } });
      const table = graph.floats(
        "weight",
        shape,
        values.map((value) => value + 0),
      ); // -0 becomes 0
      return { name: graph.op("Gather", [table, ids]), shape: [...x.shape, shape[1]], isChannelsFirst: false };
    },
  },
  {
    operation: positionEmbedding,
    write(graph, node, [input]) {
      const x = graph.channelsLast(input);
      const { values, shape } = floatTensor(node, "weight", [null, null]);
      const rank = x.shape.length;
      const length = graph.op("Shape", [x.name], { attributes: { start: rank - 2, end: rank - 1 } });
      const zero = graph.integers([0]);
      const rows = graph.op("Slice", [graph.floats("weight", shape, values), zero, length, zero]);
      return { ...x, name: graph.op("Add", [x.name, rows]) };
    },
  },
  {
    operation: attention,
    write(graph, node, inputs) {
      const heads = integerAttribute(node, "heads", 1);
      const [queries, keys, values] = inputs.map((input) => graph.channelsLast(input));
      const features = queries.shape[2];
      if (queries.shape.length !== 3 || features === null || features % heads !== 0) {
        throw new UnsupportedError(
          `it takes [batch, sequence, a multiple of ${heads}], got ${formatPattern(queries.shape)}`,
        );
      }
      const size = features / heads;
      const split = (value: OnnxValue, perm: readonly number[]): string => {
        const shape = graph.integers([0, 0, heads, size]);
        return graph.op("Transpose", [graph.op("Reshape", [value.name, shape])], { attributes: { perm } });
      };
      const products = graph.op("MatMul", [split(queries, [0, 2, 1, 3]), split(keys, [0, 2, 3, 1])]);
      const scaled = graph.op("Mul", [products, graph.scalar(Math.fround(1 / Math.sqrt(size)))]);
      const scores = node.attributes.causal === true ? graph.op("Add", [scaled, causalMask(graph, scaled)]) : scaled;
      const weights = graph.op("Softmax", [scores], { attributes: { axis: -1 } });
      const mixed = graph.op("MatMul", [weights, split(values, [0, 2, 1, 3])]);
      const inOrder = graph.op("Transpose", [mixed], { attributes: { perm: [0, 2, 1, 3] } });
      const name = graph.op("Reshape", [inOrder, graph.integers([0, 0, features])]);
      return { ...queries, name };
    },
  },
];

/** `[sequence, sequence]`: -∞ where a position would see a later one, else 0. */
function causalMask(graph: OnnxGraph, scores: string): string {
  const shape = graph.op("Shape", [scores], { attributes: { start: 2, end: 4 } });
  const hidden = graph.op("Expand", [graph.scalar(Number.NEGATIVE_INFINITY), shape]);
  return graph.op("Trilu", [hidden, graph.integers([1])], { attributes: { upper: 1 } });
}
