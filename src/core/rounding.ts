/** The one rounding mode of the project, and the sums whose order is part of the numeric contract. */

/** Nearest integer, halves to the even one (IEEE 754 roundTiesToEven), for any finite number. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor; // exact: both have the same exponent range (Sterbenz for |value| >= 1)
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Lanes of a reduction of the numeric contract. */
export const LANES = 16;

/**
 * Float32 sum in the order of the numeric contract: element k goes to lane k mod 16, each lane adds in order of k,
 * then lane i + lane i+8, then +4, +2, +1. Every addition rounds to float32, so training and deployment agree in all bits.
 *
 * @param count number of terms
 * @param term the k-th term, already a float32 value
 */
export function laneSum(count: number, term: (k: number) => number): number {
  const lanes = new Float32Array(LANES);
  for (let k = 0; k < count; k++) lanes[k % LANES] += term(k);
  for (let half = LANES / 2; half >= 1; half /= 2) {
    for (let lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}
