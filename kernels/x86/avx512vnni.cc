/** AVX-512 VNNI: 512-bit registers, each lane an output. */
#include "../kernel.h"
#include "../small.h"
#include "target.h"

TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")
namespace bitlinear {

namespace {
constexpr Layout LAYOUT = Layout::two_bit;
}

#include "zmm.h"

namespace {

/** Registers of sums per token: 16 outputs each. */
constexpr int QUARTERS = 4;

/** Bytes of weights between what is read and what is fetched ahead, for one token: there memory is the limit. */
constexpr int PREFETCH_DISTANCE = 4096;

/** Adds to each lane of `sums` its four unsigned bytes times the four signed `codes`. */
INLINE void add_products(__m512i& sums, __m512i bytes, __m512i codes) {
  // As an instruction, not an intrinsic: with the intrinsic g++ 12 moves the sums of the inner loop through the stack.
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(bytes), "v"(codes));
}

/** sum + a · b in each lane; an instruction for the same reason. */
INLINE void add_product(__m512& sum, __m512 a, __m512 b) {
  __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}

INLINE __m512i broadcast_codes(const int8_t* codes) {
  int32_t group;
  __builtin_memcpy(&group, codes, sizeof group);
  return _mm512_set1_epi32(group);
}

/**
 * Sums of one plane: `sums[t][j]` = 4^j · Σ (trit + 1) · code for token t and outputs 16·j to 16·j + 15.
 *
 * A byte masked with 3 · 4^j is 4^j · (trit + 1), and the byte itself is the sum of its four masked parts. So the unmasked
 * product minus the three masked ones is the fourth, which saves an instruction. Sums wrap around at 2^32, which is no harm:
 * the results are below 2^31 in magnitude (128 · 127 · K for K ≤ 132,104), and differences modulo 2^32 are exact.
 *
 * UNROLL groups at once where few tokens have too few independent sums to hide the latency of the products.
 */
template <int TOKENS, int UNROLL>
INLINE void sum_plane(const uint8_t* weights, int32_t groups, const Tile& tile, __m512i (&sums)[TOKENS][QUARTERS]) {
  const __m512i mask0 = _mm512_set1_epi8(0x03), mask1 = _mm512_set1_epi8(0x0c), mask2 = _mm512_set1_epi8(0x30);
  __m512i partial[UNROLL][TOKENS][QUARTERS];
#pragma GCC unroll 4
  for (int u = 0; u < UNROLL; u++)
#pragma GCC unroll 6
    for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 4
      for (int j = 0; j < QUARTERS; j++) partial[u][t][j] = _mm512_setzero_si512();

  // Two pointers reach all rows with one addition in the address: the compilers would have an addition apiece.
  const int8_t* rows[2] = {static_cast<const int8_t*>(tile.codes), static_cast<const int8_t*>(tile.codes) + 3 * tile.stride};
  const uint8_t* end = weights + static_cast<size_t>(groups) * GROUP_BYTES;
  for (; weights != end; weights += UNROLL * GROUP_BYTES) {
    __asm__("" : "+r"(rows[0]), "+r"(rows[1]));
#pragma GCC unroll 4
    for (int u = 0; u < UNROLL; u++) {
      const __m512i bytes = _mm512_load_si512(weights + u * GROUP_BYTES);
      if (TOKENS == 1) _mm_prefetch(weights + u * GROUP_BYTES + PREFETCH_DISTANCE, _MM_HINT_T0);
      const __m512i part0 = _mm512_and_si512(bytes, mask0);
      const __m512i part1 = _mm512_and_si512(bytes, mask1);
      const __m512i part2 = _mm512_and_si512(bytes, mask2);
#pragma GCC unroll 6
      for (int t = 0; t < TOKENS; t++) {
        const __m512i group_codes = broadcast_codes(rows[t / 3] + t % 3 * tile.stride + u * GROUP);
        add_products(partial[u][t][0], part0, group_codes);
        add_products(partial[u][t][1], part1, group_codes);
        add_products(partial[u][t][2], part2, group_codes);
        add_products(partial[u][t][3], bytes, group_codes);
      }
    }
    rows[0] += UNROLL * GROUP;
    rows[1] += UNROLL * GROUP;
  }
#pragma GCC unroll 6
  for (int t = 0; t < TOKENS; t++) {
#pragma GCC unroll 4
    for (int j = 0; j < QUARTERS; j++) {
      sums[t][j] = partial[0][t][j];
#pragma GCC unroll 4
      for (int u = 1; u < UNROLL; u++) sums[t][j] = _mm512_add_epi32(sums[t][j], partial[u][t][j]);
    }
    const __m512i masked = _mm512_add_epi32(_mm512_add_epi32(sums[t][0], sums[t][1]), sums[t][2]);
    sums[t][3] = _mm512_sub_epi32(sums[t][3], masked);
  }
}

template <int TOKENS>
void multiply_codes(const Panel& panel, const Tile& tile) {
  constexpr int UNROLL = TOKENS == 1 ? 4 : TOKENS == 2 ? 2 : 1;
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    const uint8_t* weights = panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES;
    __m512i sums[TOKENS][QUARTERS];
    sum_plane<TOKENS, UNROLL>(weights, panel.groups, tile, sums);
#pragma GCC unroll 1
    for (int t = 0; t < TOKENS; t++) {
      const __m512i zero_point = _mm512_set1_epi32(tile.sums[t]);
#pragma GCC unroll 4
      for (int j = 0; j < QUARTERS; j++) {
        const __m512i exact = _mm512_sub_epi32(_mm512_srai_epi32(sums[t][j], 2 * j), zero_point);
        finish_outputs(panel, tile, plane, t, 16 * j, _mm512_cvtepi32_ps(exact));
      }
    }
  }
}

