/** Times that kernels should reach; shares of what the machine allows are in shares.ts. */
import type { TimedProduct } from "../../src/cli/bench/kernel-record.ts";
import { describeThreads } from "../../src/cli/bench/kernel-table.ts";
import type { LayerShape } from "../../src/cli/bench/problem.ts";
import { medianOf } from "../../src/cli/bench/timing.ts";
import type { Measurement, Target } from "../bench-case.ts";
import { SMALL_SHAPE } from "./plan.ts";
import { LARGE_SHAPE } from "./shares.ts";

/** A time, in microseconds, of some products with one token and warm weights. */
interface TimeTarget {
  readonly shape: LayerShape;
  readonly threads: number;
  readonly target: Target;
}

const targets: readonly TimeTarget[] = [
  { shape: SMALL_SHAPE, threads: 1, target: { atMost: 4 } },
  { shape: LARGE_SHAPE, threads: 1, target: { atMost: 45 } },
  { shape: LARGE_SHAPE, threads: 2, target: { atMost: 30 } },
];

/** The targets that what was timed tells something about; of several kernels the fastest counts. */
export function targetMeasurements(products: readonly TimedProduct[]): Measurement[] {
  return targets.flatMap(({ shape, threads, target }): Measurement[] => {
    const candidates = products.filter(
      ({ layer, m, mode, ...product }) =>
        m === 1 && mode === "warm" && layer.threads === threads && product.shape.join() === shape.join(),
    );
    if (candidates.length === 0) return [];
    const { layer, samples } = candidates.reduce((best, one) =>
      medianOf(one.samples) < medianOf(best.samples) ? one : best,
    );
    const name = `${shape.join(" × ")}, M = 1, warm, ${describeThreads(threads)} (${layer.backend} ${layer.kernel})`;
    return [{ name, unit: "µs", samples, target }];
  });
}
