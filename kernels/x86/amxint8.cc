/**
 * AMX int8: registers that are tiles, 16 tokens by 16 outputs, and a product that adds 64 k to all of them at once. A group of
 * a panel is already a row of what that product reads, so trits need nothing but their masks; these are made once for all
 * tokens of a call. Few tokens, and floats, are multiplied as AVX-512 VNNI does.
 */
#include "../kernel.h"
#include "../small.h"
#include "target.h"

TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")
namespace bitlinear {

namespace {
constexpr Layout LAYOUT = Layout::two_bit;
}

#include "zmm.h"

#include "zmm_two_bit.h"

namespace {

constexpr int TILE_ROWS = 16;
/** Groups that one product takes: 64 k. */
constexpr int32_t STEP_GROUPS = 16;
/** Groups whose masked weights fit into the first-level cache beside the codes of all tokens. */
constexpr int32_t BLOCK_GROUPS = 64;
constexpr int MOST_TOKENS = 64;
constexpr int TOKEN_TILES = MOST_TOKENS / TILE_ROWS;
/** Fewer tokens than this have their sums sooner in wide registers. */
constexpr int32_t FEWEST_TOKENS = 5;
static_assert(FEWEST_TOKENS <= REGISTER_TOKENS);

/** What `ldtilecfg` reads: the shape of each tile. */
struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Tiles 0 to 3 hold sums, one for each part of the panel; 4 holds codes, 5 and 6 hold weights in turns.
constexpr int CODES = 4;
constexpr int WEIGHTS[] = {5, 6};

// Assembly that touches memory as far as the compiler knows: its intrinsics do not say what they read.
template <int TILE>
INLINE void load_tile(const void* rows, size_t stride) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(rows), "r"(stride), "i"(TILE) : "memory");
}

template <int TILE>
INLINE void store_tile(void* rows, size_t stride) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(rows), "r"(stride), "i"(TILE) : "memory");
}

template <int TILE>
INLINE void clear_tile() {
  __asm__ volatile("tilezero %%tmm%c0" : : "i"(TILE));
}

/** Adds signed codes times unsigned bytes of weights; wraps around, which does no harm: see `sum_codes` of zmm_tiles.h. */
template <int SUMS, int WEIGHT>
INLINE void add_tile_products() {
  __asm__ volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(SUMS), "i"(CODES), "i"(WEIGHT));
}

/** Shapes for `tokens` rows of sums and codes, and steps of `groups`. Clears all tiles. */
INLINE void shape_tiles(int32_t tokens, int32_t groups) {
  TileShapes shapes;
  for (int tile = 0; tile <= CODES; tile++) {
    shapes.rows[tile] = static_cast<uint8_t>(tokens);
    shapes.row_bytes[tile] = GROUP_BYTES;
  }
  shapes.row_bytes[CODES] = static_cast<uint16_t>(groups * GROUP);
  for (const int tile : WEIGHTS) {
    shapes.rows[tile] = static_cast<uint8_t>(groups);
    shapes.row_bytes[tile] = GROUP_BYTES;
  }
  __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
}

/** Sums of 16 tokens, `[token][output]`. */
using TileSums = int32_t[TILE_ROWS][PARTS * LANES];
constexpr size_t SUMS_STRIDE = sizeof(int32_t) * PARTS * LANES;

/** Masked weights of a block: the parts of a panel but the last, which serves as it is. */
using MaskedWeights = uint8_t[PARTS - 1][BLOCK_GROUPS * GROUP_BYTES];

/** Masks the first MASKED parts of so many groups. */
template <int MASKED>
INLINE void mask_weights(const uint8_t* weights, int32_t groups, MaskedWeights& masked) {
  for (int32_t at = 0; at < groups * GROUP_BYTES; at += GROUP_BYTES) {
    _mm_prefetch(weights + at + PREFETCH_DISTANCE, _MM_HINT_T0);
    __m512i parts[PARTS];
    unpack(_mm512_load_si512(weights + at), parts);
#pragma GCC unroll 3
    for (int j = 0; j < MASKED; j++) _mm512_store_si512(masked[j] + at, parts[j]);
  }
}

/** Where part J of the weights is, `at` bytes into a block. */
template <int J>
INLINE const uint8_t* weights_of(const uint8_t* weights, const MaskedWeights& masked, int32_t at) {
  if constexpr (J < PARTS - 1) return masked[J] + at;
  return weights + at;
}

template <int J>
INLINE void add_part(const uint8_t* weights, const MaskedWeights& masked, int32_t at) {
  load_tile<WEIGHTS[J % 2]>(weights_of<J>(weights, masked, at), GROUP_BYTES);
  add_tile_products<J, WEIGHTS[J % 2]>();
}

