#include "kernel.h"

namespace bitlinear {

#define KERNEL(id) &id##_kernel,
const Kernel* const kernels[] = {
#include "kernels.def"
    nullptr,
};
#undef KERNEL

} // namespace bitlinear
