/** NEON with dot products (FEAT_DotProd): `sdot` adds four products of bytes to each lane, a lane an output. */
#include "encode.h"
#include "floats.h"
#include "tile.h"

/** Functions that are called only where the processor has the instructions. */
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))

namespace bitlinear {
namespace {

using namespace arm;

/**
 * Adds bytes · word `lane` of `codes` to each lane of `sums`. As instructions: with the intrinsics g++ 12 copies sums from
 * register to register, or to the stack.
 */
INLINE TARGET void add_products(int32x4_t& sums, int8x16_t bytes, int8x16_t codes, int lane) {
  switch (lane) {
  case 0: __asm__("sdot %0.4s, %1.16b, %2.4b[0]" : "+w"(sums) : "w"(bytes), "w"(codes)); break;
  case 1: __asm__("sdot %0.4s, %1.16b, %2.4b[1]" : "+w"(sums) : "w"(bytes), "w"(codes)); break;
  case 2: __asm__("sdot %0.4s, %1.16b, %2.4b[2]" : "+w"(sums) : "w"(bytes), "w"(codes)); break;
  default: __asm__("sdot %0.4s, %1.16b, %2.4b[3]" : "+w"(sums) : "w"(bytes), "w"(codes)); break;
  }
}

/** Digit d times 4^d for d < 3. The last one is shifted: where it is, 2 · 64 would be read as -128. */
INLINE TARGET int8x16_t scaled_digit(uint8x16_t bytes, int d) {
  const uint8x16_t digit = d < 3 ? vandq_u8(bytes, vdupq_n_u8(static_cast<uint8_t>(3 << 2 * d))) : vshrq_n_u8(bytes, 6);
  return vreinterpretq_s8_u8(digit);
}

/** `AT_ONCE` quarters and digits FIRST to LAST - 1 of a block, in registers: at most 24 of sums. */
template <int TOKENS, int AT_ONCE, int FIRST, int LAST>
INLINE TARGET void multiply_quarters(const uint8_t* weights, const uint8_t* codes, int32_t groups, int32_t* sums) {
  int32x4_t partial[AT_ONCE][LAST - FIRST][TOKENS] = {};
  for (; groups > 0; groups -= 4) {
#pragma GCC unroll 4
    for (int group = 0; group < 4; group++) {
#pragma GCC unroll 4
      for (int q = 0; q < AT_ONCE; q++) {
        const uint8x16_t bytes = vld1q_u8(weights + group * GROUP_BYTES + q * QUARTER_BYTES);
#pragma GCC unroll 4
        for (int d = FIRST; d < LAST; d++) {
          const int8x16_t digit = scaled_digit(bytes, d);
#pragma GCC unroll 12
          for (int t = 0; t < TOKENS; t++) {
            const int word = group * TOKENS + t; // four to a register
            const int8x16_t words = vreinterpretq_s8_u8(vld1q_u8(codes + word / 4 * 16));
            add_products(partial[q][d - FIRST][t], digit, words, word % 4);
          }
        }
      }
    }
    weights += 4 * GROUP_BYTES;
    codes += 4 * GROUP * TOKENS;
  }

#pragma GCC unroll 4
  for (int q = 0; q < AT_ONCE; q++)
#pragma GCC unroll 4
    for (int d = FIRST; d < LAST; d++)
#pragma GCC unroll 12
      for (int t = 0; t < TOKENS; t++) {
        int32_t* to = sums + t * OUTPUTS + d * LANES + q * 4;
        vst1q_s32(to, vaddq_s32(vld1q_s32(to), partial[q][d - FIRST][t]));
      }
}

/** The first USED digits of all quarters. */
template <int USED, int TOKENS>
TARGET void multiply_block(const uint8_t* weights, const uint8_t* codes, int32_t groups, int32_t* sums) {
  constexpr int AT_ONCE = USED == 1 ? quarters_at_once(TOKENS, 1, 4) : TOKENS <= 2 ? 4 : TOKENS <= 6 ? 2 : 1;
#pragma GCC unroll 1
  for (int q = 0; q < QUARTERS; q += AT_ONCE) {
    if constexpr (TOKENS == 1 || USED <= 2) {
      multiply_quarters<TOKENS, AT_ONCE, 0, USED>(weights, codes, groups, sums);
    } else {
      multiply_quarters<TOKENS, AT_ONCE, 0, 2>(weights, codes, groups, sums);
      multiply_quarters<TOKENS, AT_ONCE, 2, USED>(weights, codes, groups, sums);
    }
    weights += AT_ONCE * QUARTER_BYTES;
    sums += AT_ONCE * 4;
  }
}

template <int USED>
constexpr MultiplyBlock<int32_t> BLOCKS[] = {multiply_block<USED, 1>, multiply_block<USED, 2>,  multiply_block<USED, 3>,
                                             multiply_block<USED, 4>, multiply_block<USED, 5>,  multiply_block<USED, 6>,
                                             multiply_block<USED, 7>, multiply_block<USED, 8>,  multiply_block<USED, 9>,
                                             multiply_block<USED, 10>, multiply_block<USED, 11>, multiply_block<USED, 12>};

struct DotProduct {
  using Code = int8_t;
  using Sum = int32_t;
  static constexpr size_t WORD = GROUP;
  static constexpr int32_t TILE_TOKENS = 12;
  static constexpr const MultiplyBlock<Sum>* blocks[] = {BLOCKS<1>, BLOCKS<2>, BLOCKS<3>, BLOCKS<DIGITS>};

  /** Sums are at most 32 · 2 · 127 · K < 2^31 in magnitude; a shift by a negative number goes to the right. */
  static float32x4_t outputs(const int32_t* sums, int32_t o, int32_t zero_point) {
    const int32_t digit = o / LANES;
    const int32x4_t shift = vdupq_n_s32(digit < 3 ? -2 * digit : 0);
    return vcvtq_f32_s32(vsubq_s32(vshlq_s32(vld1q_s32(sums + o), shift), vdupq_n_s32(zero_point)));
  }
};

} // namespace

const Kernel neondot_kernel = {
    .id = "neondot",
    .needs = CPU_NEON_DOT,
    .layout = Layout::two_bit,
    .largest_magnitude = largest_magnitude,
    .quantize = quantize,
    .signs = signs,
    .sum = sum,
    .codes = MULTIPLY<DotProduct>,
    .floats = FLOATS,
};

} // namespace bitlinear
