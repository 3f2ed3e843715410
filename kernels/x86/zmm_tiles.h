/**
 * How 512-bit kernels multiply a tile: all sums of up to 24 / PARTS tokens stay in registers. `sums[t][j]` is of token t and
 * outputs 16·j to 16·j + 15 of the panel, of which the last panel of a layer has outputs in the first USED parts only.
 *
 * To be included after zmm.h, and after the includer's
 *
 *     constexpr int PARTS = ...;                                // registers of outputs in a panel, 4 or 5
 *     void unpack(__m512i bytes, __m512i (&parts)[PARTS]);
 *
 * which takes 64 bytes of a panel apart: parts 0 to 2 hold trit + 1 times 4^j in each byte, part 3 the sum of these and of
 * 64 times its own trit + 1; part 4, where there is one, 64 times trit + 1.
 */
#pragma once

namespace {

/** Which two bits of each byte a part has. */
constexpr int shift_of(int part) { return part < 4 ? 2 * part : 6; }

/**
 * Sums of one plane, times 4^j for part j.
 *
 * Part 3 is not masked, which saves an instruction: its product minus those of parts 0 to 2 is what is wanted. Sums wrap
 * around at 2^32, which is no harm: the results are below 2^31 in magnitude (128 · 127 · K for K ≤ 132,104), and differences
 * modulo 2^32 are exact.
 */
template <int TOKENS, int USED>
INLINE void sum_codes(const uint8_t* weights, int32_t groups, const Tile& tile, __m512i (&sums)[TOKENS][USED]) {
  // Several groups at once where few sums are too few to hide the latency of the products.
  constexpr int UNROLL = TOKENS == 1 || TOKENS * USED <= 4 ? 4 : TOKENS * USED <= 8 ? 2 : 1;
  __m512i partial[UNROLL][TOKENS][USED];
#pragma GCC unroll 4
  for (int u = 0; u < UNROLL; u++)
#pragma GCC unroll 6
    for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 5
      for (int j = 0; j < USED; j++) partial[u][t][j] = _mm512_setzero_si512();

  // Two pointers reach all rows with one addition in the address: the compilers would have an addition apiece.
  const int8_t* rows[2] = {static_cast<const int8_t*>(tile.codes), static_cast<const int8_t*>(tile.codes) + 3 * tile.stride};
  const uint8_t* end = weights + static_cast<size_t>(groups) * GROUP_BYTES;
  for (; weights != end; weights += UNROLL * GROUP_BYTES) {
    __asm__("" : "+r"(rows[0]), "+r"(rows[1]));
#pragma GCC unroll 4
    for (int u = 0; u < UNROLL; u++) {
      // Several tokens of few outputs have so little work per load that fetching ahead would cost more than it brings.
      if constexpr (TOKENS == 1 || USED == PARTS) _mm_prefetch(weights + u * GROUP_BYTES + PREFETCH_DISTANCE, _MM_HINT_T0);
      __m512i parts[PARTS];
      unpack(_mm512_load_si512(weights + u * GROUP_BYTES), parts);
#pragma GCC unroll 6
      for (int t = 0; t < TOKENS; t++) {
        const __m512i codes = broadcast_codes(rows[t / 3] + t % 3 * tile.stride + u * GROUP);
#pragma GCC unroll 5
        for (int j = 0; j < USED; j++) add_products(partial[u][t][j], parts[j], codes);
      }
    }
    rows[0] += UNROLL * GROUP;
    rows[1] += UNROLL * GROUP;
  }
#pragma GCC unroll 6
  for (int t = 0; t < TOKENS; t++) {
#pragma GCC unroll 5
    for (int j = 0; j < USED; j++) {
      sums[t][j] = partial[0][t][j];
#pragma GCC unroll 4
      for (int u = 1; u < UNROLL; u++) sums[t][j] = _mm512_add_epi32(sums[t][j], partial[u][t][j]);
    }
    if constexpr (USED > 3) {
      const __m512i masked = _mm512_add_epi32(_mm512_add_epi32(sums[t][0], sums[t][1]), sums[t][2]);
      sums[t][3] = _mm512_sub_epi32(sums[t][3], masked);
    }
  }
}

template <int TOKENS, int USED>
void multiply_codes(const Panel& panel, const Tile& tile) {
  if constexpr (TOKENS > 1) fetch_outputs(tile, USED);
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    const uint8_t* weights = panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES;
    __m512i sums[TOKENS][USED];
    sum_codes<TOKENS, USED>(weights, panel.groups, tile, sums);
#pragma GCC unroll 1
    for (int t = 0; t < TOKENS; t++) {
      const __m512i zero_point = _mm512_set1_epi32(tile.sums[t]);
#pragma GCC unroll 5
      for (int j = 0; j < USED; j++) {
        const __m512i exact = _mm512_sub_epi32(_mm512_srai_epi32(sums[t][j], shift_of(j)), zero_point);
        finish_outputs(panel, tile, plane, t, 16 * j, _mm512_cvtepi32_ps(exact));
      }
    }
  }
}

