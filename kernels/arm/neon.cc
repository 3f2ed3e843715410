/**
 * NEON of every 64-bit ARM: `smlal` adds products of bytes to 16-bit lanes, and pairs of these are added to 32-bit sums
 * before they could overflow: after a block, in which each lane takes one product of at most 2 · 127 from each group.
 */
#include "encode.h"
#include "floats.h"
#include "tile.h"

namespace bitlinear {
namespace {

using namespace arm;

static_assert(BLOCK_GROUPS * 2 * 127 <= INT16_MAX);

/**
 * Adds the products of the lower and the upper eight bytes. As instructions: with the intrinsics clang copies sums from
 * register to register, or to the stack.
 */
INLINE void add_products(int16x8_t& low, int16x8_t& high, int8x16_t a, int8x16_t b) {
  __asm__("smlal %0.8h, %1.8b, %2.8b" : "+w"(low) : "w"(a), "w"(b));
  __asm__("smlal2 %0.8h, %1.16b, %2.16b" : "+w"(high) : "w"(a), "w"(b));
}

/** The first USED digits of `AT_ONCE` quarters of a block, with up to 24 registers of 16-bit sums. */
template <int TOKENS, int AT_ONCE, int USED>
INLINE void multiply_quarters(const uint8_t* weights, const uint8_t* codes, int32_t groups, int32_t* sums) {
  int16x8_t low[AT_ONCE][USED][TOKENS] = {};
  int16x8_t high[AT_ONCE][USED][TOKENS] = {};
  for (; groups > 0; groups--) {
#pragma GCC unroll 4
    for (int q = 0; q < AT_ONCE; q++) {
      const uint8x16_t bytes = vld1q_u8(weights + q * QUARTER_BYTES);
#pragma GCC unroll 4
      for (int d = 0; d < USED; d++) {
        const int8x16_t digit = vreinterpretq_s8_u8(digit_of(bytes, d));
#pragma GCC unroll 3
        for (int t = 0; t < TOKENS; t++) {
          const int32_t* word = reinterpret_cast<const int32_t*>(codes + t * GROUP);
          add_products(low[q][d][t], high[q][d][t], digit, vreinterpretq_s8_s32(vld1q_dup_s32(word)));
        }
      }
    }
    weights += GROUP_BYTES;
    codes += TOKENS * GROUP;
  }

#pragma GCC unroll 4
  for (int q = 0; q < AT_ONCE; q++)
#pragma GCC unroll 4
    for (int d = 0; d < USED; d++)
#pragma GCC unroll 3
      for (int t = 0; t < TOKENS; t++) {
        // Lanes hold codes 0 and 1, 2 and 3 of an output, then of the next one.
        const int32x4_t sum = vpaddq_s32(vpaddlq_s16(low[q][d][t]), vpaddlq_s16(high[q][d][t]));
        int32_t* to = sums + t * OUTPUTS + d * LANES + q * 4;
        vst1q_s32(to, vaddq_s32(vld1q_s32(to), sum));
      }
}

template <int USED, int TOKENS>
void multiply_block(const uint8_t* weights, const uint8_t* codes, int32_t groups, int32_t* sums) {
  constexpr int AT_ONCE = quarters_at_once(2 * TOKENS, USED, USED == DIGITS ? 2 : 4); // each sum takes two registers
#pragma GCC unroll 1
  for (int q = 0; q < QUARTERS; q += AT_ONCE) {
    multiply_quarters<TOKENS, AT_ONCE, USED>(weights + q * QUARTER_BYTES, codes, groups, sums + q * 4);
  }
}

template <int USED>
constexpr MultiplyBlock<int32_t> BLOCKS[] = {multiply_block<USED, 1>, multiply_block<USED, 2>, multiply_block<USED, 3>};

struct LongProduct {
  using Code = int8_t;
  using Sum = int32_t;
  static constexpr size_t WORD = GROUP;
  static constexpr int32_t TILE_TOKENS = 3;
  static constexpr const MultiplyBlock<Sum>* blocks[] = {BLOCKS<1>, BLOCKS<2>, BLOCKS<3>, BLOCKS<DIGITS>};

  static float32x4_t outputs(const int32_t* sums, int32_t o, int32_t zero_point) {
    return vcvtq_f32_s32(vsubq_s32(vld1q_s32(sums + o), vdupq_n_s32(zero_point)));
  }
};

} // namespace

const Kernel neon_kernel = {
    .id = "neon",
    .needs = CPU_NEON,
    .layout = Layout::two_bit,
    .largest_magnitude = largest_magnitude,
    .quantize = quantize,
    .signs = signs,
    .sum = sum,
    .codes = MULTIPLY<LongProduct>,
    .floats = FLOATS,
};

} // namespace bitlinear
