/**
 * How kernels of ARM take a tile through a panel. A `Product` multiplies blocks of groups; all else is here:
 *
 *     Code, Sum                                int8_t and int32_t, or float for both
 *     WORD                                     bytes of one token that follow each other in arranged codes
 *     TILE_TOKENS
 *     blocks[used - 1][tokens - 1]             a `MultiplyBlock` for each number of digits that a panel uses, and of tokens
 *     outputs(sums, o, zero_point)             Σ code · trit of outputs o to o + 3, from what the blocks summed up
 *
 * Sixteen bytes of a group are a quarter: four lanes, each with the digits (bits 2·d and up, in 0..2 = trit + 1) of outputs
 * lane + 16·d. Registers hold the sums of few quarters and digits for all tokens, so that a digit, once taken out of its
 * byte, meets many tokens; a block is read once for each such choice.
 */
#pragma once
#include "../kernel.h"
#include "../small.h"

#include <arm_neon.h>

#ifndef __clang__
// Before it hands out registers, g++ 12 moves loads so far ahead that sums of the inner loops go to the stack.
#pragma GCC optimize("no-schedule-insns")
#endif

namespace bitlinear::arm {

/** For functions of inner loops. */
#define INLINE inline __attribute__((always_inline))

/** Outputs of a panel. */
constexpr int32_t OUTPUTS = panel_outputs(Layout::two_bit);
constexpr int QUARTERS = 4;
constexpr int DIGITS = 4;
constexpr int QUARTER_BYTES = GROUP_BYTES / QUARTERS;

/** 8 KiB of weights, with at most 6 KiB of int8 codes: they stay in the first-level cache while they are read again. */
constexpr int32_t BLOCK_GROUPS = 128;

/**
 * Quarters that are multiplied at once, with as many digits and tokens: as many as 24 registers hold the sums of, but of
 * `most`; 1, 2 or 4.
 */
constexpr int quarters_at_once(int tokens, int digits, int most) {
  return most >= 4 && 4 * tokens * digits <= 24 ? 4 : most >= 2 && 2 * tokens * digits <= 24 ? 2 : 1;
}

/**
 * Adds what a block of groups yields to `sums`, `[tokens][OUTPUTS]`; an odd number of tokens may be followed by one row that
 * does not matter. `groups` is a multiple of 4 and at most BLOCK_GROUPS.
 */
template <typename Sum>
using MultiplyBlock = void (*)(const uint8_t* weights, const uint8_t* codes, int32_t groups, Sum* sums);

/** A digit of the 16 bytes of a quarter, alone in its byte. */
INLINE uint8x16_t digit_of(uint8x16_t bytes, int d) {
  const uint8x16_t lowest = vdupq_n_u8(3);
  switch (d) {
  case 0: return vandq_u8(bytes, lowest);
  case 1: return vandq_u8(vshrq_n_u8(bytes, 2), lowest);
  case 2: return vandq_u8(vshrq_n_u8(bytes, 4), lowest);
  default: return vshrq_n_u8(bytes, 6);
  }
}

/** Rows become `[words of a row][tokens][WORD bytes]`. */
template <typename Product>
void arrange(const Tile& rows, int32_t groups, void* arranged) {
  constexpr size_t WORD = Product::WORD;
  const size_t row_byte_length = static_cast<size_t>(groups) * GROUP * sizeof(typename Product::Code);
  if (rows.tokens == 1) {
    __builtin_memcpy(arranged, rows.codes, row_byte_length);
    return;
  }
  const size_t tokens = static_cast<size_t>(rows.tokens);
  for (size_t token = 0; token < tokens; token++) {
    const uint8_t* from = static_cast<const uint8_t*>(rows.codes) + token * rows.stride;
    uint8_t* to = static_cast<uint8_t*>(arranged) + token * WORD;
    for (size_t i = 0; i < row_byte_length; i += WORD) __builtin_memcpy(to + i * tokens, from + i, WORD);
  }
}

/** max(0, y): the comparison is false for NaN, so NaN stays; it is true for -0, so -0 becomes +0. */
inline float32x4_t apply(OutputFunction function, float32x4_t y) {
  if (function == OutputFunction::identity) return y;
  const uint32x4_t rectified_bits = vbicq_u32(vreinterpretq_u32_f32(y), vclezq_f32(y));
  const float32x4_t rectified = vreinterpretq_f32_u32(rectified_bits);
  return function == OutputFunction::relu ? rectified : vmulq_f32(rectified, rectified);
}

/** The outputs of one plane from its sums; products and sums are rounded one by one, as the numeric contract has it. */
template <typename Product>
void finish_plane(const Panel& panel, const Tile& tile, int32_t plane, const typename Product::Sum* sums) {
  const float* scales = panel.scales + static_cast<size_t>(plane) * OUTPUTS;
  const bool is_last = plane == panel.planes - 1;
  for (int32_t token = 0; token < tile.tokens; token++, sums += OUTPUTS) {
    const int32_t zero_point = tile.sums ? tile.sums[token] : 0;
    float* y = tile.y + static_cast<size_t>(token) * tile.y_stride;
    for (int32_t o = 0; o < panel.lane_groups * LANES; o += 4) {
      const float32x4_t scale = vmulq_n_f32(vld1q_f32(scales + o), tile.scales[token]);
      float32x4_t result = vmulq_f32(Product::outputs(sums, o, zero_point), scale);
      if (plane > 0) result = vaddq_f32(vld1q_f32(y + o), result);
      if (is_last && panel.bias) result = vaddq_f32(result, vld1q_f32(panel.bias + o));
      vst1q_f32(y + o, is_last ? apply(panel.output_function, result) : result);
    }
  }
}

/** Rows of sums, with the one that may follow. */
constexpr size_t sum_rows(int32_t tokens) { return static_cast<size_t>(tokens + tokens % 2); }

template <typename Product>
void multiply(const Panel& panel, const Tile& tile) {
  using Sum = typename Product::Sum;
  alignas(64) Sum sums[sum_rows(Product::TILE_TOKENS) * OUTPUTS];
  const MultiplyBlock<Sum> multiply_block = Product::blocks[panel.lane_groups - 1][tile.tokens - 1];
  const size_t group_codes = static_cast<size_t>(tile.tokens) * GROUP * sizeof(typename Product::Code);
  const uint8_t* weights = panel.weights;
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    __builtin_memset(sums, 0, sum_rows(tile.tokens) * OUTPUTS * sizeof(Sum));
    for (int32_t begin = 0; begin < panel.groups; begin += BLOCK_GROUPS) {
      const int32_t groups = min(panel.groups - begin, BLOCK_GROUPS);
      const uint8_t* codes = static_cast<const uint8_t*>(tile.codes) + static_cast<size_t>(begin) * group_codes;
      multiply_block(weights, codes, groups, sums);
      weights += static_cast<size_t>(groups) * GROUP_BYTES;
    }
    finish_plane<Product>(panel, tile, plane, sums);
  }
}

/** The half of a kernel that a product makes. */
template <typename Product>
constexpr Multiply MULTIPLY = {.tile_tokens = Product::TILE_TOKENS,
                               .multiply = multiply<Product>,
                               .arranged_code_bytes = sizeof(typename Product::Code),
                               .arrange = arrange<Product>};

} // namespace bitlinear::arm
