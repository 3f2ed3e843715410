/**
 * Float activations in plain SIMD. Products are rounded before they are added, so that all machines agree: the relaxed
 * multiply-add leaves that to the machine.
 */
#include "simd.h"

namespace bitlinear::wasm {
namespace {

/** Trits as floats: those in the two bits from `shift` of each 32. Constants come in registers, as `pair_masks` do. */
inline v128_t trits_of(v128_t bytes, int shift, v128_t three, v128_t one) {
  return wasm_f32x4_convert_i32x4(wasm_i32x4_sub(wasm_v128_and(wasm_u32x4_shr(bytes, shift), three), one));
}

/** The first PAIRS bit pairs of a quarter with all tokens of a tile. */
template <int TOKENS, int PAIRS>
inline void multiply_quarter(const Panel& panel, int32_t plane, int32_t quarter, const Tile& tile) {
  const v128_t three = wasm_u32x4_shr(wasm_v128_load8_splat(pair_masks), 24);
  const v128_t one = wasm_u32x4_shr(three, 1);
  v128_t sums[TOKENS][PAIRS] = {};
  const uint8_t* weights = quarter_of(panel, plane, quarter);
  const char* codes = static_cast<const char*>(tile.codes);
  for (int32_t group = 0; group < panel.groups; group++, weights += GROUP_BYTES, codes += GROUP * sizeof(float)) {
    const v128_t bytes = wasm_v128_load(weights);
#pragma clang loop unroll(full)
    for (int k = 0; k < GROUP; k++) {
      v128_t values[TOKENS];
      for (int token = 0; token < TOKENS; token++) {
        values[token] = wasm_v128_load32_splat(codes + token * tile.stride + k * sizeof(float));
      }
      for (int pair = 0; pair < PAIRS; pair++) {
        const v128_t trits = trits_of(bytes, 8 * k + 2 * pair, three, one);
        for (int token = 0; token < TOKENS; token++) {
          sums[token][pair] = wasm_f32x4_add(sums[token][pair], wasm_f32x4_mul(trits, values[token]));
        }
      }
    }
  }
  for (int token = 0; token < TOKENS; token++) {
    for (int pair = 0; pair < PAIRS; pair++) {
      finish(panel, plane, first_output(quarter, pair), tile, token, sums[token][pair]);
    }
  }
}

template <int TOKENS, int PAIRS>
void multiply_tokens(const Panel& panel, const Tile& tile) {
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    for (int32_t quarter = 0; quarter < QUARTERS; quarter++) multiply_quarter<TOKENS, PAIRS>(panel, plane, quarter, tile);
  }
}

template <int PAIRS>
void multiply_used(const Panel& panel, const Tile& tile) {
  return tile.tokens == 1 ? multiply_tokens<1, PAIRS>(panel, tile) : multiply_tokens<FLOAT_TILE_TOKENS, PAIRS>(panel, tile);
}

} // namespace

void multiply_floats(const Panel& panel, const Tile& tile) {
  switch (panel.lane_groups) {
    case 1: return multiply_used<1>(panel, tile);
    case 2: return multiply_used<2>(panel, tile);
    case 3: return multiply_used<3>(panel, tile);
    default: return multiply_used<BIT_PAIRS>(panel, tile);
  }
}

} // namespace bitlinear::wasm
