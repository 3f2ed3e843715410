/**
 * AVX-512 VNNI over the dense layout, whose bytes VBMI takes apart: for one token and several threads, where the bandwidth of
 * memory is the limit, a fifth less to read is worth more than the tables cost.
 */
#include "../kernel.h"
#include "../small.h"
#include "target.h"

TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi,fma")
namespace bitlinear {

namespace {
constexpr Layout LAYOUT = Layout::dense;
}

#include "zmm.h"

namespace {

/** Bits 2·j and up of each byte hold digit j of four. */
constexpr uint8_t spread_digits(int number) {
  return static_cast<uint8_t>(number % 3 | number / 3 % 3 << 2 | number / 9 % 3 << 4 | number / 27 << 6);
}

/** What the lower six bits of a byte stand for. */
struct Tables {
  /** Four digits, where the upper two bits are the fifth digit. */
  alignas(64) uint8_t four[64];
  /** Four digits, and the fifth in bits 6 and 7, where the upper two bits are 3: the byte is 3·c + e, its rest 3·(c - 64) + e. */
  alignas(64) uint8_t large_four[64];
  alignas(64) uint8_t large_fifth[64];
};

constexpr Tables make_tables() {
  Tables tables = {};
  for (int rest = 0; rest < 64; rest++) {
    tables.four[rest] = spread_digits(rest);
    if (rest > 242 - 192) continue;
    tables.large_four[rest] = spread_digits(64 + rest / 3);
    tables.large_fifth[rest] = static_cast<uint8_t>(rest % 3 << 6);
  }
  return tables;
}

constexpr Tables TABLES = make_tables();

constexpr int PARTS = 5;

/** The permutations look at the lower six bits of each byte, and at nothing else. */
INLINE void unpack(__m512i bytes, __m512i (&parts)[PARTS]) {
  const __mmask64 is_large = _mm512_cmpge_epu8_mask(bytes, _mm512_set1_epi8(static_cast<char>(0xc0)));
  const __m512i four = _mm512_permutexvar_epi8(bytes, _mm512_load_si512(TABLES.four));
  const __m512i digits = _mm512_mask_permutexvar_epi8(four, is_large, bytes, _mm512_load_si512(TABLES.large_four));
  const __m512i fifth = _mm512_mask_permutexvar_epi8(bytes, is_large, bytes, _mm512_load_si512(TABLES.large_fifth));
  parts[0] = _mm512_and_si512(digits, _mm512_set1_epi8(0x03));
  parts[1] = _mm512_and_si512(digits, _mm512_set1_epi8(0x0c));
  parts[2] = _mm512_and_si512(digits, _mm512_set1_epi8(0x30));
  parts[3] = digits;
  parts[4] = _mm512_and_si512(fifth, _mm512_set1_epi8(static_cast<char>(0xc0)));
}

} // namespace

#include "zmm_tiles.h"

const Kernel avx512vbmi_kernel = {
    .id = "avx512vbmi",
    .needs = CPU_AVX512VNNI | CPU_AVX512VBMI,
    .layout = LAYOUT,
    .largest_magnitude = largest_magnitude,
    .quantize = quantize,
    .signs = signs,
    .sum = sum,
    .codes = {.tile_tokens = ByTokens<1, 2, 3, 4>::TILE_TOKENS,
              .multiply = ByTokens<1, 2, 3, 4>::codes,
              .joint_panels = JOINT_PANELS,
              .multiply_joint = multiply_joint},
    .floats = {.tile_tokens = ByTokens<1, 2, 3, 4>::TILE_TOKENS, .multiply = ByTokens<1, 2, 3, 4>::floats},
};

} // namespace bitlinear
TARGET_END
