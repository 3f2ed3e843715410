/**
 * Shares of what the machine allows, each measured between two measurements of that: other programs on the machine slow both
 * down, and neither a pause of theirs nor a burst decides a figure.
 */
import type { Backend } from "../../src/backends/index.ts";
import { COLD_BYTE_LENGTH } from "../../src/cli/bench/ceiling.ts";
import { describeThreads } from "../../src/cli/bench/kernel-table.ts";
import type { LayerShape, Problem } from "../../src/cli/bench/problem.ts";
import type { Mode, TimedLayer } from "../../src/cli/bench/timed-layer.ts";
import { medianOf, timeInTurns } from "../../src/cli/bench/timing.ts";
import type { Measurement } from "../bench-case.ts";

/** A share that kernels should reach. */
export interface ShareTarget {
  readonly shape: LayerShape;
  readonly threads: number;
  readonly m: number;
  readonly mode: Mode;
  /** Without it the fastest of the backend counts. */
  readonly kernel?: string;
  readonly of: "dramRead" | "int8Dot";
  readonly atLeast: number;
}

/** The large layer that most targets are about. */
export const LARGE_SHAPE: LayerShape = [4096, 4096];

const shareTargets: readonly ShareTarget[] = [
  ...[LARGE_SHAPE, [11008, 4096] as const].map((shape) => ({
    ...({ shape, threads: 2, m: 1, mode: "cold", of: "dramRead", atLeast: 0.85 } as const),
  })),
  ...[
    ...[8, 32, 128, 512].map((m) => ({ kernel: "avx512vnni", threads: 1, m, atLeast: 0.85 })),
    { kernel: "avxvnni", threads: 1, m: 128, atLeast: 0.75 },
    { kernel: "avx2", threads: 1, m: 128, atLeast: 0.6 },
    ...[8, 32, 128, 512].map((m) => ({ kernel: "avx512vnni", threads: 2, m, atLeast: 0.8 })),
  ].map((target) => ({ ...({ shape: LARGE_SHAPE, mode: "warm", of: "int8Dot" } as const), ...target })),
];

/** The targets that layers of a shape with so many threads can tell something about. */
export function shareTargetsOf([n, k]: LayerShape, threads: number): readonly ShareTarget[] {
  return shareTargets.filter((target) => target.shape[0] === n && target.shape[1] === k && target.threads === threads);
}

/** How the shares are timed. */
export interface SharePlan {
  readonly rounds: number;
  readonly samples: number;
  readonly sampleMilliseconds: number;
}

/**
 * Measures a target.
 *
 * @param layers of the target's shape and threads; the fastest comes first
 * @returns undefined where the machine lacks the kernel, or cannot measure its limit
 */
export async function measureShare(
  target: ShareTarget,
  layers: readonly TimedLayer[],
  { problem, backend }: { readonly problem: Problem; readonly backend: Backend },
  { rounds, ...timing }: SharePlan,
): Promise<Measurement | undefined> {
  const { shape, threads, m, mode, of, atLeast } = target;
  const layer = layers.find(({ kernel }) => target.kernel === undefined || kernel === target.kernel);
  const call = layer?.[mode];
  if (layer === undefined || call === undefined) return undefined;
  const { ceilings } = backend;
  const limit = () =>
    of === "dramRead"
      ? ceilings?.measureDramRead(threads, COLD_BYTE_LENGTH)
      : ceilings?.measureInt8Dot(threads, layer.kernel);
  const x = problem.x.subarray(0, m * shape[1]);
  const amount = of === "dramRead" ? layer.byteLength : 2 * m * shape[0] * shape[1];
  const rate = async (): Promise<number> => {
    const [microseconds] = await timeInTurns([() => call.run(x, m)], { ...timing, pauseMilliseconds: 0 });
    return (amount * call.products) / medianOf(microseconds) / 1e3;
  };
  const samples = await sharesBetween(limit, rate, rounds);
  if (samples === undefined) return undefined;
  const what = of === "dramRead" ? "of the bandwidth of memory" : `of the peak of ${layer.kernel}`;
  return {
    name: `${shape.join(" × ")}, M = ${m}, ${mode}, ${describeThreads(threads)}, ${what} (${layer.backend} ${layer.kernel})`,
    ...{ unit: "%", samples: samples.map((share) => 100 * share), target: { atLeast: 100 * atLeast } },
    method: "each sample between two measurements of the limit, against the higher one",
  };
}

/** Rates as shares of the higher of the limits before and after; undefined where there is no limit. */
export async function sharesBetween(
  limit: () => number | undefined,
  rate: () => Promise<number>,
  rounds: number,
): Promise<number[] | undefined> {
  let before = limit();
  const shares: number[] = [];
  for (let round = 0; round < rounds; round++) {
    if (before === undefined) return undefined;
    const found = await rate();
    const after = limit();
    if (after === undefined) return undefined;
    shares.push(found / Math.max(before, after));
    before = after;
  }
  return shares;
}
