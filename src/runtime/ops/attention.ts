/**
 * Softmax attention in heads: softmax(Q · Kᵀ / sqrt(d)) · V with d = features / heads, in float64 with one rounding at the
 * end.
 *
 * Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762.
 */
import { ShapeError } from "../../core/errors.ts";
import { formatShape, sameShape } from "../../core/shape.ts";
import type { GraphNode } from "../graph.ts";
import { describe, type HostTensor, integerAttribute, type Operation } from "../operation.ts";

/**
 * Queries, keys and values, each `[batch, sequence, features]` → the same. Attributes: heads, causal (positions see only
 * themselves and the ones before). Not exact: sums and exponentials of floats.
 */
export const attention: Operation = {
  id: "attention",
  summary: "softmax attention in heads",
  inputCount: 3,
  isExact: false,
  prepare(node) {
    const heads = integerAttribute(node, "heads", 1);
    const causal = node.attributes.causal;
    if (typeof causal !== "boolean") {
      throw new ShapeError(`${describe(node)} needs attribute causal, true or false, got ${JSON.stringify(causal)}`);
    }
    return {
      run([queries, keys, values]) {
        checkSequences(queries, keys, values, heads, node);
        const [batch, sequence, features] = queries.shape;
        const size = features / heads;
        const data = new Float32Array(queries.data.length);
        const weights = new Float64Array(sequence);
        for (let sample = 0; sample < batch; sample++) {
          for (let head = 0; head < heads; head++) {
            const first = sample * sequence * features + head * size;
            for (let row = 0; row < sequence; row++) {
              const visible = causal ? row + 1 : sequence;
              const query = queries.data.subarray(first + row * features, first + row * features + size);
              softmaxScores(query, keys.data, first, features, weights.subarray(0, visible));
              for (let k = 0; k < size; k++) {
                let sum = 0;
                for (let from = 0; from < visible; from++)
                  sum += weights[from] * values.data[first + from * features + k];
                data[first + row * features + k] = sum;
              }
            }
          }
        }
        return { shape: queries.shape, data };
      },
    };
  },
};

/** Fills `weights` with the softmax of query · key / sqrt(d) over as many keys; key i starts at `first + i * stride`. */
function softmaxScores(
  query: Float32Array,
  keys: Float32Array,
  first: number,
  stride: number,
  weights: Float64Array,
): void {
  const scale = 1 / Math.sqrt(query.length);
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < weights.length; i++) {
    let score = 0;
    for (let k = 0; k < query.length; k++) score += query[k] * keys[first + i * stride + k];
    weights[i] = score * scale;
    largest = Math.max(largest, weights[i]);
  }
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    weights[i] = Math.exp(weights[i] - largest);
    sum += weights[i];
  }
  for (let i = 0; i < weights.length; i++) weights[i] /= sum;
}

function checkSequences(
  queries: HostTensor,
  keys: HostTensor,
  values: HostTensor,
  heads: number,
  node: GraphNode,
): void {
  const { shape } = queries;
  if (shape.length !== 3 || shape[2] % heads !== 0) {
    throw new ShapeError(
      `${describe(node)} needs inputs of shape [batch, sequence, a multiple of ${heads}], got ${formatShape(shape)}`,
    );
  }
  if (!sameShape(shape, keys.shape) || !sameShape(shape, values.shape)) {
    throw new ShapeError(
      `${describe(node)} needs three inputs of one shape, got ${[queries, keys, values].map((input) => formatShape(input.shape)).join(", ")}`,
    );
  }
}
