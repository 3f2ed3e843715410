/**
 * Relaxed SIMD: one instruction multiplies sixteen pairs of bytes and adds them up by fours.
 *
 * `i32x4.relaxed_dot_i8x16_i7x16_add(codes, weights, sums)` leaves it to the machine whether weights from 128 up are
 * negative, and whether the sum of two products saturates as an int16. Neither happens here, so all machines agree: bit
 * pairs 0 to 2 are left in place, which makes trit + 1 at most 2 · 4^2 = 32, and bit pair 3 is shifted down, as it would
 * reach 128. Two products are then at most 2 · 32 · 127 = 8,128 in magnitude, and sums at most 32 · 127 · K < 2^31.
 */
#include "simd.h"

namespace bitlinear {
namespace wasm {
namespace {

constexpr int32_t TILE_TOKENS = 4;

/** The weights of one bit pair, times 4^pair for pairs 0 to 2. */
template <int PAIR>
inline v128_t weights_of(v128_t bytes, const v128_t (&masks)[BIT_PAIRS]) {
  if constexpr (PAIR == 3) return wasm_v128_and(wasm_u16x8_shr(bytes, 6), masks[0]);
  return wasm_v128_and(bytes, masks[PAIR]);
}

template <int PAIR>
inline v128_t unscaled(v128_t sums) {
  return PAIR == 3 ? sums : wasm_i32x4_shr(sums, 2 * PAIR);
}

/**
 * Two bit pairs of `AT_ONCE` quarters with all tokens of a tile.
 *
 * The dot product takes four or five cycles, and two may start in each, so it takes eight to ten sums to keep it busy; of 16
 * registers eight leave enough for the rest. Measured against two tokens by four pairs, five by two and ten by one.
 */
template <int TOKENS, int AT_ONCE, int PAIR>
inline void multiply_pairs(const Panel& panel, int32_t plane, int32_t quarter, const Tile& tile) {
  const v128_t masks[BIT_PAIRS] = {wasm_v128_load8_splat(pair_masks), wasm_v128_load8_splat(pair_masks + 1),
                                   wasm_v128_load8_splat(pair_masks + 2)};
  v128_t sums[TOKENS][AT_ONCE][2] = {};
  const uint8_t* weights = quarter_of(panel, plane, quarter);
  const int8_t* codes = static_cast<const int8_t*>(tile.codes);
  for (int32_t group = 0; group < panel.groups; group++, weights += GROUP_BYTES, codes += GROUP) {
    v128_t low[AT_ONCE], high[AT_ONCE];
    for (int q = 0; q < AT_ONCE; q++) {
      const v128_t bytes = wasm_v128_load(weights + q * 16);
      low[q] = weights_of<PAIR>(bytes, masks);
      high[q] = weights_of<PAIR + 1>(bytes, masks);
    }
    for (int token = 0; token < TOKENS; token++) {
      const v128_t four = wasm_v128_load32_splat(codes + token * tile.stride);
      for (int q = 0; q < AT_ONCE; q++) {
        v128_t(&sum)[2] = sums[token][q];
        sum[0] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(four, low[q], sum[0]);
        sum[1] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(four, high[q], sum[1]);
      }
    }
  }
  for (int token = 0; token < TOKENS; token++) {
    for (int q = 0; q < AT_ONCE; q++) {
      const v128_t(&sum)[2] = sums[token][q];
      finish_integers(panel, plane, first_output(quarter + q, PAIR), tile, token, unscaled<PAIR>(sum[0]));
      finish_integers(panel, plane, first_output(quarter + q, PAIR + 1), tile, token, unscaled<PAIR + 1>(sum[1]));
    }
  }
}

/** The same for one bit pair. */
template <int TOKENS, int AT_ONCE, int PAIR>
inline void multiply_pair(const Panel& panel, int32_t plane, int32_t quarter, const Tile& tile) {
  const v128_t masks[BIT_PAIRS] = {wasm_v128_load8_splat(pair_masks), wasm_v128_load8_splat(pair_masks + 1),
                                   wasm_v128_load8_splat(pair_masks + 2)};
  v128_t sums[TOKENS][AT_ONCE] = {};
  const uint8_t* weights = quarter_of(panel, plane, quarter);
  const int8_t* codes = static_cast<const int8_t*>(tile.codes);
  for (int32_t group = 0; group < panel.groups; group++, weights += GROUP_BYTES, codes += GROUP) {
    v128_t bytes[AT_ONCE];
    for (int q = 0; q < AT_ONCE; q++) bytes[q] = weights_of<PAIR>(wasm_v128_load(weights + q * 16), masks);
    for (int token = 0; token < TOKENS; token++) {
      const v128_t four = wasm_v128_load32_splat(codes + token * tile.stride);
      for (int q = 0; q < AT_ONCE; q++) {
        sums[token][q] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(four, bytes[q], sums[token][q]);
      }
    }
  }
  for (int token = 0; token < TOKENS; token++) {
    for (int q = 0; q < AT_ONCE; q++) {
      finish_integers(panel, plane, first_output(quarter + q, PAIR), tile, token, unscaled<PAIR>(sums[token][q]));
    }
  }
}

template <int TOKENS, int AT_ONCE>
void multiply_tokens(const Panel& panel, const Tile& tile) {
  constexpr int OF_ONE_PAIR = AT_ONCE < QUARTERS ? 2 * AT_ONCE : QUARTERS;
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    for (int32_t quarter = 0; quarter < QUARTERS && panel.lane_groups >= 2; quarter += AT_ONCE) {
      multiply_pairs<TOKENS, AT_ONCE, 0>(panel, plane, quarter, tile);
      if (panel.lane_groups == BIT_PAIRS) multiply_pairs<TOKENS, AT_ONCE, 2>(panel, plane, quarter, tile);
    }
    for (int32_t quarter = 0; quarter < QUARTERS && panel.lane_groups % 2 != 0; quarter += OF_ONE_PAIR) {
      if (panel.lane_groups == 1) multiply_pair<TOKENS, OF_ONE_PAIR, 0>(panel, plane, quarter, tile);
      if (panel.lane_groups == 3) multiply_pair<TOKENS, OF_ONE_PAIR, 2>(panel, plane, quarter, tile);
    }
  }
}

void multiply(const Panel& panel, const Tile& tile) {
  switch (tile.tokens) {
    case 1: return multiply_tokens<1, 4>(panel, tile);
    case 2: return multiply_tokens<2, 2>(panel, tile);
    case 3: return multiply_tokens<3, 1>(panel, tile);
    default: return multiply_tokens<TILE_TOKENS, 1>(panel, tile);
  }
}

} // namespace
} // namespace wasm

const Kernel relaxedsimd_kernel = {
    .id = "relaxedsimd",
    .needs = 0,
    .layout = Layout::two_bit,
    .largest_magnitude = wasm::largest_magnitude,
    .quantize = wasm::quantize,
    .signs = wasm::signs,
    .sum = wasm::sum,
    .codes = {.tile_tokens = wasm::TILE_TOKENS, .multiply = wasm::multiply},
    .floats = {.tile_tokens = wasm::FLOAT_TILE_TOKENS, .multiply = wasm::multiply_floats},
};

} // namespace bitlinear
