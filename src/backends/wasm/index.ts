/** The WebAssembly backend: the C++ kernels in Node and in browsers, on several threads where they can share memory. */
import type { Backend, BackendOptions } from "../backend.ts";
import { checkGeometry, checkLayer } from "../layer-checks.ts";
import { threadCount } from "../thread-count.ts";
import { type Engine, openEngine, threadsOf } from "./engine.ts";
import { hasSimd } from "./features.ts";
import { WasmConvolution, WasmLinear } from "./layers.ts";

/**
 * The backend, or why this machine does not have it. Has one thread where threads cannot share memory: in pages that are not
 * isolated from other origins.
 *
 * @throws UsageError for a number of threads that is none
 */
export async function open(options: BackendOptions = {}): Promise<Backend | { unavailable: string }> {
  const threads = threadCount(options.threads);
  if (!hasSimd()) return { unavailable: "this JavaScript engine has no WebAssembly with SIMD" };
  try {
    return backendOver(await openEngine(threads));
  } catch (error) {
    return { unavailable: `its module does not load: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function backendOver(engine: Engine): Backend {
  const description = { id: "wasm", kernels: engine.kernels };
  return {
    ...description,
    /** Fewer than asked for once the system has refused some. */
    get threads() {
      return threadsOf(engine);
    },
    linear(planes, layer) {
      checkLayer(planes, layer, description);
      return new WasmLinear(engine, planes, { ...layer, kernel: layer.kernel ?? engine.kernels[0] });
    },
    convolution(planes, geometry, layer) {
      checkLayer(planes, layer, description);
      checkGeometry(planes, geometry);
      return new WasmConvolution(engine, planes, geometry, { ...layer, kernel: layer.kernel ?? engine.kernels[0] });
    },
  };
}
