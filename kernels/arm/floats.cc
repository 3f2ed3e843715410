#include "floats.h"

#include "tile.h"

namespace bitlinear::arm {
namespace {

/**
 * Half trits, as the highest bytes of sixteen floats -0.5, 0 or 0.5, whose other bytes are 0. `arrange_floats` makes up for
 * the half: it doubles codes, which is exact, for their magnitudes are below 2^126.
 */
INLINE uint8x16_t halves_of(uint8x16_t digits) {
  const uint8x16_t table = {0xbf, 0x00, 0x3f};
  return vqtbl1q_u8(table, digits);
}

/** For four lanes, where the byte of code `i` of the group is: lane l has byte 4·l + i, as its highest. */
INLINE uint8x16_t lane_bytes(int i) {
  constexpr uint8_t NONE = 16; // an index beyond the table gives 0
  uint8x16_t index = {NONE, NONE, NONE, 0, NONE, NONE, NONE, 4, NONE, NONE, NONE, 8, NONE, NONE, NONE, 12};
  index = vaddq_u8(index, vdupq_n_u8(static_cast<uint8_t>(i)));
  __asm__("" : "+w"(index)); // else g++ reads this constant again in every round of the loop
  return index;
}

/** sums + trits · code i of `codes`, rounded once: the order and rounding of float sums is free. */
INLINE float32x4_t add_products(float32x4_t sums, float32x4_t trits, float32x4_t codes, int i) {
  switch (i) {
  case 0: return vfmaq_laneq_f32(sums, trits, codes, 0);
  case 1: return vfmaq_laneq_f32(sums, trits, codes, 1);
  case 2: return vfmaq_laneq_f32(sums, trits, codes, 2);
  default: return vfmaq_laneq_f32(sums, trits, codes, 3);
  }
}

/** `AT_ONCE` quarters and digits FIRST to LAST - 1 of a block, with up to 12 registers of sums. */
template <int TOKENS, int AT_ONCE, int FIRST, int LAST>
INLINE void multiply_quarters(const uint8_t* weights, const uint8_t* codes, int32_t groups, float* sums) {
  float32x4_t partial[AT_ONCE][LAST - FIRST][TOKENS] = {};
  const uint8x16_t lanes[GROUP] = {lane_bytes(0), lane_bytes(1), lane_bytes(2), lane_bytes(3)};
  for (; groups > 0; groups--) {
#pragma GCC unroll 4
    for (int q = 0; q < AT_ONCE; q++) {
      const uint8x16_t bytes = vld1q_u8(weights + q * QUARTER_BYTES);
#pragma GCC unroll 4
      for (int d = FIRST; d < LAST; d++) {
        const uint8x16_t halves = halves_of(digit_of(bytes, d));
        float32x4_t trits[GROUP];
#pragma GCC unroll 4
        for (int i = 0; i < GROUP; i++) trits[i] = vreinterpretq_f32_u8(vqtbl1q_u8(halves, lanes[i]));
#pragma GCC unroll 5
        for (int t = 0; t < TOKENS; t++) {
          const float32x4_t group_codes = vreinterpretq_f32_u8(vld1q_u8(codes + t * 16));
#pragma GCC unroll 4
          for (int i = 0; i < GROUP; i++) {
            partial[q][d - FIRST][t] = add_products(partial[q][d - FIRST][t], trits[i], group_codes, i);
          }
        }
      }
    }
    weights += GROUP_BYTES;
    codes += TOKENS * 16;
  }

#pragma GCC unroll 4
  for (int q = 0; q < AT_ONCE; q++)
#pragma GCC unroll 4
    for (int d = FIRST; d < LAST; d++)
#pragma GCC unroll 5
      for (int t = 0; t < TOKENS; t++) {
        float* to = sums + t * OUTPUTS + d * LANES + q * 4;
        vst1q_f32(to, vaddq_f32(vld1q_f32(to), partial[q][d - FIRST][t]));
      }
}

template <int USED, int TOKENS>
void multiply_block(const uint8_t* weights, const uint8_t* codes, int32_t groups, float* sums) {
  constexpr int AT_ONCE = TOKENS == 1 || USED == 1 ? 2 : 1;
#pragma GCC unroll 1
  for (int q = 0; q < QUARTERS; q += AT_ONCE) {
    if constexpr (TOKENS <= 3 || USED <= 2) {
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
constexpr MultiplyBlock<float> BLOCKS[] = {multiply_block<USED, 1>, multiply_block<USED, 2>, multiply_block<USED, 3>,
                                           multiply_block<USED, 4>, multiply_block<USED, 5>};

struct FloatProduct {
  using Code = float;
  using Sum = float;
  static constexpr int32_t TILE_TOKENS = FLOATS.tile_tokens;
  static constexpr const MultiplyBlock<Sum>* blocks[] = {BLOCKS<1>, BLOCKS<2>, BLOCKS<3>, BLOCKS<DIGITS>};

  static float32x4_t outputs(const float* sums, int32_t o, int32_t) { return vld1q_f32(sums + o); }
};

} // namespace

void multiply_floats(const Panel& panel, const Tile& tile) { multiply<FloatProduct>(panel, tile); }

void arrange_floats(const Tile& rows, int32_t groups, void* arranged) {
  float* to = static_cast<float*>(arranged);
  for (int32_t token = 0; token < rows.tokens; token++) {
    const uint8_t* row = static_cast<const uint8_t*>(rows.codes) + static_cast<size_t>(token) * rows.stride;
    const float* from = reinterpret_cast<const float*>(row);
    for (int32_t group = 0; group < groups; group++) {
      const float32x4_t codes = vld1q_f32(from + group * GROUP);
      vst1q_f32(to + (group * rows.tokens + token) * GROUP, vaddq_f32(codes, codes));
    }
  }
}

} // namespace bitlinear::arm
