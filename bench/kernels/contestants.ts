/** Who takes part: the kernels of our backends, and peers that are installed. */
import { type Backend, backends } from "../../src/backends/index.ts";
import { COLD_BYTE_LENGTH } from "../../src/cli/bench/ceiling.ts";
import { kernelLayer, type TimedLayer } from "../../src/cli/bench/timed-layer.ts";
import type { TernaryMatrix } from "../../src/core/ternary-matrix.ts";
import { type PeerKernel, peers } from "../peers/index.ts";

/** Those that can run here. */
export interface Contestants {
  /** Our backends, with each number of threads that they have. */
  readonly all: readonly Backend[];
  /** Those of them with that many. */
  backendsWith(threads: number): readonly Backend[];
  readonly peerKernels: readonly PeerKernel[];
  /** Who is missing, with the reason. */
  readonly absent: readonly string[];
}

/** Opens the backends for each number of threads, and the peers. */
export async function openContestants(threadCounts: readonly number[]): Promise<Contestants> {
  const absent: string[] = [];
  const opened: Backend[] = [];
  for (const { id, open } of backends) {
    for (const threads of threadCounts) {
      const backend = await open({ threads });
      if ("unavailable" in backend) absent.push(`backend ${id}: ${backend.unavailable}`);
      else if (backend.threads === threads) opened.push(backend);
      if ("unavailable" in backend) break;
    }
  }
  const peerKernels: PeerKernel[] = [];
  for (const { id, open } of peers) {
    const kernels = await open();
    if ("unavailable" in kernels) absent.push(`${id}: ${kernels.unavailable}`);
    else peerKernels.push(...kernels);
  }
  return {
    ...{ all: opened, peerKernels, absent },
    backendsWith: (threads) => opened.filter((backend) => backend.threads === threads),
  };
}

/** Layers of all contestants with that many threads, `coldKernels` of each with copies for cold runs. The caller disposes of them. */
export async function prepareLayers(
  contestants: Contestants,
  matrix: TernaryMatrix,
  threads: number,
  coldKernels: number,
): Promise<TimedLayer[]> {
  const coldByteLength = (index: number) => (index < coldKernels ? COLD_BYTE_LENGTH : 0);
  const layers = contestants
    .backendsWith(threads)
    .flatMap((backend) => backend.kernels.map((kernel, i) => kernelLayer(backend, kernel, matrix, coldByteLength(i))));
  for (const [i, peer] of contestants.peerKernels.entries()) {
    const layer = await peer.prepare(matrix, { threads, coldByteLength: coldByteLength(i) });
    if (layer !== undefined) layers.push(layer);
  }
  return layers;
}