/** Adds to the sums of one token what groups `begin` to `end` of JOINT_PANELS panels give, `panel_bytes` apart. */
INLINE void add_joint(const uint8_t* weights, size_t panel_bytes, int32_t begin, int32_t end, size_t ahead,
                      const int8_t* codes, __m512i (&sums)[JOINT_PANELS][PARTS]) {
  const uint8_t* streams[JOINT_PANELS];
#pragma GCC unroll 4
  for (int p = 0; p < JOINT_PANELS; p++) streams[p] = weights + p * panel_bytes;
  for (int32_t group = begin; group < end; group++) {
    const size_t at = static_cast<size_t>(group) * GROUP_BYTES;
    const __m512i code = broadcast_codes(codes + group * GROUP);
#pragma GCC unroll 4
    for (int p = 0; p < JOINT_PANELS; p++) {
      _mm_prefetch(streams[p] + at + ahead, _MM_HINT_T0);
      __m512i parts[PARTS];
      unpack(_mm512_load_si512(streams[p] + at), parts);
#pragma GCC unroll 5
      for (int j = 0; j < PARTS; j++) add_products(sums[p][j], parts[j], code);
    }
  }
}

/** One token and JOINT_PANELS panels, whose sums all stay in registers; about part 3 see `sum_codes`. */
void multiply_joint(const Panel& first, const Tile& tile) {
  const int8_t* codes = static_cast<const int8_t*>(tile.codes);
  const size_t plane_bytes = static_cast<size_t>(first.groups) * GROUP_BYTES;
  const size_t panel_bytes = plane_bytes * static_cast<size_t>(first.planes);
  const int32_t outputs = panel_outputs(LAYOUT);
  const __m512i zero_point = _mm512_set1_epi32(tile.sums[0]);
  // Where the panels end, the next ones begin: for one plane that is where the last of these panels ends.
  const int32_t last = max(0, first.groups - JOINT_PREFETCH_DISTANCE / GROUP_BYTES);
  const size_t to_next = JOINT_PREFETCH_DISTANCE + (JOINT_PANELS - 1) * panel_bytes;
  for (int32_t plane = 0; plane < first.planes; plane++) {
    const uint8_t* weights = first.weights + static_cast<size_t>(plane) * plane_bytes;
    __m512i sums[JOINT_PANELS][PARTS];
#pragma GCC unroll 4
    for (int p = 0; p < JOINT_PANELS; p++)
#pragma GCC unroll 5
      for (int j = 0; j < PARTS; j++) sums[p][j] = _mm512_setzero_si512();
    add_joint(weights, panel_bytes, 0, last, JOINT_PREFETCH_DISTANCE, codes, sums);
    add_joint(weights, panel_bytes, last, first.groups, plane == first.planes - 1 ? to_next : JOINT_PREFETCH_DISTANCE,
              codes, sums);
    Panel panel = first;
    Tile own = tile;
#pragma GCC unroll 4
    for (int p = 0; p < JOINT_PANELS; p++) {
      const __m512i masked = _mm512_add_epi32(_mm512_add_epi32(sums[p][0], sums[p][1]), sums[p][2]);
      sums[p][3] = _mm512_sub_epi32(sums[p][3], masked);
#pragma GCC unroll 5
      for (int j = 0; j < PARTS; j++) {
        const __m512i exact = _mm512_sub_epi32(_mm512_srai_epi32(sums[p][j], shift_of(j)), zero_point);
        finish_outputs(panel, own, plane, 0, 16 * j, _mm512_cvtepi32_ps(exact));
      }
      panel.scales += static_cast<size_t>(first.planes) * outputs;
      if (panel.bias) panel.bias += outputs;
      own.y += outputs;
    }
  }
}

