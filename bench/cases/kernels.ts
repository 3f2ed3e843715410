/** How close kernels come to what the machine allows, beside what others reach. */
import { coreCount } from "../../src/backends/thread-count.ts";
import type { Ceiling } from "../../src/cli/bench/ceiling.ts";
import type { TimedProduct } from "../../src/cli/bench/kernel-record.ts";
import { describeThreads, kernelTable } from "../../src/cli/bench/kernel-table.ts";
import type { LayerShape } from "../../src/cli/bench/problem.ts";
import type { BenchCase, BenchOptions, Measurement } from "../bench-case.ts";
import { type Contestants, openContestants } from "../kernels/contestants.ts";
import { describeTooSlow, KernelRun, type ShapeResult } from "../kernels/kernel-run.ts";
import { kernelPlan, ONE_WEIGHT, SMALL_SHAPE } from "../kernels/plan.ts";
import { writeResults } from "../kernels/results.ts";
import { targetMeasurements } from "../kernels/targets.ts";

/** Ceilings of this machine, then every kernel and every peer that is installed; results are checked before they are timed. */
export const kernels: BenchCase = {
  id: "kernels",
  summary: "memory bandwidth and int8 peak; every kernel, and peers, as shares of them",

  async *run(options) {
    const threadCounts = [...new Set([1, Math.min(2, coreCount()), coreCount()])];
    const contestants = await openContestants(threadCounts);
    for (const absent of contestants.absent) options.print(`not here: ${absent}`);
    const run = new KernelRun(contestants);
    for (const threads of threadCounts) run.measureCeiling(threads);
    await timeShapes(run, threadCounts, options);
    for (const threads of threadCounts) yield* ceilingMeasurements(run.ceilingOf(threads));
    yield* targetMeasurements(run.products);
    yield* run.shares;
    yield* overheads(run.products, contestants);
    await publish(run, threadCounts, contestants, options);
  },
};

async function timeShapes(run: KernelRun, threadCounts: readonly number[], options: BenchOptions): Promise<void> {
  const { isQuick, note, print } = options;
  const { shapes, coldKernels, measure, measureSmall, measureShares } = kernelPlan(options);
  for (const shape of shapes) {
    for (const threads of threadCounts) {
      note(`kernels: ${describe(shape)}, ${describeThreads(threads)} ...`);
      // A short run takes a single layer from memory: its copies are most of what there is to do.
      const isCold = !isQuick || (shape === shapes.at(-1) && threads === threadCounts.at(-1));
      const result = await run.measure(shape, threads, isCold ? coldKernels : 0, measure, measureShares);
      print(`\n${describe(shape)}, ${describeThreads(threads)}: time of a product, share of the ceiling`);
      printResult(result, options);
      if (!isQuick || shape === shapes.at(-1)) run.measureCeiling(threads);
    }
  }
  for (const shape of [SMALL_SHAPE, ONE_WEIGHT]) {
    note(`kernels: ${describe(shape)}, 1 thread ...`);
    await run.measure(shape, 1, 0, measureSmall);
  }
}

function printResult({ records, tooSlow }: ShapeResult, { print, note }: BenchOptions): void {
  for (const mode of ["cold", "warm"] as const) {
    const shown = records.filter((record) => record.mode === mode);
    if (shown.length > 0) print(kernelTable(shown));
  }
  for (const product of tooSlow) note(describeTooSlow(product));
}

function* ceilingMeasurements({ threads, dramReadGBps, int8DotGopsOf }: Ceiling): Generator<Measurement> {
  const suffix = describeThreads(threads);
  if (dramReadGBps !== null) yield { name: `memory reads, ${suffix}`, unit: "GB/s", samples: [dramReadGBps] };
  for (const [kernel, peak] of Object.entries(int8DotGopsOf)) {
    yield { name: `int8 products of ${kernel}, ${suffix}`, unit: "GOP/s", samples: [peak] };
  }
}

/** What a call takes beside its product, in each of our backends with its best kernel. */
function* overheads(products: readonly TimedProduct[], contestants: Contestants): Generator<Measurement> {
  for (const {
    id,
    kernels: [best],
  } of contestants.backendsWith(1)) {
    for (const { layer, shape, samples } of products) {
      if (shape[0] * shape[1] !== 1 || layer.backend !== id || layer.kernel !== best) continue;
      const method = "a product of one weight: all that remains is the call";
      yield { name: `overhead of a call on ${id} ${best}`, unit: "µs", samples, method };
    }
  }
}

async function publish(
  run: KernelRun,
  threadCounts: readonly number[],
  { all, absent }: Contestants,
  options: BenchOptions,
): Promise<void> {
  const { outputDirectory, isQuick, note, emit } = options;
  const ceilings = threadCounts.map((threads) => run.ceilingOf(threads));
  const records = run.records();
  if (outputDirectory !== undefined) {
    const ownBackends = [...new Set(all.map(({ id }) => id))];
    const results = { ceilings, records, shapes: kernelPlan(options).shapes, absent, ownBackends };
    const samples = run.products.map((product) => product.samples);
    note(`kernels: wrote ${await writeResults(outputDirectory, results, samples, isQuick)}`);
  }
  emit({ ceilings, records, absent });
}

function describe([n, k]: LayerShape): string {
  return `${n} × ${k}`;
}
