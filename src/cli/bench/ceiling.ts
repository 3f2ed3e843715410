/** What the machine allows at most: what kernels are held against. */
import type { Backend } from "../../backends/index.ts";

/**
 * Bytes that the bandwidth of memory is measured on, and that the weights of cold runs have together: several times the
 * part of a last cache that one process gets to itself, so that they come from memory.
 */
export const COLD_BYTE_LENGTH: number = 256 * 2 ** 20;

/** Ceilings for a number of threads; null where no backend of this machine can measure them. */
export interface Ceiling {
  readonly threads: number;
  /** 10⁹ bytes per second, read from memory. */
  readonly dramReadGBps: number | null;
  /** 10⁹ operations per second of int8 dot products in registers, with the best instruction. */
  readonly int8DotGops: number | null;
  /** The same with the instruction of each kernel that has one. */
  readonly int8DotGopsOf: Readonly<Record<string, number>>;
}

/** Measures the ceilings, which takes a second or two. */
export function measureCeiling(backends: readonly Backend[], threads: number): Ceiling {
  const peaks: Record<string, number> = {};
  let dramReadGBps: number | undefined;
  for (const { ceilings, kernels } of backends) {
    dramReadGBps ??= ceilings?.measureDramRead(threads, COLD_BYTE_LENGTH);
    for (const kernel of kernels.filter((id) => peaks[id] === undefined)) {
      const peak = ceilings?.measureInt8Dot(threads, kernel);
      if (peak !== undefined) peaks[kernel] = peak;
    }
  }
  return ceilingOf(threads, dramReadGBps ?? null, peaks);
}

/** The higher of each figure: other programs can only lower what is measured. */
export function higherCeiling(one: Ceiling, other: Ceiling): Ceiling {
  const bandwidths = [one.dramReadGBps, other.dramReadGBps].filter((value) => value !== null);
  const peaks = { ...one.int8DotGopsOf };
  for (const [kernel, peak] of Object.entries(other.int8DotGopsOf)) peaks[kernel] = Math.max(peak, peaks[kernel] ?? 0);
  return ceilingOf(one.threads, bandwidths.length > 0 ? Math.max(...bandwidths) : null, peaks);
}

function ceilingOf(threads: number, dramReadGBps: number | null, peaks: Record<string, number>): Ceiling {
  const all = Object.values(peaks);
  return { threads, dramReadGBps, int8DotGops: all.length > 0 ? Math.max(...all) : null, int8DotGopsOf: peaks };
}
