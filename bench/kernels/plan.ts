/** What the bench of the kernels times. */
import type { MeasurePlan } from "../../src/cli/bench/measure-shape.ts";
import type { LayerShape } from "../../src/cli/bench/problem.ts";
import type { Mode } from "../../src/cli/bench/timed-layer.ts";
import type { BenchOptions } from "../bench-case.ts";
import type { SharePlan } from "./shares.ts";

/** A run of the bench. */
export interface KernelPlan {
  /** Out × in, of models that people run. */
  readonly shapes: readonly LayerShape[];
  /** Kernels of each backend, best first, that are timed cold, too. */
  readonly coldKernels: number;
  readonly measure: MeasurePlan;
  /** For layers so small that the call itself counts. */
  readonly measureSmall: MeasurePlan;
  /** For shares of what the machine allows. */
  readonly measureShares: SharePlan;
}

/** The first layer of a small network. */
export const SMALL_SHAPE: LayerShape = [256, 784];
/** A layer that leaves nothing of a product but its call. */
export const ONE_WEIGHT: LayerShape = [1, 1];

const full: KernelPlan = {
  shapes: [
    [1024, 1024],
    [2560, 2560],
    [6912, 2560],
    [2560, 6912],
    [4096, 4096],
    [11008, 4096],
  ],
  coldKernels: Number.POSITIVE_INFINITY,
  measure: {
    products: [1, 2, 8, 32, 128, 512].flatMap((m) => (["cold", "warm"] as const).map((mode) => ({ m, mode }))),
    ...{ samples: 20, sampleMilliseconds: 5, slowestMilliseconds: 250 },
  },
  measureSmall: { products: warm(1), samples: 20, sampleMilliseconds: 5, slowestMilliseconds: 250 },
  measureShares: { rounds: 9, samples: 5, sampleMilliseconds: 10 },
};

const quick: KernelPlan = {
  shapes: [
    [1024, 1024],
    [4096, 4096],
  ],
  coldKernels: 2,
  measure: {
    products: [{ m: 1, mode: "cold" }, ...warm(1), ...warm(8), ...warm(128)],
    ...{ samples: 5, sampleMilliseconds: 2, slowestMilliseconds: 100 },
  },
  measureSmall: { products: warm(1), samples: 5, sampleMilliseconds: 2, slowestMilliseconds: 100 },
  measureShares: { rounds: 1, samples: 3, sampleMilliseconds: 5 },
};

/** The full run, or a short one, on its own shapes or on others. */
export function kernelPlan({ isQuick, shapes }: Pick<BenchOptions, "isQuick" | "shapes">): KernelPlan {
  const plan = isQuick ? quick : full;
  return { ...plan, shapes: shapes ?? plan.shapes };
}

function warm(m: number): { m: number; mode: Mode }[] {
  return [{ m, mode: "warm" }];
}
