/** What the hardware allows at most: what benches hold the kernels against. */
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace bitlinear {

/**
 * GB/s (10^9 bytes) at which `threads` threads together read `byte_length` bytes of memory, each a part of its own from
 * start to end: the best of several passes. Comes from memory only where it is several times the last cache. Returns 0 when
 * there is not that much memory, or less than half a MiB for a thread.
 */
double measure_dram_read(int32_t threads, size_t byte_length);

/**
 * The most GOP/s (10^9 operations; a product and its addition are two) that `threads` threads together reach with the
 * instruction that multiplies the int8 codes of a kernel, on registers alone. Returns 0 for a kernel that has no such
 * instruction, cannot run here or is none, or when there is no thread.
 */
double measure_int8_dot(int32_t threads, const char* kernel);

} // namespace bitlinear
