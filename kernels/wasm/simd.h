/** What the WebAssembly kernels share: encoders, products of float codes, and the end of every product. */
#pragma once
#include <wasm_simd128.h>

#include "../kernel.h"

namespace bitlinear::wasm {

constexpr int32_t OUTPUTS = panel_outputs(Layout::two_bit);

/** A group is read in quarters of 16 bytes: four lanes, and each of their bit pairs is an output of its own. */
constexpr int32_t QUARTERS = GROUP_BYTES / 16;
constexpr int32_t QUARTER_LANES = LANES / QUARTERS;
constexpr int32_t BIT_PAIRS = OUTPUTS / LANES;

/** The encoders of `Kernel`. */
uint32_t largest_magnitude(const float* x, size_t count);
void quantize(const float* x, size_t count, float inverse_scale, int8_t* codes);
void signs(const float* x, size_t count, int8_t* codes);
int32_t sum(const int8_t* codes, size_t count);

/** `Kernel::floats`. */
constexpr int32_t FLOAT_TILE_TOKENS = 2;
void multiply_floats(const Panel& panel, const Tile& tile);

/**
 * The bytes 3 · 4^pair. In memory, because an engine that knows them as constants builds them anew in every turn of an
 * inner loop; what is loaded ahead of the loop stays in its register.
 */
extern const uint8_t pair_masks[BIT_PAIRS];

/** One quarter of one plane of a panel; the next group is `GROUP_BYTES` further on. */
inline const uint8_t* quarter_of(const Panel& panel, int32_t plane, int32_t quarter) {
  return panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES + quarter * 16;
}

/** Four outputs of a panel: those of one bit pair of one quarter. */
constexpr int32_t first_output(int32_t quarter, int32_t pair) { return pair * LANES + quarter * QUARTER_LANES; }

/**
 * Ends a plane for four outputs of a token: y = what the planes before gave + sums · scales; and after the last plane, bias
 * and output function. Not inlined, as each would stand in the code once for every sum of a tile.
 */
void finish(const Panel& panel, int32_t plane, int32_t output, const Tile& tile, int32_t token, v128_t sums);

/** The same for sums of code · (trit + 1), which are too large by the sum of the codes. */
void finish_integers(const Panel& panel, int32_t plane, int32_t output, const Tile& tile, int32_t token, v128_t sums);

} // namespace bitlinear::wasm
