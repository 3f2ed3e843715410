/**
 * Which kernel runs each layer of a model soonest when one token comes at a time, found by running them.
 *
 * From memory, a token costs what its weights take to arrive, and a kernel with a denser layout is the faster one, if the
 * processor decodes it in time; from a cache it is the slower one. Which of them holds depends on the processor, its memory,
 * the number of threads, and how much of the model the caches keep: so the layers of the whole model run in turn, as they will.
 */
import type { Backend } from "../backends/index.ts";
import type { PreparedOperation } from "./operation.ts";

/** Passes over the model; the first one fetches code and wakes threads. */
const PASSES = 6;

/**
 * Puts the fastest of the backend's kernels in the place of each layer for which another one than its best may be faster.
 *
 * @param prepared layers for the backend's best kernel; what is left over is disposed of
 * @param prepare makes one of them anew for another kernel
 */
export async function chooseKernels(
  prepared: PreparedOperation[],
  { denserKernels = [] }: Backend,
  prepare: (index: number, kernel: string) => PreparedOperation,
): Promise<void> {
  const places = [...prepared.keys()].filter((i) => prepared[i].runOneToken !== undefined);
  const variants: PreparedOperation[][] = [places.map((i) => prepared[i])];
  try {
    for (const kernel of denserKernels) {
      const variant: PreparedOperation[] = [];
      variants.push(variant);
      for (const i of places) variant.push(prepare(i, kernel));
    }
    const medians = await measure(variants);
    for (const [layer, place] of places.entries()) {
      const times = medians.map((ofVariant) => ofVariant[layer]);
      prepared[place] = variants[times.indexOf(Math.min(...times))][layer];
    }
  } finally {
    const kept = new Set(prepared);
    for (const operation of variants.flat()) if (!kept.has(operation)) operation[Symbol.dispose]?.();
  }
}

/** Milliseconds that each layer of each variant takes for a token, the median of several passes. */
async function measure(variants: readonly (readonly PreparedOperation[])[]): Promise<number[][]> {
  const times = variants.map((layers) => layers.map((): number[] => []));
  for (let pass = 0; pass < PASSES; pass++) {
    for (const [variant, layers] of variants.entries()) {
      for (const [layer, operation] of layers.entries()) {
        const start = performance.now();
        await operation.runOneToken?.();
        if (pass > 0) times[variant][layer].push(performance.now() - start);
      }
    }
  }
  return times.map((layers) => layers.map((values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]));
}