/**
 * Sums of one plane for float codes: Σ trit · code; those of narrow panels are doubled, for even and odd k. How many tokens
 * come together must not decide that: the result of a token does not depend on the others.
 */
template <int TOKENS, int USED>
INLINE void sum_floats(const uint8_t* weights, int32_t groups, const Tile& tile, __m512 (&sums)[TOKENS][USED]) {
  constexpr int UNROLL = USED <= 2 ? 2 : 1;
  // The permutation looks at the lowest four bits of a lane: two of the trit, two of its neighbour.
  const __m512 trits = _mm512_setr_ps(-1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0);
  __m512 partial[UNROLL][TOKENS][USED];
#pragma GCC unroll 2
  for (int u = 0; u < UNROLL; u++)
#pragma GCC unroll 6
    for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 5
      for (int j = 0; j < USED; j++) partial[u][t][j] = _mm512_setzero_ps();

  const float* codes = static_cast<const float*>(tile.codes);
  const size_t stride = tile.stride / sizeof(float);
  for (int32_t group = 0; group < groups; group++, weights += GROUP_BYTES, codes += GROUP) {
    __m512i parts[PARTS];
    unpack(_mm512_load_si512(weights), parts);
#pragma GCC unroll 4
    for (int k = 0; k < GROUP; k++) {
      __m512 values[USED];
#pragma GCC unroll 5
      for (int j = 0; j < USED; j++) {
        const __m512i bits = _mm512_srli_epi32(parts[max(j, 3)], static_cast<unsigned>(8 * k + shift_of(j)));
        values[j] = _mm512_permutexvar_ps(bits, trits);
      }
#pragma GCC unroll 6
      for (int t = 0; t < TOKENS; t++) {
        const __m512 code = _mm512_set1_ps(codes[t * stride + k]);
#pragma GCC unroll 5
        for (int j = 0; j < USED; j++) add_product(partial[k % UNROLL][t][j], values[j], code);
      }
    }
  }
#pragma GCC unroll 6
  for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 5
    for (int j = 0; j < USED; j++) {
      sums[t][j] = partial[0][t][j];
      if constexpr (UNROLL == 2) sums[t][j] = _mm512_add_ps(sums[t][j], partial[1][t][j]);
    }
}

template <int TOKENS, int USED>
void multiply_floats(const Panel& panel, const Tile& tile) {
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    const uint8_t* weights = panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES;
    __m512 sums[TOKENS][USED];
    sum_floats<TOKENS, USED>(weights, panel.groups, tile, sums);
#pragma GCC unroll 1
    for (int t = 0; t < TOKENS; t++)
#pragma GCC unroll 5
      for (int j = 0; j < USED; j++) finish_outputs(panel, tile, plane, t, 16 * j, sums[t][j]);
  }
}

/** A function for each number of tokens and of parts that a panel uses. */
template <int... TOKENS>
struct ByTokens {
  using Function = void (*)(const Panel&, const Tile&);

  static constexpr int TILE_TOKENS = sizeof...(TOKENS);

  static void codes(const Panel& panel, const Tile& tile) {
    static constexpr Function FUNCTIONS[][TILE_TOKENS] = {
        {multiply_codes<TOKENS, 1>...}, {multiply_codes<TOKENS, 2>...},     {multiply_codes<TOKENS, 3>...},
        {multiply_codes<TOKENS, 4>...}, {multiply_codes<TOKENS, PARTS>...},
    };
    FUNCTIONS[panel.lane_groups - 1][tile.tokens - 1](panel, tile);
  }

  static void floats(const Panel& panel, const Tile& tile) {
    static constexpr Function FUNCTIONS[][TILE_TOKENS] = {
        {multiply_floats<TOKENS, 1>...}, {multiply_floats<TOKENS, 2>...},     {multiply_floats<TOKENS, 3>...},
        {multiply_floats<TOKENS, 4>...}, {multiply_floats<TOKENS, PARTS>...},
    };
    FUNCTIONS[panel.lane_groups - 1][tile.tokens - 1](panel, tile);
  }
};

} // namespace
