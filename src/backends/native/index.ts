/** The native backend: C++ kernels for what the processor can do, in a Node addon, on threads of its own. */
import { UsageError } from "../../core/errors.ts";
import type { Backend, BackendOptions } from "../backend.ts";
import { checkGeometry, checkLayer } from "../layer-checks.ts";
import { coreCount, threadCount } from "../thread-count.ts";
import { type Addon, loadAddon } from "./addon.ts";
import { NativeConvolution, NativeLinear } from "./layers.ts";

/**
 * The backend, or why this machine does not have it.
 *
 * @throws UsageError for a number of threads that is none, or a BITLINEAR_ISA that is none
 */
export function open(options: BackendOptions = {}): Backend | { unavailable: string } {
  const threads = threadCount(options.threads);
  const addon = loadAddon();
  if ("unavailable" in addon) return addon;
  const kernels = usableKernels(addon);
  const denserKernels = kernels.filter((kernel) => addon.bitsPerWeight(kernel) < addon.bitsPerWeight(kernels[0]));
  const description = { id: "native", threads, kernels, denserKernels };
  const parallelism = Math.min(threads, coreCount());
  const choose = (kernel = description.kernels[0]) => ({ addon, threads, parallelism, kernel });
  return {
    ...description,
    ceilings: {
      measureDramRead: (count, byteLength) => addon.measureDramRead(count, byteLength) || undefined,
      measureInt8Dot: (count, kernel) => addon.measureInt8Dot(count, kernel) || undefined,
    },
    linear(planes, layer) {
      checkLayer(planes, layer, description);
      return new NativeLinear(planes, layer, choose(layer.kernel));
    },
    convolution(planes, geometry, layer) {
      checkLayer(planes, layer, description);
      checkGeometry(planes, geometry);
      return new NativeConvolution(planes, geometry, layer, choose(layer.kernel));
    },
  };
}

/** Best first, from the one that BITLINEAR_ISA names on. */
function usableKernels(addon: Addon): readonly string[] {
  const first = globalThis.process.env.BITLINEAR_ISA;
  const kernels = first ? addon.kernels(first) : addon.kernels();
  if (kernels.length > 0) return kernels;
  throw new UsageError(`BITLINEAR_ISA must be one of ${addon.kernels().join(", ")} on this machine, got ${first}`);
}
