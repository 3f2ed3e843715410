/**
 * Sums and reciprocals of the numeric contract in ONNX's operations, spelt out so that no runtime has a choice.
 *
 * A sum sends element k to lane k mod 16 and adds the lanes by a halving tree. Within a lane it adds in the order of k: a
 * running sum, of which the last value is taken, has that order, and `ReduceSum` has any.
 */
import { LANES } from "../../core/rounding.ts";
import type { OnnxGraph } from "./onnx-graph.ts";

/** Sums over the last axis, which has `count` values and stays as one of size 1; `rank` axes in all. */
export function laneSum(graph: OnnxGraph, x: string, count: number, rank: number): string {
  const rows = Math.ceil(count / LANES);
  const missing = rows * LANES - count;
  const outer = new Array<number>(rank - 1).fill(0); // of a new shape: as it is; of padding: none
  const padded = missing > 0 ? graph.op("Pad", [x, graph.integers([...outer, 0, ...outer, missing])]) : x;
  const inRows = graph.op("Reshape", [padded, graph.integers([...outer, rows, LANES])]);
  const rowAxis = graph.integers([rank - 1]);
  const running = rows > 1 ? graph.op("CumSum", [inRows, rowAxis]) : inRows;
  const last = graph.integers([rows - 1]);
  let lanes = rows > 1 ? graph.op("Gather", [running, last], { attributes: { axis: rank - 1 } }) : inRows;
  const laneAxis = graph.integers([rank]);
  for (let half = LANES / 2; half >= 1; half /= 2) {
    const [first, middle, end] = [0, half, 2 * half].map((index) => graph.integers([index]));
    const low = graph.op("Slice", [lanes, first, middle, laneAxis]);
    const high = graph.op("Slice", [lanes, middle, end, laneAxis]);
    lanes = graph.op("Add", [low, high]);
  }
  return graph.op("Squeeze", [lanes, rowAxis]);
}

/**
 * f32(1 / x). Written as -(-1 / x), which is the same in all bits: optimizers turn a product with 1 / x into a quotient,
 * which rounds once and not twice, and some runtimes compute `Reciprocal` approximately.
 */
export function reciprocal(graph: OnnxGraph, x: string): string {
  return graph.op("Neg", [graph.op("Div", [graph.scalar(-1), x])]);
}
