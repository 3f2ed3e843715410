/**
 * Deployed models as ONNX files.
 *
 * What is equal. Every node is written operation by operation as the numeric contract has it, each one float32 operation
 * that IEEE 754 defines: codes and scales of activations, sums in the contract's order for norms and means, batch norms,
 * ReLU, residual sums; and, because scales come after the product, the ternary layers, whose integer sums below 2²⁴ float32
 * holds exactly in any order. A runtime that executes the nodes as they stand gives the same 32 bits.
 *
 * What is not. Sums of K products of floats (linear layers and convolutions without int8 or sign rule, attention) have any
 * order: they and ours are each within (K + 4) · 2⁻²⁴ · (Σ|x · w| + |b|) of the exact sum, so within twice that of each
 * other. Functions of exp are as good as the runtime's. An int8 rule behind such a difference may turn it into one code more
 * or less where a value lies next to a tie, which changes an output by f32(s_x · s_w). Means over images whose size may vary
 * are left to the runtime's own operators. Optimizers may fold a constant factor into the convolution before it (the scale
 * of a ternary one without int8 rule, a batch norm behind a float one), whose outputs are sums of floats then.
 *
 * With `matmulnbits-int8` the runtime rounds codes once more, to 127 steps of the largest code of each block: at most half a
 * step, which is at most half a code, for each weight that is not 0.
 *
 * At the edges: tokens that hold a NaN, an infinity or 2¹²⁶ and more, which a deployed model answers with NaN, give what the
 * runtime makes of them; ids are not checked but by the runtime.
 */
import { BitLinearError, UnsupportedError } from "../../core/errors.ts";
import { VERSION } from "../../core/version.ts";
import { PRODUCER, writeOnnx } from "../../files/onnx/index.ts";
import type { DeployedModel } from "../../runtime/deployed-model.ts";
import type { GraphNode } from "../../runtime/graph.ts";
import { describe } from "../../runtime/operation.ts";
import { exporters } from "./exporters/index.ts";
import { OnnxGraph, type OnnxValue } from "./onnx-graph.ts";
import { type WeightForm, weightForms } from "./weight-forms.ts";

/** Options of `exportOnnx`. */
export interface ExportOnnxOptions {
  /** Id of a form of weights: `float32` (the default), `matmulnbits` or `matmulnbits-int8`. */
  readonly weights?: string;
}

/** Of 2022: ONNX Runtime 1.12 and newer. Operations that came later are written with older ones. */
const OPSET = 17;
const IR_VERSION = 8;

const INPUT = "input";
const OUTPUT = "output";
const BATCH = "batch";

/**
 * The ONNX file of a model, with the input `input` and the output `output`, both as `run()` has them: a batch first, images
 * channels last. Inside, images lie channels first.
 *
 * @throws UnsupportedError naming the node that ONNX cannot express, and for models whose input is unknown or of 2 GiB
 */
export function exportOnnx(model: DeployedModel, { weights = weightForms[0].id }: ExportOnnxOptions = {}): Uint8Array {
  const form = weightForms.find(({ id }) => id === weights);
  if (!form) {
    const known = weightForms.map(({ id }) => id).join(", ");
    throw new UnsupportedError(`there is no form of weights ${JSON.stringify(weights)}; choose one of: ${known}`);
  }
  const { nodes, output, inputShape, sampleShape, metadata } = model.graph;
  const pattern = inputShape ?? sampleShape;
  if (!pattern) {
    throw new UnsupportedError("an ONNX model says how many axes its input has: deploy this one with { inputShape }");
  }
  const graph = new OnnxGraph([INPUT, OUTPUT]);
  const values: OnnxValue[] = [{ name: INPUT, shape: [null, ...pattern], isChannelsFirst: false }];
  for (const node of nodes) values.push(writeNode(graph, node, values, form));
  graph.scope = "";
  const result = graph.channelsLast(values[output]);
  graph.rename(result.name, OUTPUT);
  return writeOnnx({
    ...{ irVersion: IR_VERSION, producer: PRODUCER, producerVersion: VERSION },
    opsets: { "": OPSET, ...form.opsets },
    graphName: "bitlinear",
    ...{ nodes: graph.nodes, constants: graph.constants },
    inputs: [{ name: INPUT, shape: [BATCH, ...pattern.map((size, axis) => size ?? `size${axis + 1}`)] }],
    outputs: [{ name: OUTPUT, shape: [BATCH, ...result.shape.slice(1)] }],
    ...(metadata && { metadata }),
  });
}

function writeNode(graph: OnnxGraph, node: GraphNode, values: readonly OnnxValue[], form: WeightForm): OnnxValue {
  const exporter = exporters.find(({ operation }) => operation.id === node.op);
  if (!exporter) throw new UnsupportedError(`${describe(node)} cannot be written as ONNX`);
  graph.scope = node.name;
  const inputs = node.inputs.map((index) => values[index]);
  try {
    return exporter.write(graph, node, inputs, form);
  } catch (cause) {
    if (!(cause instanceof BitLinearError) || cause.message.startsWith(describe(node))) throw cause;
    throw new UnsupportedError(`${describe(node)} cannot be written as ONNX: ${cause.message}`, { cause });
  }
}
