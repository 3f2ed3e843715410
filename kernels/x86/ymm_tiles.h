/**
 * How 256-bit kernels multiply a tile. Sums are `sums[t][i]` of token t and outputs 8·i to 8·i + 7 of the panel. The 16
 * registers hold some of them only, so that several tokens pass over the panel more than once.
 *
 * To be included after ymm.h, and after the includer's
 *
 *     struct SumCodes {
 *       static constexpr int QUARTER_SHIFT = ...;
 *       template <typename Part>
 *       static NOINLINE void sum(const uint8_t* weights, int32_t groups, const Tile& tile, __m256i (&sums)[Part::TOKENS][EIGHTHS]);
 *     };
 *
 * which fills its part of the sums with 2^(QUARTER_SHIFT · quarter) · Σ (trit + 1) · code.
 */
#pragma once

namespace {

/**
 * Sums of one plane over the quarters that a panel uses: where there is enough to do, 8 to 12 sums at a time, which hides the
 * latency of adding to them.
 */
template <typename Sum, int USED, int TOKENS, typename Register>
INLINE void sum_plane(const uint8_t* weights, int32_t groups, const Tile& tile, Register (&sums)[TOKENS][EIGHTHS]) {
  if constexpr (TOKENS == 1 || USED == 1 || (TOKENS == 2 && USED == 2)) {
    Sum::template sum<Part<TOKENS, 0, 2, 0, USED>>(weights, groups, tile, sums);
  } else if constexpr (TOKENS == 2 || USED == 2) {
    Sum::template sum<Part<TOKENS, 0, 1, 0, USED>>(weights, groups, tile, sums);
    Sum::template sum<Part<TOKENS, 1, 2, 0, USED>>(weights, groups, tile, sums);
  } else if constexpr (USED == 3) {
    Sum::template sum<Part<TOKENS, 0, 1, 0, 2>>(weights, groups, tile, sums);
    Sum::template sum<Part<TOKENS, 1, 2, 0, 2>>(weights, groups, tile, sums);
    Sum::template sum<Part<TOKENS, 0, 2, 2, 3>>(weights, groups, tile, sums);
  } else {
    Sum::template sum<Part<TOKENS, 0, 1, 0, 2>>(weights, groups, tile, sums);
    Sum::template sum<Part<TOKENS, 0, 1, 2, 4>>(weights, groups, tile, sums);
    Sum::template sum<Part<TOKENS, 1, 2, 0, 2>>(weights, groups, tile, sums);
    Sum::template sum<Part<TOKENS, 1, 2, 2, 4>>(weights, groups, tile, sums);
  }
}

template <int TOKENS, int USED>
void multiply_codes(const Panel& panel, const Tile& tile) {
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    const uint8_t* weights = panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES;
    __m256i sums[TOKENS][EIGHTHS];
    sum_plane<SumCodes, USED>(weights, panel.groups, tile, sums);
#pragma GCC unroll 1
    for (int t = 0; t < TOKENS; t++) {
      const __m256i zero_point = _mm256_set1_epi32(tile.sums[t]);
#pragma GCC unroll 8
      for (int i = 0; i < 2 * USED; i++) {
        const __m256i shifted = _mm256_srai_epi32(sums[t][i], SumCodes::QUARTER_SHIFT * (i / 2));
        const __m256i exact = _mm256_sub_epi32(shifted, zero_point);
        finish_outputs(panel, tile, plane, t, 8 * i, _mm256_cvtepi32_ps(exact));
      }
    }
  }
}

