/** AVX-VNNI: 256-bit registers, each lane an output. */
#include "../kernel.h"
#include "../small.h"
#include "target.h"

TARGET_BEGIN("avx2,fma")
namespace bitlinear {

#include "ymm.h"

namespace {

/**
 * Adds to each lane of `sums` its four unsigned bytes times the four signed `codes`. As an instruction, because compilers
 * that do not know AVX-VNNI have assemblers that do; {vex} keeps it from being an AVX-512 one.
 */
INLINE void add_products(__m256i& sums, __m256i bytes, __m256i codes) {
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums) : "x"(bytes), "x"(codes));
}

struct SumCodes {
  /** A byte masked with 3 · 4^j is 4^j · (trit + 1): below 2^31 in all, 128 · 127 · K for K ≤ 132,104. */
  static constexpr int QUARTER_SHIFT = 2;

  template <typename Part>
  static NOINLINE void sum(const uint8_t* weights, int32_t groups, const Tile& tile,
                           __m256i (&sums)[Part::TOKENS][EIGHTHS]) {
    constexpr int UNROLL = Part::SUMS < 8 ? 2 : 1; // few sums would not hide the latency of the products
    __m256i partial[UNROLL][Part::TOKENS][EIGHTHS];
#pragma GCC unroll 2
    for (int u = 0; u < UNROLL; u++)
#pragma GCC unroll 6
      for (int t = 0; t < Part::TOKENS; t++)
#pragma GCC unroll 8
        for (int i = 0; i < EIGHTHS; i++) partial[u][t][i] = _mm256_setzero_si256();

    const int8_t* codes = static_cast<const int8_t*>(tile.codes);
    for (int32_t group = 0; group < groups; group += UNROLL) {
#pragma GCC unroll 2
      for (int u = 0; u < UNROLL; u++, weights += GROUP_BYTES, codes += GROUP) {
        _mm_prefetch(weights + PREFETCH_DISTANCE, _MM_HINT_T0);
#pragma GCC unroll 2
        for (int half = Part::FIRST_HALF; half < Part::LAST_HALF; half++) {
          const __m256i bytes = load_half(weights, half);
          __m256i parts[4];
#pragma GCC unroll 4
          for (int j = Part::FIRST_QUARTER; j < Part::LAST_QUARTER; j++) {
            parts[j] = _mm256_and_si256(bytes, _mm256_set1_epi8(static_cast<char>(3 << 2 * j)));
          }
#pragma GCC unroll 6
          for (int t = 0; t < Part::TOKENS; t++) {
            const __m256i group_codes = broadcast_codes(codes + t * tile.stride);
#pragma GCC unroll 4
            for (int j = Part::FIRST_QUARTER; j < Part::LAST_QUARTER; j++) {
              add_products(partial[u][t][2 * j + half], parts[j], group_codes);
            }
          }
        }
      }
    }
#pragma GCC unroll 6
    for (int t = 0; t < Part::TOKENS; t++)
#pragma GCC unroll 8
      for (int i = 0; i < EIGHTHS; i++)
#pragma GCC unroll 2
        for (int u = 1; u < UNROLL; u++) partial[0][t][i] = _mm256_add_epi32(partial[0][t][i], partial[u][t][i]);
    copy_part<Part>(partial[0], sums);
  }
};

} // namespace

#include "ymm_tiles.h"

const Kernel avxvnni_kernel = {
    .id = "avxvnni",
    .needs = CPU_AVX2 | CPU_AVXVNNI,
    .layout = LAYOUT,
    .largest_magnitude = largest_magnitude,
    .quantize = quantize,
    .signs = signs,
    .sum = sum,
    .codes = CODES,
    .floats = FLOATS,
};

} // namespace bitlinear
TARGET_END
