/**
 * NEON with matrix products (FEAT_I8MM), unsigned times signed: `usmmla` multiplies two outputs with two tokens, eight codes
 * each, twice the products of `usdot`, which serves single tokens.
 */
#include "encode.h"
#include "floats.h"
#include "tile.h"

/** Functions that are called only where the processor has the instructions. */
#define TARGET __attribute__((target("arch=armv8.2-a+i8mm")))

namespace bitlinear {
namespace {

using namespace arm;

/** Groups whose codes are one row of a matrix product. */
constexpr int PAIR = 2;

/**
 * Bytes masked with 3 · 4^d are 4^d · (trit + 1), and bytes are the sums of their four masked parts. So the last part need
 * not be masked: what unmasked bytes sum up to, minus the other three sums, is its sum.
 */
INLINE TARGET uint8x16_t masked(uint8x16_t bytes, int d) {
  return d == DIGITS - 1 ? bytes : vandq_u8(bytes, vdupq_n_u8(static_cast<uint8_t>(3 << 2 * d)));
}

/**
 * Adds bytes · word `lane` of `codes` to each lane of `sums`. As instructions: with the intrinsics g++ 12 copies sums from
 * register to register, or to the stack.
 */
INLINE TARGET void add_products(int32x4_t& sums, uint8x16_t bytes, int8x16_t codes, int lane) {
  switch (lane) {
  case 0: __asm__("usdot %0.4s, %1.16b, %2.4b[0]" : "+w"(sums) : "w"(bytes), "w"(codes)); break;
  case 1: __asm__("usdot %0.4s, %1.16b, %2.4b[1]" : "+w"(sums) : "w"(bytes), "w"(codes)); break;
  case 2: __asm__("usdot %0.4s, %1.16b, %2.4b[2]" : "+w"(sums) : "w"(bytes), "w"(codes)); break;
  default: __asm__("usdot %0.4s, %1.16b, %2.4b[3]" : "+w"(sums) : "w"(bytes), "w"(codes)); break;
  }
}

/** Adds to `sums`, of two outputs with two tokens each, the products of eight bytes and eight codes. */
INLINE TARGET void add_matrix_product(int32x4_t& sums, uint8x16_t bytes, int8x16_t codes) {
  __asm__("usmmla %0.4s, %1.16b, %2.16b" : "+w"(sums) : "w"(bytes), "w"(codes));
}

/** Sums may wrap around. */
INLINE void add_to(uint32_t* sums, uint32x4_t partial) { vst1q_u32(sums, vaddq_u32(vld1q_u32(sums), partial)); }

/** The first USED digits of all quarters, for one token. */
template <int USED>
TARGET void multiply_block_by_one(const uint8_t* weights, const uint8_t* codes, int32_t groups, uint32_t* sums) {
  int32x4_t partial[QUARTERS][USED] = {};
  for (; groups > 0; groups -= 4) {
    const int8x16_t words = vreinterpretq_s8_u8(vld1q_u8(codes));
#pragma GCC unroll 4
    for (int group = 0; group < 4; group++) {
#pragma GCC unroll 4
      for (int q = 0; q < QUARTERS; q++) {
        const uint8x16_t bytes = vld1q_u8(weights + group * GROUP_BYTES + q * QUARTER_BYTES);
#pragma GCC unroll 4
        for (int d = 0; d < USED; d++) add_products(partial[q][d], masked(bytes, d), words, group);
      }
    }
    weights += 4 * GROUP_BYTES;
    codes += 4 * GROUP;
  }
#pragma GCC unroll 4
  for (int q = 0; q < QUARTERS; q++)
#pragma GCC unroll 4
    for (int d = 0; d < USED; d++) add_to(sums + d * LANES + q * 4, vreinterpretq_u32_s32(partial[q][d]));
}

/** Eight codes of tokens `t` and `t + 1`; zeros for the second one where there is none. */
template <int TOKENS>
INLINE TARGET int8x16_t codes_of_two(const uint8_t* codes, int t) {
  const uint8_t* from = codes + t * PAIR * GROUP;
  return vreinterpretq_s8_u8(t + 1 < TOKENS ? vld1q_u8(from) : vcombine_u8(vld1_u8(from), vdup_n_u8(0)));
}

/** `AT_ONCE` quarters and digits FIRST to LAST - 1 of a block, in registers: at most 24 of sums. */
template <int TOKENS, int AT_ONCE, int FIRST, int LAST>
INLINE TARGET void multiply_quarters(const uint8_t* weights, const uint8_t* codes, int32_t groups, uint32_t* sums) {
  // The first two of four lanes, and the last two: each with tokens t and t + 1.
  int32x4_t first[AT_ONCE][LAST - FIRST][(TOKENS + 1) / 2] = {};
  int32x4_t last[AT_ONCE][LAST - FIRST][(TOKENS + 1) / 2] = {};
  for (; groups > 0; groups -= PAIR) {
#pragma GCC unroll 4
    for (int q = 0; q < AT_ONCE; q++) {
      const uint32x4_t group = vreinterpretq_u32_u8(vld1q_u8(weights + q * QUARTER_BYTES));
      const uint32x4_t next = vreinterpretq_u32_u8(vld1q_u8(weights + q * QUARTER_BYTES + GROUP_BYTES));
      const uint8x16_t first_bytes = vreinterpretq_u8_u32(vzip1q_u32(group, next));
      const uint8x16_t last_bytes = vreinterpretq_u8_u32(vzip2q_u32(group, next));
#pragma GCC unroll 6
      for (int t = 0; t < TOKENS; t += 2) {
        const int8x16_t two = codes_of_two<TOKENS>(codes, t);
#pragma GCC unroll 4
        for (int d = FIRST; d < LAST; d++) {
          add_matrix_product(first[q][d - FIRST][t / 2], masked(first_bytes, d), two);
          add_matrix_product(last[q][d - FIRST][t / 2], masked(last_bytes, d), two);
        }
      }
    }
    weights += PAIR * GROUP_BYTES;
    codes += PAIR * GROUP * TOKENS;
  }

#pragma GCC unroll 4
  for (int q = 0; q < AT_ONCE; q++)
#pragma GCC unroll 4
    for (int d = FIRST; d < LAST; d++)
#pragma GCC unroll 6
      for (int t = 0; t < TOKENS; t += 2) {
        const uint32x4_t first_sums = vreinterpretq_u32_s32(first[q][d - FIRST][t / 2]);
        const uint32x4_t last_sums = vreinterpretq_u32_s32(last[q][d - FIRST][t / 2]);
        uint32_t* to = sums + t * OUTPUTS + d * LANES + q * 4;
        add_to(to, vuzp1q_u32(first_sums, last_sums));
        add_to(to + OUTPUTS, vuzp2q_u32(first_sums, last_sums));
      }
}

template <int USED, int TOKENS>
TARGET void multiply_block(const uint8_t* weights, const uint8_t* codes, int32_t groups, uint32_t* sums) {
  constexpr int PAIRS = (TOKENS + 1) / 2; // each with two registers of sums
  constexpr int AT_ONCE = USED == 1 ? quarters_at_once(2 * PAIRS, 1, 4) : TOKENS == 2 ? 4 : TOKENS <= 4 ? 2 : 1;
#pragma GCC unroll 1
  for (int q = 0; q < QUARTERS; q += AT_ONCE) {
    multiply_quarters<TOKENS, AT_ONCE, 0, min(USED, 2)>(weights, codes, groups, sums);
    if constexpr (USED > 2) multiply_quarters<TOKENS, AT_ONCE, 2, USED>(weights, codes, groups, sums);
    weights += AT_ONCE * QUARTER_BYTES;
    sums += AT_ONCE * 4;
  }
}

template <int USED>
constexpr MultiplyBlock<uint32_t> BLOCKS[] = {multiply_block_by_one<USED>, multiply_block<USED, 2>,  multiply_block<USED, 3>,
                                              multiply_block<USED, 4>,     multiply_block<USED, 5>,  multiply_block<USED, 6>,
                                              multiply_block<USED, 7>,     multiply_block<USED, 8>,  multiply_block<USED, 9>,
                                              multiply_block<USED, 10>,    multiply_block<USED, 11>, multiply_block<USED, 12>};

struct MatrixProduct {
  using Code = int8_t;
  using Sum = uint32_t;
  static constexpr size_t WORD = PAIR * GROUP;
  static constexpr int32_t TILE_TOKENS = 12;
  static constexpr const MultiplyBlock<Sum>* blocks[] = {BLOCKS<1>, BLOCKS<2>, BLOCKS<3>, BLOCKS<DIGITS>};

  /** Differences modulo 2^32 are exact: the parts are at most 4^3 · 2 · 127 · K < 2^31 in magnitude, for K ≤ 132,104. */
  static float32x4_t outputs(const uint32_t* sums, int32_t o, int32_t zero_point) {
    const int32_t digit = o / LANES;
    uint32x4_t part = vld1q_u32(sums + o);
    for (int32_t other = 1; digit == DIGITS - 1 && other < DIGITS; other++) {
      part = vsubq_u32(part, vld1q_u32(sums + o - other * LANES));
    }
    const int32x4_t shifted = vshlq_s32(vreinterpretq_s32_u32(part), vdupq_n_s32(-2 * digit));
    return vcvtq_f32_s32(vsubq_s32(shifted, vdupq_n_s32(zero_point)));
  }
};

} // namespace

const Kernel neoni8mm_kernel = {
    .id = "neoni8mm",
    .needs = CPU_NEON_I8MM,
    .layout = Layout::two_bit,
    .largest_magnitude = largest_magnitude,
    .quantize = quantize,
    .signs = signs,
    .sum = sum,
    .codes = MULTIPLY<MatrixProduct>,
    .floats = FLOATS,
};

} // namespace bitlinear
