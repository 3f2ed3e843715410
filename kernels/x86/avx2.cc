/** AVX2 without VNNI: products of bytes are added in pairs to 16-bit numbers, and those widened before they overflow. */
#include "../kernel.h"
#include "../small.h"
#include "target.h"

TARGET_BEGIN("avx2,fma")
namespace bitlinear {

#include "ymm.h"

namespace {

/** Groups whose sums fit 16 bits: a pair of products is at most 2 · 2 · 127 = 508 in magnitude, and 64 · 508 = 32,512. */
constexpr int32_t BLOCK_GROUPS = 64;

/**
 * Adds to each 16-bit lane of `sums` its two unsigned bytes times the two signed `codes`. As instructions, not intrinsics:
 * else both compilers move sums of the inner loop about, for want of a register.
 */
INLINE void add_products(__m256i& sums, __m256i bytes, __m256i codes) {
  __m256i products;
  __asm__("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0" : "+x"(sums), "=&x"(products) : "x"(bytes), "x"(codes));
}

struct SumCodes {
  static constexpr int QUARTER_SHIFT = 0;

  template <typename Part>
  static NOINLINE void sum(const uint8_t* weights, int32_t groups, const Tile& tile,
                           __m256i (&sums)[Part::TOKENS][EIGHTHS]) {
    const int8_t* codes = static_cast<const int8_t*>(tile.codes);
    for (int32_t begin = 0; begin < groups; begin += BLOCK_GROUPS) {
      const int32_t count = min(BLOCK_GROUPS, groups - begin);
      sum_block<Part>(weights, count, codes, tile.stride, begin == 0, sums);
      weights += BLOCK_GROUPS * GROUP_BYTES;
      codes += BLOCK_GROUPS * GROUP;
    }
  }

private:
  template <typename Part>
  static INLINE void sum_block(const uint8_t* weights, int32_t groups, const int8_t* codes, size_t stride, bool is_first,
                               __m256i (&sums)[Part::TOKENS][EIGHTHS]) {
    __m256i partial[Part::TOKENS][EIGHTHS];
#pragma GCC unroll 6
    for (int t = 0; t < Part::TOKENS; t++)
#pragma GCC unroll 8
      for (int i = 0; i < EIGHTHS; i++) partial[t][i] = _mm256_setzero_si256();

    for (int32_t group = 0; group < groups; group++, weights += GROUP_BYTES, codes += GROUP) {
      _mm_prefetch(weights + PREFETCH_DISTANCE, _MM_HINT_T0);
#pragma GCC unroll 2
      for (int half = Part::FIRST_HALF; half < Part::LAST_HALF; half++) {
        const __m256i bytes = load_half(weights, half);
        __m256i parts[4]; // trits plus 1; what a shift of 16-bit numbers brings in from a neighbour is masked away
#pragma GCC unroll 4
        for (int j = Part::FIRST_QUARTER; j < Part::LAST_QUARTER; j++) {
          parts[j] = _mm256_and_si256(_mm256_srli_epi16(bytes, 2 * j), _mm256_set1_epi8(3));
        }
#pragma GCC unroll 6
        for (int t = 0; t < Part::TOKENS; t++) {
          const __m256i group_codes = broadcast_codes(codes + t * stride);
#pragma GCC unroll 4
          for (int j = Part::FIRST_QUARTER; j < Part::LAST_QUARTER; j++) {
            add_products(partial[t][2 * j + half], parts[j], group_codes);
          }
        }
      }
    }
    const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 6
    for (int t = 0; t < Part::TOKENS; t++)
#pragma GCC unroll 2
      for (int half = Part::FIRST_HALF; half < Part::LAST_HALF; half++)
#pragma GCC unroll 4
        for (int j = Part::FIRST_QUARTER; j < Part::LAST_QUARTER; j++) {
          __m256i& sum = sums[t][2 * j + half];
          const __m256i wide = _mm256_madd_epi16(partial[t][2 * j + half], ones);
          sum = is_first ? wide : _mm256_add_epi32(sum, wide);
        }
  }
};

} // namespace

#include "ymm_tiles.h"

const Kernel avx2_kernel = {
    .id = "avx2",
    .needs = CPU_AVX2,
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
