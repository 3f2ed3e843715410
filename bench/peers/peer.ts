/** What others offer for the same product: the contract of every peer. */
import type { TimedLayer } from "../../src/cli/bench/timed-layer.ts";
import type { TernaryMatrix } from "../../src/core/ternary-matrix.ts";

/** How a peer prepares a layer. */
export interface PeerOptions {
  readonly threads: number;
  /** Bytes that the copies for cold runs have together; 0 for warm runs only. */
  readonly coldByteLength: number;
}

/** A way in which a peer computes the product. */
export interface PeerKernel {
  readonly id: string;
  /** @returns the layer, or undefined for a number of threads that it does not have */
  prepare(matrix: TernaryMatrix, options: PeerOptions): Promise<TimedLayer | undefined>;
}

/** A package of `bench/peers`. */
export interface Peer {
  readonly id: string;
  /** Its kernels, or why it cannot be compared with here. */
  open(): Promise<readonly PeerKernel[] | { readonly unavailable: string }>;
}
