/** The ternary weights of a node, as the exporters take them. */
import { ShapeError } from "../../core/errors.ts";
import type { TernaryMatrix } from "../../core/ternary-matrix.ts";
import { modelFormatById } from "../../formats/index.ts";
import type { GraphNode } from "../../runtime/graph.ts";

/** All planes of a node, in order; several add up. @throws ShapeError when there is none */
export function planesOf(node: GraphNode): readonly TernaryMatrix[] {
  const planes = Object.values(node.tensors).flatMap((tensor) => {
    if (tensor.kind !== "ternary") return [];
    const { format, bytes, outFeatures, inFeatures, scales } = tensor;
    return [modelFormatById(format).unpack(bytes, { outFeatures, inFeatures }, scales)];
  });
  if (planes.length === 0) throw new ShapeError("it needs ternary weights, which are missing");
  return planes;
}