struct SumFloats {
  /** Fills its part with Σ trit · code. */
  template <typename Part>
  static NOINLINE void sum(const uint8_t* weights, int32_t groups, const Tile& tile,
                           __m256 (&sums)[Part::TOKENS][EIGHTHS]) {
    // The permutation looks at the lowest three bits of a lane: two of the trit, one of its neighbour.
    const __m256 trits = _mm256_setr_ps(-1, 0, 1, 0, -1, 0, 1, 0);
    __m256 partial[Part::TOKENS][EIGHTHS];
#pragma GCC unroll 6
    for (int t = 0; t < Part::TOKENS; t++)
#pragma GCC unroll 8
      for (int i = 0; i < EIGHTHS; i++) partial[t][i] = _mm256_setzero_ps();

    const float* codes = static_cast<const float*>(tile.codes);
    const size_t stride = tile.stride / sizeof(float);
    for (int32_t group = 0; group < groups; group++, weights += GROUP_BYTES, codes += GROUP) {
#pragma GCC unroll 4
      for (int k = 0; k < GROUP; k++) {
#pragma GCC unroll 2
        for (int half = Part::FIRST_HALF; half < Part::LAST_HALF; half++) {
          const __m256i bytes = load_half(weights, half);
          __m256 quarters[4];
#pragma GCC unroll 4
          for (int j = Part::FIRST_QUARTER; j < Part::LAST_QUARTER; j++) {
            quarters[j] = _mm256_permutevar8x32_ps(trits, _mm256_srli_epi32(bytes, 8 * k + 2 * j));
          }
#pragma GCC unroll 6
          for (int t = 0; t < Part::TOKENS; t++) {
            const __m256 code = _mm256_broadcast_ss(codes + t * stride + k);
#pragma GCC unroll 4
            for (int j = Part::FIRST_QUARTER; j < Part::LAST_QUARTER; j++) {
              add_product(partial[t][2 * j + half], quarters[j], code);
            }
          }
        }
      }
    }
    copy_part<Part>(partial, sums);
  }
};

template <int TOKENS, int USED>
void multiply_floats(const Panel& panel, const Tile& tile) {
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    const uint8_t* weights = panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES;
    __m256 sums[TOKENS][EIGHTHS];
    sum_plane<SumFloats, USED>(weights, panel.groups, tile, sums);
#pragma GCC unroll 1
    for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 8
      for (int i = 0; i < 2 * USED; i++) finish_outputs(panel, tile, plane, t, 8 * i, sums[t][i]);
  }
}

using MultiplyTile = void (*)(const Panel&, const Tile&);

constexpr int32_t CODE_TOKENS = 6;
constexpr int32_t FLOAT_TOKENS = 5;

/** One function for each number of tokens and of quarters that the panel uses. */
template <int USED>
struct ByTokens {
  static constexpr MultiplyTile CODES[CODE_TOKENS] = {multiply_codes<1, USED>, multiply_codes<2, USED>,
                                                      multiply_codes<3, USED>, multiply_codes<4, USED>,
                                                      multiply_codes<5, USED>, multiply_codes<6, USED>};
  static constexpr MultiplyTile FLOATS[FLOAT_TOKENS] = {multiply_floats<1, USED>, multiply_floats<2, USED>,
                                                        multiply_floats<3, USED>, multiply_floats<4, USED>,
                                                        multiply_floats<5, USED>};
};

constexpr const MultiplyTile* BY_QUARTERS_CODES[] = {ByTokens<1>::CODES, ByTokens<2>::CODES, ByTokens<3>::CODES,
                                                     ByTokens<4>::CODES};
constexpr const MultiplyTile* BY_QUARTERS_FLOATS[] = {ByTokens<1>::FLOATS, ByTokens<2>::FLOATS, ByTokens<3>::FLOATS,
                                                      ByTokens<4>::FLOATS};

constexpr Multiply CODES = {.tile_tokens = CODE_TOKENS, .multiply = [](const Panel& panel, const Tile& tile) {
                              BY_QUARTERS_CODES[panel.lane_groups - 1][tile.tokens - 1](panel, tile);
                            }};
constexpr Multiply FLOATS = {.tile_tokens = FLOAT_TOKENS, .multiply = [](const Panel& panel, const Tile& tile) {
                               BY_QUARTERS_FLOATS[panel.lane_groups - 1][tile.tokens - 1](panel, tile);
                             }};

} // namespace