/** Adds a block to the sums of up to 16 tokens, `step` groups at a time. */
template <int USED>
INLINE void add_block(const uint8_t* weights, const MaskedWeights& masked, int32_t groups, int32_t step, const int8_t* codes,
                      size_t stride, bool is_first, TileSums& sums) {
  if (is_first) {
    clear_tile<0>();
    if constexpr (USED > 1) clear_tile<1>();
    if constexpr (USED > 2) clear_tile<2>();
    if constexpr (USED > 3) clear_tile<3>();
  } else {
    load_tile<0>(sums[0], SUMS_STRIDE);
    if constexpr (USED > 1) load_tile<1>(sums[0] + LANES, SUMS_STRIDE);
    if constexpr (USED > 2) load_tile<2>(sums[0] + 2 * LANES, SUMS_STRIDE);
    if constexpr (USED > 3) load_tile<3>(sums[0] + 3 * LANES, SUMS_STRIDE);
  }
  for (int32_t group = 0; group < groups; group += step) {
    const int32_t at = group * GROUP_BYTES;
    load_tile<CODES>(codes + group * GROUP, stride);
    add_part<0>(weights, masked, at);
    if constexpr (USED > 1) add_part<1>(weights, masked, at);
    if constexpr (USED > 2) add_part<2>(weights, masked, at);
    if constexpr (USED > 3) add_part<3>(weights, masked, at);
  }
  store_tile<0>(sums[0], SUMS_STRIDE);
  if constexpr (USED > 1) store_tile<1>(sums[0] + LANES, SUMS_STRIDE);
  if constexpr (USED > 2) store_tile<2>(sums[0] + 2 * LANES, SUMS_STRIDE);
  if constexpr (USED > 3) store_tile<3>(sums[0] + 3 * LANES, SUMS_STRIDE);
}

/** The outputs of a plane for rows `begin` to `end` of a tile, whose row 0 is token `first`. */
template <int USED>
INLINE void finish_tile(const Panel& panel, const Tile& tile, int32_t plane, const TileSums& sums, int32_t first,
                        int32_t begin, int32_t end) {
  for (int32_t row = begin; row < end; row++) {
    __m512i parts[USED];
#pragma GCC unroll 4
    for (int j = 0; j < USED; j++) parts[j] = _mm512_load_si512(sums[row] + LANES * j);
    if constexpr (USED == PARTS) {
      parts[3] = _mm512_sub_epi32(parts[3], _mm512_add_epi32(_mm512_add_epi32(parts[0], parts[1]), parts[2]));
    }
    const __m512i zero_point = _mm512_set1_epi32(tile.sums[first + row]);
#pragma GCC unroll 4
    for (int j = 0; j < USED; j++) {
      const __m512i exact = _mm512_sub_epi32(_mm512_srai_epi32(parts[j], static_cast<unsigned>(2 * j)), zero_point);
      finish_outputs(panel, tile, plane, first + row, LANES * j, _mm512_cvtepi32_ps(exact));
    }
  }
}

/** For the first USED lane groups of a panel. All tiles have as many rows; where tokens do not come out even, two share some. */
template <int USED>
void multiply_in_tiles(const Panel& panel, const Tile& tile) {
  alignas(64) MaskedWeights masked;
  alignas(64) TileSums sums[TOKEN_TILES];
  const int32_t tiles = (tile.tokens + TILE_ROWS - 1) / TILE_ROWS;
  const int32_t rows = (tile.tokens + tiles - 1) / tiles;
  const auto first_token = [&](int32_t index) { return min(index * rows, tile.tokens - rows); };
  const int8_t* codes = static_cast<const int8_t*>(tile.codes);
  const int32_t rest = panel.groups % STEP_GROUPS;
  fetch_outputs(tile, USED);
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    const uint8_t* weights = panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES;
    shape_tiles(rows, STEP_GROUPS);
    for (int32_t begin = 0, groups = 0; begin < panel.groups; begin += groups) {
      groups = min(panel.groups - rest - begin, BLOCK_GROUPS);
      if (groups == 0) shape_tiles(rows, groups = rest);
      const uint8_t* block = weights + static_cast<size_t>(begin) * GROUP_BYTES;
      mask_weights<(USED < PARTS ? USED : PARTS - 1)>(block, groups, masked);
      for (int32_t i = 0; i < tiles; i++) {
        const int8_t* from = codes + static_cast<size_t>(first_token(i)) * tile.stride + begin * GROUP;
        add_block<USED>(block, masked, groups, min(groups, STEP_GROUPS), from, tile.stride, begin == 0, sums[i]);
      }
    }
    for (int32_t i = 0; i < tiles; i++) {
      const int32_t first = first_token(i);
      finish_tile<USED>(panel, tile, plane, sums[i], first, i * rows - first, rows);
    }
  }
  __asm__ volatile("tilerelease");
}

void multiply_codes(const Panel& panel, const Tile& tile) {
  if (tile.tokens < FEWEST_TOKENS) return avx512vnni_kernel.codes.multiply(panel, tile);
  static constexpr void (*FUNCTIONS[])(const Panel&, const Tile&) = {multiply_in_tiles<1>, multiply_in_tiles<2>,
                                                                     multiply_in_tiles<3>, multiply_in_tiles<4>};
  FUNCTIONS[panel.lane_groups - 1](panel, tile);
}

void multiply_joint(const Panel& first, const Tile& tile) { avx512vnni_kernel.codes.multiply_joint(first, tile); }

void multiply_floats(const Panel& panel, const Tile& tile) { avx512vnni_kernel.floats.multiply(panel, tile); }

} // namespace

const Kernel amxint8_kernel = {
    .id = "amxint8",
    .needs = CPU_AVX512VNNI | CPU_AMX_INT8,
    .layout = LAYOUT,
    .largest_magnitude = largest_magnitude,
    .quantize = quantize,
    .signs = signs,
    .sum = sum,
    .codes = {.tile_tokens = MOST_TOKENS,
              .multiply = multiply_codes,
              .joint_panels = JOINT_PANELS,
              .multiply_joint = multiply_joint},
    .floats = {.tile_tokens = REGISTER_TOKENS, .multiply = multiply_floats},
};

} // namespace bitlinear
TARGET_END
