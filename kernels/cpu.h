/** What this processor can do (native builds only). */
#pragma once
#include "kernel.h"

namespace bitlinear {

/** Bits of `CpuFeature`. */
uint32_t cpu_features();

/** Whether a kernel can run here. */
inline bool is_supported(const Kernel& kernel) { return (kernel.needs & ~cpu_features()) == 0; }

/** The kernels of `kernels` that can run here, best first. */
struct KernelList {
  const Kernel* items[16];
  int32_t count;
};

/**
 * @param first the best kernel allowed (the value of BITLINEAR_ISA), so that a big machine tests the small paths; null for
 *   no limit
 * @returns an empty list when this build has no kernel `first`
 */
KernelList usable_kernels(const char* first);

} // namespace bitlinear
