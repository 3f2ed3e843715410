/**
 * How 512-bit kernels multiply panels that have outputs in some of their parts only: the last panels of layers, and the only
 * ones of those with few outputs. To be included after zmm_tiles.h.
 */
#pragma once

namespace {

/** As `sum_codes`, for the first USED parts; the last ones take unmasked bytes as there. */
template <int TOKENS, int USED>
INLINE void sum_used_codes(const uint8_t* weights, int32_t groups, const Tile& tile, __m512i (&sums)[TOKENS][USED]) {
  constexpr int UNROLL = TOKENS * USED <= 4 ? 4 : TOKENS * USED <= 8 ? 2 : 1;
  __m512i partial[UNROLL][TOKENS][USED];
#pragma GCC unroll 4
  for (int u = 0; u < UNROLL; u++)
#pragma GCC unroll 6
    for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 4
      for (int j = 0; j < USED; j++) partial[u][t][j] = _mm512_setzero_si512();

  const int8_t* rows[2] = {static_cast<const int8_t*>(tile.codes), static_cast<const int8_t*>(tile.codes) + 3 * tile.stride};
  const uint8_t* end = weights + static_cast<size_t>(groups) * GROUP_BYTES;
  for (; weights != end; weights += UNROLL * GROUP_BYTES) {
    __asm__("" : "+r"(rows[0]), "+r"(rows[1]));
#pragma GCC unroll 4
    for (int u = 0; u < UNROLL; u++) {
      // Several tokens have so little work per load that fetching ahead would cost more than it brings.
      if constexpr (TOKENS == 1) _mm_prefetch(weights + u * GROUP_BYTES + PREFETCH_DISTANCE, _MM_HINT_T0);
      __m512i parts[PARTS];
      unpack(_mm512_load_si512(weights + u * GROUP_BYTES), parts);
#pragma GCC unroll 6
      for (int t = 0; t < TOKENS; t++) {
        const __m512i codes = broadcast_codes(rows[t / 3] + t % 3 * tile.stride + u * GROUP);
#pragma GCC unroll 4
        for (int j = 0; j < USED; j++) add_products(partial[u][t][j], parts[j], codes);
      }
    }
    rows[0] += UNROLL * GROUP;
    rows[1] += UNROLL * GROUP;
  }
#pragma GCC unroll 6
  for (int t = 0; t < TOKENS; t++) {
#pragma GCC unroll 4
    for (int j = 0; j < USED; j++) {
      sums[t][j] = partial[0][t][j];
#pragma GCC unroll 4
      for (int u = 1; u < UNROLL; u++) sums[t][j] = _mm512_add_epi32(sums[t][j], partial[u][t][j]);
    }
    if constexpr (USED == 4) {
      const __m512i masked = _mm512_add_epi32(_mm512_add_epi32(sums[t][0], sums[t][1]), sums[t][2]);
      sums[t][3] = _mm512_sub_epi32(sums[t][3], masked);
    }
  }
}

template <int TOKENS, int USED>
void multiply_used_codes(const Panel& panel, const Tile& tile) {
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    const uint8_t* weights = panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES;
    __m512i sums[TOKENS][USED];
    sum_used_codes<TOKENS, USED>(weights, panel.groups, tile, sums);
#pragma GCC unroll 6
    for (int t = 0; t < TOKENS; t++) {
      const __m512i zero_point = _mm512_set1_epi32(tile.sums[t]);
#pragma GCC unroll 4
      for (int j = 0; j < USED; j++) {
        const __m512i exact = _mm512_sub_epi32(_mm512_srai_epi32(sums[t][j], shift_of(j)), zero_point);
        finish_outputs(panel, tile, plane, t, 16 * j, _mm512_cvtepi32_ps(exact));
      }
    }
  }
}

/** As `sum_floats`, for the first USED parts; few sums are doubled, for even and odd k. */
template <int TOKENS, int USED>
INLINE void sum_used_floats(const uint8_t* weights, int32_t groups, const Tile& tile, __m512 (&sums)[TOKENS][USED]) {
  constexpr int UNROLL = TOKENS * USED < 8 ? 2 : 1;
  const __m512 trits = _mm512_setr_ps(-1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0);
  __m512 partial[UNROLL][TOKENS][USED];
#pragma GCC unroll 2
  for (int u = 0; u < UNROLL; u++)
#pragma GCC unroll 6
    for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 4
      for (int j = 0; j < USED; j++) partial[u][t][j] = _mm512_setzero_ps();

  const float* codes = static_cast<const float*>(tile.codes);
  const size_t stride = tile.stride / sizeof(float);
  for (int32_t group = 0; group < groups; group++, weights += GROUP_BYTES, codes += GROUP) {
    __m512i parts[PARTS];
    unpack(_mm512_load_si512(weights), parts);
#pragma GCC unroll 4
    for (int k = 0; k < GROUP; k++) {
      __m512 values[USED];
#pragma GCC unroll 4
      for (int j = 0; j < USED; j++) {
        const __m512i bits = _mm512_srli_epi32(parts[3], static_cast<unsigned>(8 * k + shift_of(j)));
        values[j] = _mm512_permutexvar_ps(bits, trits);
      }
#pragma GCC unroll 6
      for (int t = 0; t < TOKENS; t++) {
        const __m512 code = _mm512_set1_ps(codes[t * stride + k]);
#pragma GCC unroll 4
        for (int j = 0; j < USED; j++) add_product(partial[k % UNROLL][t][j], values[j], code);
      }
    }
  }
#pragma GCC unroll 6
  for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 4
    for (int j = 0; j < USED; j++) {
      sums[t][j] = partial[0][t][j];
      if constexpr (UNROLL == 2) sums[t][j] = _mm512_add_ps(sums[t][j], partial[1][t][j]);
    }
}

template <int TOKENS, int USED>
void multiply_used_floats(const Panel& panel, const Tile& tile) {
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    const uint8_t* weights = panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES;
    __m512 sums[TOKENS][USED];
    sum_used_floats<TOKENS, USED>(weights, panel.groups, tile, sums);
#pragma GCC unroll 6
    for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 4
      for (int j = 0; j < USED; j++) finish_outputs(panel, tile, plane, t, 16 * j, sums[t][j]);
  }
}

/** For each number of tokens; `narrow[used - 1]` for panels that use fewer parts than they have. */
template <int... TOKENS>
struct ByParts {
  using Function = void (*)(const Panel&, const Tile&);

  static constexpr int TILE_TOKENS = sizeof...(TOKENS);

  static void codes(const Panel& panel, const Tile& tile) {
    if (panel.lane_groups == PARTS) return ByTokens<TOKENS...>::codes(panel, tile);
    static constexpr Function narrow[][TILE_TOKENS] = {
        {multiply_used_codes<TOKENS, 1>...},
        {multiply_used_codes<TOKENS, 2>...},
        {multiply_used_codes<TOKENS, 3>...},
        {multiply_used_codes<TOKENS, PARTS - 1>...},
    };
    narrow[panel.lane_groups - 1][tile.tokens - 1](panel, tile);
  }

  static void floats(const Panel& panel, const Tile& tile) {
    if (panel.lane_groups == PARTS) return ByTokens<TOKENS...>::floats(panel, tile);
    static constexpr Function narrow[][TILE_TOKENS] = {
        {multiply_used_floats<TOKENS, 1>...},
        {multiply_used_floats<TOKENS, 2>...},
        {multiply_used_floats<TOKENS, 3>...},
        {multiply_used_floats<TOKENS, PARTS - 1>...},
    };
    narrow[panel.lane_groups - 1][tile.tokens - 1](panel, tile);
  }
};

} // namespace
