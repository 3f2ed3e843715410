/** What kernels should reach. */
import type { Ceiling } from "../../src/cli/bench/ceiling.ts";
import { type KernelRecord, kernelRecord, type TimedProduct } from "../../src/cli/bench/kernel-record.ts";
import { describeThreads } from "../../src/cli/bench/kernel-table.ts";
import type { Measurement, Target } from "../bench-case.ts";
import { SMALL_SHAPE } from "./plan.ts";

/** A figure of some records with what it should be. */
interface KernelTarget {
  readonly what: string;
  readonly unit: "µs" | "%";
  readonly target: Target;
  concerns(record: KernelRecord): boolean;
  /** Of a sample, in the unit. */
  value(record: KernelRecord): number | null;
}

const isLarge = ({ n, k }: KernelRecord) => n === 4096 && k === 4096;
const isSmall = ({ n, k }: KernelRecord) => n === SMALL_SHAPE[0] && k === SMALL_SHAPE[1];
const inPercent = (share: number | null) => (share === null ? null : share * 100);

const targets: readonly KernelTarget[] = [
  {
    ...{ what: "256 × 784, M = 1, warm, 1 thread", unit: "µs", target: { atMost: 4 } },
    concerns: (record) => isSmall(record) && record.threads === 1,
    value: ({ microseconds }) => microseconds,
  },
  ...[
    { threads: 1, atMost: 45 },
    { threads: 2, atMost: 30 },
  ].map(
    ({ threads, atMost }): KernelTarget => ({
      ...{ what: `4096 × 4096, M = 1, warm, ${describeThreads(threads)}`, unit: "µs", target: { atMost } },
      concerns: (record) => isLarge(record) && record.m === 1 && record.mode === "warm" && record.threads === threads,
      value: ({ microseconds }) => microseconds,
    }),
  ),
  {
    ...{ what: "4096 × 4096, M = 1, cold, 2 threads, of the bandwidth of memory", unit: "%", target: { atLeast: 85 } },
    concerns: (record) => isLarge(record) && record.m === 1 && record.mode === "cold" && record.threads === 2,
    value: ({ shareOfCeiling }) => inPercent(shareOfCeiling),
  },
  ...[
    ...[8, 32, 128, 512].map((m) => ({ kernel: "avx512vnni", m, atLeast: 85 })),
    { kernel: "avxvnni", m: 128, atLeast: 75 },
    { kernel: "avx2", m: 128, atLeast: 60 },
  ].map(
    ({ kernel, m, atLeast }): KernelTarget => ({
      ...{ what: `4096 × 4096, M = ${m}, warm, 1 thread, of the peak of ${kernel}`, unit: "%", target: { atLeast } },
      concerns: (record) =>
        isLarge(record) && record.m === m && record.mode === "warm" && record.threads === 1 && record.kernel === kernel,
      value: ({ shareOfOwnPeak }) => inPercent(shareOfOwnPeak),
    }),
  ),
];

/** The targets that what was timed tells something about; of several kernels the fastest counts. */
export function targetMeasurements(
  products: readonly TimedProduct[],
  ceilingOf: (threads: number) => Ceiling,
): Measurement[] {
  const all = products.map((product) => {
    const against = ceilingOf(product.layer.threads);
    return { product, against, record: kernelRecord(product, against) };
  });
  return targets.flatMap(({ what, unit, target, concerns, value }): Measurement[] => {
    const candidates = all.filter(({ record }) => concerns(record));
    if (candidates.length === 0) return [];
    const fastest = candidates.reduce((best, one) => (one.record.microseconds < best.record.microseconds ? one : best));
    const { product, against, record } = fastest;
    const samples = product.samples.map((sample) => value(kernelRecord({ ...product, samples: [sample] }, against)));
    const known = samples.filter((sample) => sample !== null);
    if (known.length === 0) return [];
    return [{ name: `${what} (${record.backend} ${record.kernel})`, unit, samples: known, target }];
  });
}
