/**
 * Plain SIMD: the bytes of a panel are seen as int16 lanes, and `i32x4.dot_i16x8` multiplies eight pairs and adds them up by
 * twos.
 *
 * A lane holds two bytes of one output, k and k + 1. Masks leave a bit pair of the lower byte (k = 0 and 2 of a group), and
 * after a shift by 8 one of the upper byte (k = 1 and 3), so `arrange` widens the codes of a group to int16 in the order
 * 0, 2, 1, 3. Bit pair p holds trit + 1 times 4^p, at most 128; its sums are at most 128 · 127 · K < 2^31.
 */
#include "simd.h"

namespace bitlinear {
namespace wasm {
namespace {

constexpr int32_t TILE_TOKENS = 4;

/** Some bit pairs of a quarter with all tokens of a tile. */
template <int TOKENS, int PAIR, int PAIRS>
inline void multiply_pairs(const Panel& panel, int32_t plane, int32_t quarter, const Tile& tile) {
  v128_t masks[PAIRS];
  for (int p = 0; p < PAIRS; p++) masks[p] = wasm_u16x8_extend_low_u8x16(wasm_v128_load8_splat(pair_masks + PAIR + p));
  v128_t sums[TOKENS][PAIRS] = {};
  const uint8_t* weights = quarter_of(panel, plane, quarter);
  const int16_t* codes = static_cast<const int16_t*>(tile.codes);
  const size_t stride = static_cast<size_t>(panel.groups) * GROUP;
  for (int32_t group = 0; group < panel.groups; group++, weights += GROUP_BYTES, codes += GROUP) {
    const v128_t lower = wasm_v128_load(weights);
    const v128_t upper = wasm_u16x8_shr(lower, 8);
    for (int p = 0; p < PAIRS; p++) {
      const v128_t even = wasm_v128_and(lower, masks[p]);
      const v128_t odd = wasm_v128_and(upper, masks[p]);
      for (int token = 0; token < TOKENS; token++) {
        const int16_t* four = codes + token * stride;
        v128_t& sum = sums[token][p];
        sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_v128_load32_splat(four), even));
        sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_v128_load32_splat(four + 2), odd));
      }
    }
  }
  for (int token = 0; token < TOKENS; token++) {
    for (int p = 0; p < PAIRS; p++) {
      const v128_t sum = wasm_i32x4_shr(sums[token][p], 2 * (PAIR + p));
      finish_integers(panel, plane, first_output(quarter, PAIR + p), tile, token, sum);
    }
  }
}

/** The first USED bit pairs, PAIRS at a time. */
template <int TOKENS, int USED, int PAIRS>
void multiply_tokens(const Panel& panel, const Tile& tile) {
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    for (int32_t quarter = 0; quarter < QUARTERS; quarter++) {
      multiply_pairs<TOKENS, 0, PAIRS>(panel, plane, quarter, tile);
      if constexpr (PAIRS < USED) multiply_pairs<TOKENS, PAIRS, USED - PAIRS>(panel, plane, quarter, tile);
    }
  }
}

template <int USED>
void multiply_used(const Panel& panel, const Tile& tile) {
  constexpr int AT_ONCE = USED < 2 ? USED : 2;
  switch (tile.tokens) {
    case 1: return multiply_tokens<1, USED, USED>(panel, tile);
    case 2: return multiply_tokens<2, USED, AT_ONCE>(panel, tile);
    case 3: return multiply_tokens<3, USED, AT_ONCE>(panel, tile);
    default: return multiply_tokens<TILE_TOKENS, USED, AT_ONCE>(panel, tile);
  }
}

void multiply(const Panel& panel, const Tile& tile) {
  switch (panel.lane_groups) {
    case 1: return multiply_used<1>(panel, tile);
    case 2: return multiply_used<2>(panel, tile);
    case 3: return multiply_used<3>(panel, tile);
    default: return multiply_used<BIT_PAIRS>(panel, tile);
  }
}

void arrange(const Tile& rows, int32_t groups, void* arranged) {
  int16_t* to = static_cast<int16_t*>(arranged);
  for (int32_t token = 0; token < rows.tokens; token++) {
    const int8_t* from = static_cast<const int8_t*>(rows.codes) + token * rows.stride;
    for (int32_t k = 0; k < groups * GROUP; k += K_ALIGNMENT, to += K_ALIGNMENT) {
      const v128_t codes = wasm_v128_load(from + k);
      const v128_t ordered = wasm_i8x16_shuffle(codes, codes, 0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
      wasm_v128_store(to, wasm_i16x8_extend_low_i8x16(ordered));
      wasm_v128_store(to + 8, wasm_i16x8_extend_high_i8x16(ordered));
    }
  }
}

} // namespace
} // namespace wasm

const Kernel simd128_kernel = {
    .id = "simd128",
    .needs = 0,
    .layout = Layout::two_bit,
    .largest_magnitude = wasm::largest_magnitude,
    .quantize = wasm::quantize,
    .signs = wasm::signs,
    .sum = wasm::sum,
    .codes = {.tile_tokens = wasm::TILE_TOKENS,
              .multiply = wasm::multiply,
              .arranged_code_bytes = sizeof(int16_t),
              .arrange = wasm::arrange},
    .floats = {.tile_tokens = wasm::FLOAT_TILE_TOKENS, .multiply = wasm::multiply_floats},
};

} // namespace bitlinear
