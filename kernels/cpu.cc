#include "cpu.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace bitlinear {
namespace {

#if defined(__x86_64__)

/** AVX-VNNI by hand: not every compiler knows it by name. Called only where AVX2 is there, so leaf 7 is too. */
bool has_avxvnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1) != 0;
}

/**
 * AMX int8, and the leave of the operating system: tiles are so large that Linux saves them only for processes that asked for
 * them. Called only where AVX-512 is there.
 */
bool has_amx_int8() {
#if defined(__linux__)
  constexpr int ARCH_REQ_XCOMP_PERM = 0x1023;
  constexpr int XFEATURE_XTILEDATA = 18;
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool has_tiles = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 24 & 3) == 3; // tiles, and int8 products of them
  return has_tiles && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
  return false;
#endif
}

/** The compiler's run-time asks the operating system, too, whether it keeps the wide registers. */
uint32_t detect() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
  uint32_t features = CPU_AVX2;
  if (has_avxvnni()) features |= CPU_AVXVNNI;
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (has_avx512 && __builtin_cpu_supports("avx512vnni")) features |= CPU_AVX512VNNI;
  if ((features & CPU_AVX512VNNI) && has_amx_int8()) features |= CPU_AMX_INT8;
  if (has_avx512 && __builtin_cpu_supports("avx512vbmi")) features |= CPU_AVX512VBMI;
  return features;
}

#elif defined(__aarch64__) && defined(__linux__)

/** Bits of the auxiliary vector, which older headers do not name. */
uint32_t detect() {
  constexpr unsigned long ASIMDDP = 1ul << 20;
  constexpr unsigned long I8MM = 1ul << 13;
  uint32_t features = CPU_NEON;
  if (getauxval(AT_HWCAP) & ASIMDDP) features |= CPU_NEON_DOT;
  if (getauxval(AT_HWCAP2) & I8MM) features |= CPU_NEON_I8MM;
  return features;
}

#elif defined(__aarch64__) && defined(__APPLE__)

bool has(const char* name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}

uint32_t detect() {
  uint32_t features = CPU_NEON;
  if (has("hw.optional.arm.FEAT_DotProd")) features |= CPU_NEON_DOT;
  if (has("hw.optional.arm.FEAT_I8MM")) features |= CPU_NEON_I8MM;
  return features;
}

#elif defined(__aarch64__)
uint32_t detect() { return CPU_NEON; }
#else
uint32_t detect() { return 0; }
#endif

} // namespace

uint32_t cpu_features() {
  static const uint32_t features = detect();
  return features;
}

KernelList usable_kernels(const char* first) {
  KernelList list = {};
  bool is_allowed = first == nullptr;
  for (const Kernel* const* kernel = kernels; *kernel; kernel++) {
    is_allowed = is_allowed || strcmp((*kernel)->id, first) == 0;
    if (is_allowed && is_supported(**kernel)) list.items[list.count++] = *kernel;
  }
  return list;
}

} // namespace bitlinear
