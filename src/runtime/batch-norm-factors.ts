/** Batch norm with running statistics as one multiplication and one addition for each feature. */
import type { GraphNode } from "./graph.ts";
import { floatTensor, numberAttribute } from "./operation.ts";

/** What inputs are multiplied with, and what is added, `[features]` each. */
export interface BatchNormFactors {
  readonly scale: Float32Array;
  readonly shift: Float32Array;
}

/**
 * scale = weight · 1/sqrt(variance + eps) and shift = bias - mean · scale, every operation rounded to float32.
 *
 * @throws ShapeError when the node's tensors or eps do not fit
 */
export function batchNormFactors(node: GraphNode): BatchNormFactors {
  const { values: gain } = floatTensor(node, "weight", [null]);
  const features = gain.length;
  const { values: bias } = floatTensor(node, "bias", [features]);
  const { values: mean } = floatTensor(node, "mean", [features]);
  const { values: variance } = floatTensor(node, "variance", [features]);
  const eps = Math.fround(numberAttribute(node, "eps"));
  const scale = gain.map((weight, k) => {
    const deviation = Math.fround(Math.sqrt(Math.fround(variance[k] + eps)));
    return weight * Math.fround(1 / deviation);
  });
  const shift = bias.map((value, k) => value - Math.fround(mean[k] * scale[k]));
  return { scale, shift };
}
