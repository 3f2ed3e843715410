/** The levels Σ ±scale_i that ternary planes span, and the nearest of them to each weight. */

/** The trits of all 3^k levels: zero first, so that the sparser of two equally near levels wins. */
export function levelTrits(planes: number): number[][] {
  const levels = Array.from({ length: 3 ** planes }, (_, level) =>
    Array.from({ length: planes }, (_, i) => (Math.floor(level / 3 ** i) % 3) - 1),
  );
  const magnitude = (level: readonly number[]): number => level.reduce((sum, trit) => sum + Math.abs(trit), 0);
  return levels.sort((a, b) => magnitude(a) - magnitude(b));
}

/** Weights and the level each went to. */
export interface Assignment {
  /** Index of the level of each weight in `levelTrits`. */
  readonly levels: Uint8Array;
  /** Σ (weight - level)², in float64. */
  readonly squaredError: number;
}

/**
 * The nearest level of each weight, computed in float32: of the levels whose rounded distance |f32(weight - level)| is
 * least, the first in the order of `levelTrits`, exactly as `traceNearestPlanes` finds it by trying all of them.
 *
 * Rounding keeps order: with levels sorted, rounded distances do not fall on the way from the weight outwards. So the least
 * one stands beside the weight, and its equals stand next to it.
 */
export class NearestLevels {
  private readonly trits: readonly number[][];

  /** @param planes 1 to 5: a level fits in a byte */
  constructor(planes: number) {
    this.trits = levelTrits(planes);
  }

  /** @param scales one per plane */
  assign(weights: Float32Array, scales: Float32Array): Assignment {
    const { reals, indexes } = this.sortedLevels(scales);
    const levels = new Uint8Array(weights.length);
    let squaredError = 0;
    for (let k = 0; k < weights.length; k++) {
      const weight = weights[k];
      let below = 0; // level `below` is at most the weight, level `above` more, where there are such
      let above = reals.length;
      while (above - below > 1) {
        const middle = (below + above) >> 1;
        if (reals[middle] <= weight) below = middle;
        else above = middle;
      }
      let nearest = indexes[below];
      let distance = Math.abs(Math.fround(weight - reals[below]));
      for (; above < reals.length; above++) {
        const candidate = Math.abs(Math.fround(weight - reals[above]));
        if (candidate > distance) break;
        if (candidate < distance || indexes[above] < nearest) nearest = indexes[above];
        distance = candidate;
      }
      for (let other = below - 1; other >= 0; other--) {
        if (Math.abs(Math.fround(weight - reals[other])) > distance) break;
        if (indexes[other] < nearest) nearest = indexes[other];
      }
      levels[k] = nearest;
      squaredError += distance * distance;
    }
    return { levels, squaredError };
  }

  /** Writes the trits of an assignment into row-major planes, from element `at` on. */
  writeTrits(levels: Uint8Array, planes: readonly { readonly trits: Int8Array }[], at: number): void {
    planes.forEach(({ trits }, i) => {
      const tritOf = Int8Array.from(this.trits, (level) => level[i]);
      for (let k = 0; k < levels.length; k++) trits[at + k] = tritOf[levels[k]];
    });
  }

  /** All levels in ascending order, each with its index; equal ones by index. */
  private sortedLevels(scales: Float32Array): { reals: Float32Array; indexes: Uint8Array } {
    const real = (level: readonly number[]): number =>
      level.reduce((sum, trit, i) => Math.fround(sum + trit * scales[i]), 0);
    const unsorted = Float32Array.from(this.trits, real);
    const indexes = Uint8Array.from(unsorted.keys()).sort((a, b) => unsorted[a] - unsorted[b] || a - b);
    return { reals: Float32Array.from(indexes, (index) => unsorted[index]), indexes };
  }
}
