/** The values that a weight of one row can take: the levels Σ ±scale_i of its planes. */
import { levelTrits } from "../../quantizers/plane-levels.ts";

/** Levels of a row in ascending order, with their trits; of equal ones only the sparsest. */
export class RowLevels {
  readonly planes: number;
  private readonly table: readonly (readonly number[])[];
  /** Trits of each level, `[levels, planes]`. */
  readonly trits: Int8Array;
  readonly values: Float64Array;
  private count = 0;

  constructor(planes: number) {
    this.planes = planes;
    this.table = levelTrits(planes);
    this.trits = new Int8Array(this.table.length * planes);
    this.values = new Float64Array(this.table.length);
  }

  /** Takes the scales of another row, or other ones. */
  use(scales: ArrayLike<number>): void {
    const { table, planes, trits, values } = this;
    const real = table.map((level) => level.reduce((sum, trit, i) => sum + trit * scales[i], 0));
    const order = [...table.keys()].sort((a, b) => real[a] - real[b] || a - b);
    this.count = 0;
    for (const level of order) {
      if (this.count > 0 && values[this.count - 1] === real[level]) continue;
      values[this.count] = real[level];
      for (let i = 0; i < planes; i++) trits[this.count * planes + i] = table[level][i];
      this.count++;
    }
  }

  /** Place of the level nearest to a value, the lower one of two. */
  nearest(value: number): number {
    const { values } = this;
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value - values[middle] > values[middle + 1] - value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
