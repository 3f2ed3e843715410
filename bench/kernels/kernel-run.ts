/** One run over shapes and numbers of threads: what was timed, and the ceilings it is held against. */
import { type Ceiling, higherCeiling, measureCeiling } from "../../src/cli/bench/ceiling.ts";
import { type KernelRecord, kernelRecord, type TimedProduct } from "../../src/cli/bench/kernel-record.ts";
import { describeThreads } from "../../src/cli/bench/kernel-table.ts";
import { type MeasurePlan, measureShape, type TooSlow } from "../../src/cli/bench/measure-shape.ts";
import { type LayerShape, type Problem, randomProblem } from "../../src/cli/bench/problem.ts";
import type { TimedLayer } from "../../src/cli/bench/timed-layer.ts";
import type { Measurement } from "../bench-case.ts";
import { type Contestants, prepareLayers } from "./contestants.ts";
import { measureShare, type SharePlan, shareTargetsOf } from "./shares.ts";

/** What came of one shape. */
export interface ShapeResult {
  readonly records: readonly KernelRecord[];
  readonly tooSlow: readonly TooSlow[];
}

/** Gathers what is timed. */
export class KernelRun {
  readonly products: TimedProduct[] = [];
  /** Of targets that are shares of what the machine allows. */
  readonly shares: Measurement[] = [];
  readonly #contestants: Contestants;
  readonly #ceilings = new Map<number, Ceiling>();
  #problem: Problem | undefined;

  constructor(contestants: Contestants) {
    this.#contestants = contestants;
  }

  /** The best that was measured so far. */
  ceilingOf(threads: number): Ceiling {
    const ceiling = this.#ceilings.get(threads);
    return ceiling ?? this.measureCeiling(threads);
  }

  /** Measures once more: a machine that others use, too, does not always show all it can do. */
  measureCeiling(threads: number): Ceiling {
    const before = this.#ceilings.get(threads);
    const measured = measureCeiling(this.#contestants.all, threads);
    const ceiling = before === undefined ? measured : higherCeiling(before, measured);
    this.#ceilings.set(threads, ceiling);
    return ceiling;
  }

  /** Times the kernels of all contestants on one shape, that many of each backend also cold; and the targets of the shape. */
  async measure(
    shape: LayerShape,
    threads: number,
    coldKernels: number,
    plan: MeasurePlan,
    sharePlan?: SharePlan,
  ): Promise<ShapeResult> {
    const problem = this.#problemOf(shape, Math.max(...plan.products.map(({ m }) => m)));
    const layers = await prepareLayers(this.#contestants, problem.matrix, threads, coldKernels);
    const records: KernelRecord[] = [];
    const tooSlow: TooSlow[] = [];
    try {
      for await (const outcome of measureShape(layers, problem, plan, this.ceilingOf(threads))) {
        if ("tooSlow" in outcome) {
          tooSlow.push(outcome.tooSlow);
        } else {
          records.push(outcome.record);
          this.products.push(outcome.product);
        }
      }
      if (sharePlan !== undefined) await this.#measureShares(layers, problem, records, sharePlan);
    } finally {
      for (const layer of layers) await layer[Symbol.asyncDispose]();
    }
    return { records, tooSlow };
  }

  async #measureShares(
    layers: readonly TimedLayer[],
    problem: Problem,
    records: readonly KernelRecord[],
    plan: SharePlan,
  ): Promise<void> {
    const [{ threads }] = layers;
    const { outFeatures, inFeatures } = problem.matrix;
    const backend = this.#contestants.backendsWith(threads).find(({ ceilings }) => ceilings !== undefined);
    if (backend === undefined) return;
    const own = layers.filter((layer) => layer.backend === backend.id);
    for (const target of shareTargetsOf([outFeatures, inFeatures], threads)) {
      const timed = records
        .filter((record) => record.backend === backend.id && record.m === target.m && record.mode === target.mode)
        .sort((a, b) => a.microseconds - b.microseconds);
      const fastestFirst = timed.flatMap(({ kernel }) => own.filter((layer) => layer.kernel === kernel));
      const share = await measureShare(target, fastestFirst, { problem, backend }, plan);
      if (share !== undefined) this.shares.push(share);
    }
  }

  /** The same for all numbers of threads, which follow each other. */
  #problemOf(shape: LayerShape, batch: number): Problem {
    const { outFeatures, inFeatures } = this.#problem?.matrix ?? {};
    if (this.#problem === undefined || outFeatures !== shape[0] || inFeatures !== shape[1]) {
      this.#problem = randomProblem(shape, batch);
    }
    return this.#problem;
  }

  /** The figures of all products, against the best ceilings that were found. */
  records(): KernelRecord[] {
    return this.products.map((product) => kernelRecord(product, this.ceilingOf(product.layer.threads)));
  }
}

/** Why products are missing. */
export function describeTooSlow({ backend, kernel, threads, m, mode, milliseconds }: TooSlow): string {
  const call = `${backend} ${kernel}, ${describeThreads(threads)}, M = ${m}, ${mode}`;
  return `${call}: left out, a call takes about ${Math.round(milliseconds)} ms`;
}
