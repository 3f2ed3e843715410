/** The figures of one kernel at one size. */
import type { Ceiling } from "./ceiling.ts";
import type { LayerShape } from "./problem.ts";
import type { Mode, TimedLayer } from "./timed-layer.ts";
import { medianOf } from "./timing.ts";

/** How long one product takes: `[m, k]` · `[n, k]`ᵀ, float32 in and float32 out. */
export interface KernelRecord {
  readonly kernel: string;
  readonly backend: string;
  readonly threads: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly mode: Mode;
  /** Median of the samples. */
  readonly microseconds: number;
  /** Smallest and largest sample. */
  readonly spread: readonly [number, number];
  readonly sampleCount: number;
  /** 10⁹ operations per second, 2·m·n·k of them. */
  readonly gops: number;
  /** 10⁹ bytes of weights per second, each counted once per product. */
  readonly packedGBps: number;
  /** What it is held against: the bandwidth of memory where one token meets cold weights, else the peak of int8 products. */
  readonly ceiling: "dramRead" | "int8Dot";
  readonly shareOfCeiling: number | null;
  /** The same against the peak of the kernel's own instruction, where the machine has better ones. */
  readonly shareOfOwnPeak: number | null;
  /** Bytes of the weights as the kernel reads them. */
  readonly byteLength: number;
}

/** What was timed. */
export interface TimedProduct {
  readonly layer: Pick<TimedLayer, "backend" | "kernel" | "threads" | "byteLength">;
  readonly shape: LayerShape;
  readonly m: number;
  readonly mode: Mode;
  /** Microseconds of a product. */
  readonly samples: readonly number[];
}

/** Works out the figures. */
export function kernelRecord({ layer, shape: [n, k], m, mode, samples }: TimedProduct, against: Ceiling): KernelRecord {
  const { kernel, backend, threads, byteLength } = layer;
  const microseconds = medianOf(samples);
  const gops = (2 * m * n * k) / microseconds / 1e3;
  const packedGBps = byteLength / microseconds / 1e3;
  const isMemoryBound = m === 1 && mode === "cold";
  return {
    ...{ kernel, backend, threads, m, n, k, mode, microseconds },
    spread: [Math.min(...samples), Math.max(...samples)],
    sampleCount: samples.length,
    ...{ gops, packedGBps },
    ceiling: isMemoryBound ? "dramRead" : "int8Dot",
    shareOfCeiling: isMemoryBound ? share(packedGBps, against.dramReadGBps) : share(gops, against.int8DotGops),
    shareOfOwnPeak: isMemoryBound ? null : share(gops, against.int8DotGopsOf[kernel]),
    byteLength,
  };
}

function share(value: number, ceiling: number | null | undefined): number | null {
  return ceiling === null || ceiling === undefined ? null : value / ceiling;
}