/** Sums of one plane for float codes: `sums[t][j]` = Σ trit · code. */
template <int TOKENS>
INLINE void sum_plane_floats(const uint8_t* weights, int32_t groups, const Tile& tile, __m512 (&sums)[TOKENS][QUARTERS]) {
  // The permutation looks at the lowest four bits of a lane: two of the trit, two of its neighbour.
  const __m512 trits = _mm512_setr_ps(-1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0);
  __m512 partial[TOKENS][QUARTERS];
#pragma GCC unroll 6
  for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 4
    for (int j = 0; j < QUARTERS; j++) partial[t][j] = _mm512_setzero_ps();

  const float* codes = static_cast<const float*>(tile.codes);
  const size_t stride = tile.stride / sizeof(float);
  for (int32_t group = 0; group < groups; group++, weights += GROUP_BYTES, codes += GROUP) {
    const __m512i bytes = _mm512_load_si512(weights);
#pragma GCC unroll 4
    for (int i = 0; i < GROUP; i++) {
      __m512 quarters[QUARTERS];
#pragma GCC unroll 4
      for (int j = 0; j < QUARTERS; j++) {
        quarters[j] = _mm512_permutexvar_ps(_mm512_srli_epi32(bytes, static_cast<unsigned>(8 * i + 2 * j)), trits);
      }
#pragma GCC unroll 6
      for (int t = 0; t < TOKENS; t++) {
        const __m512 code = _mm512_set1_ps(codes[t * stride + i]);
#pragma GCC unroll 4
        for (int j = 0; j < QUARTERS; j++) add_product(partial[t][j], quarters[j], code);
      }
    }
  }
#pragma GCC unroll 6
  for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 4
    for (int j = 0; j < QUARTERS; j++) sums[t][j] = partial[t][j];
}

template <int TOKENS>
void multiply_floats(const Panel& panel, const Tile& tile) {
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    const uint8_t* weights = panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES;
    __m512 sums[TOKENS][QUARTERS];
    sum_plane_floats<TOKENS>(weights, panel.groups, tile, sums);
#pragma GCC unroll 1
    for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 4
      for (int j = 0; j < QUARTERS; j++) finish_outputs(panel, tile, plane, t, 16 * j, sums[t][j]);
  }
}

int32_t sum(const int8_t* codes, size_t count) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i total = _mm512_setzero_si512();
  for (size_t i = 0; i < count; i += 64) {
    const __mmask64 bytes = count - i >= 64 ? ~0ull : (1ull << (count - i)) - 1;
    add_products(total, ones, _mm512_maskz_loadu_epi8(bytes, codes + i));
  }
  return _mm512_reduce_add_epi32(total);
}

using MultiplyTile = void (*)(const Panel&, const Tile&);

constexpr MultiplyTile BY_TOKENS_CODES[] = {multiply_codes<1>, multiply_codes<2>, multiply_codes<3>,
                                            multiply_codes<4>, multiply_codes<5>, multiply_codes<6>};
constexpr MultiplyTile BY_TOKENS_FLOATS[] = {multiply_floats<1>, multiply_floats<2>, multiply_floats<3>,
                                             multiply_floats<4>, multiply_floats<5>, multiply_floats<6>};

} // namespace

const Kernel avx512vnni_kernel = {
    .id = "avx512vnni",
    .needs = CPU_AVX512VNNI,
    .layout = LAYOUT,
    .largest_magnitude = largest_magnitude,
    .quantize = quantize,
    .signs = signs,
    .sum = sum,
    .codes = {.tile_tokens = 6,
              .multiply = [](const Panel& panel, const Tile& tile) { BY_TOKENS_CODES[tile.tokens - 1](panel, tile); }},
    .floats = {.tile_tokens = 6,
               .multiply = [](const Panel& panel, const Tile& tile) { BY_TOKENS_FLOATS[tile.tokens - 1](panel, tile); }},
};

} // namespace bitlinear
TARGET_END
