/** The sums of the numeric contract over arrays: `laneSum` of core, which is their definition, without a call per term. */
import { LANES } from "../core/rounding.ts";

/** Sum of `values[first]`, `values[first + step]`, ... of `count` terms. */
export function sumOf(values: Float32Array, first: number, count: number, step = 1): number {
  const lanes = new Float32Array(LANES);
  let at = first;
  for (let rest = count; rest > 0; rest -= LANES) {
    const used = Math.min(rest, LANES);
    for (let lane = 0; lane < used; lane++, at += step) lanes[lane] += values[at];
  }
  return foldLanes(lanes);
}

/** Sum of the squares of `count` values, each rounded to float32 before it is added. */
export function sumOfSquares(values: Float32Array, first: number, count: number): number {
  const lanes = new Float32Array(LANES);
  let at = first;
  for (let rest = count; rest > 0; rest -= LANES) {
    const used = Math.min(rest, LANES);
    for (let lane = 0; lane < used; lane++, at++) lanes[lane] += Math.fround(values[at] * values[at]);
  }
  return foldLanes(lanes);
}

/** The halving tree. */
function foldLanes(lanes: Float32Array): number {
  for (let half = LANES / 2; half >= 1; half /= 2) {
    for (let lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}
