/** One operation of deployed models in ONNX's operations: the contract of every exporter. */
import type { GraphNode } from "../../../runtime/graph.ts";
import type { Operation } from "../../../runtime/operation.ts";
import type { OnnxGraph, OnnxValue } from "../onnx-graph.ts";
import type { WeightForm } from "../weight-forms.ts";

/** Writes the nodes of one operation. */
export interface Exporter {
  readonly operation: Operation;
  /**
   * Appends what computes the node.
   *
   * @returns its result
   * @throws UnsupportedError for what ONNX cannot express
   */
  write(graph: OnnxGraph, node: GraphNode, inputs: readonly OnnxValue[], form: WeightForm): OnnxValue;
}
