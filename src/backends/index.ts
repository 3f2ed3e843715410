/** The backends, best first: the only place that names them. */
import { UnsupportedError } from "../core/errors.ts";
import type { Backend, BackendEntry, BackendOptions } from "./backend.ts";

export type {
  Backend,
  BackendConvolution,
  BackendEntry,
  BackendLinear,
  BackendOptions,
  ConvolutionGeometry,
  HardwareCeilings,
  LayerOptions,
  OutputFunction,
} from "./backend.ts";

/** Every backend there is; `open()` tells whether this machine has it. */
export const backends: readonly BackendEntry[] = [
  {
    id: "native",
    summary: "C++ kernels in a Node addon, with threads of its own",
    open: async (options) => (await import("./native/index.ts")).open(options),
  },
  {
    id: "wasm",
    summary: "the same kernels in WebAssembly, in Node and in browsers",
    open: async (options) => (await import("./wasm/index.ts")).open(options),
  },
  {
    id: "reference",
    summary: "plain TypeScript loops, on every machine: the definition of correct",
    open: async () => (await import("./reference/index.ts")).open(),
  },
];

/**
 * Opens a backend by name, or the best one of this machine.
 *
 * @throws UnsupportedError when the name is unknown or the backend cannot run here, with the reason; UsageError for a number
 * of threads that is none
 */
export async function openBackend(id?: string, options: BackendOptions = {}): Promise<Backend> {
  const candidates = id === undefined ? backends : backends.filter((entry) => entry.id === id);
  if (candidates.length === 0) {
    throw new UnsupportedError(
      `there is no backend ${JSON.stringify(id)}; choose one of: ${backends.map((entry) => entry.id).join(", ")}`,
    );
  }
  const reasons: string[] = [];
  for (const entry of candidates) {
    const opened = await entry.open(options);
    if (!("unavailable" in opened)) return opened;
    reasons.push(`${entry.id}: ${opened.unavailable}`);
  }
  throw new UnsupportedError(`no backend can run here (${reasons.join("; ")})`);
}
