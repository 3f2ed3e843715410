/** How every product ends, in plain SIMD. */
#include "simd.h"

namespace bitlinear::wasm {

const uint8_t pair_masks[BIT_PAIRS] = {0x03, 0x0c, 0x30, 0xc0};

void finish(const Panel& panel, int32_t plane, int32_t output, const Tile& tile, int32_t token, v128_t sums) {
  float* to = tile.y + static_cast<size_t>(token) * tile.y_stride + output;
  const v128_t scales = wasm_v128_load(panel.scales + plane * OUTPUTS + output);
  v128_t y = wasm_f32x4_mul(sums, wasm_f32x4_mul(wasm_f32x4_splat(tile.scales[token]), scales));
  if (plane > 0) y = wasm_f32x4_add(wasm_v128_load(to), y);
  if (plane == panel.planes - 1) {
    if (panel.bias) y = wasm_f32x4_add(y, wasm_v128_load(panel.bias + output));
    if (panel.output_function != OutputFunction::identity) {
      y = wasm_v128_andnot(y, wasm_f32x4_le(y, wasm_f32x4_splat(0))); // NaN ≤ 0 does not hold: NaN stays
    }
    if (panel.output_function == OutputFunction::squared_relu) y = wasm_f32x4_mul(y, y);
  }
  wasm_v128_store(to, y);
}

void finish_integers(const Panel& panel, int32_t plane, int32_t output, const Tile& tile, int32_t token, v128_t sums) {
  const v128_t products = wasm_i32x4_sub(sums, wasm_i32x4_splat(tile.sums[token]));
  finish(panel, plane, output, tile, token, wasm_f32x4_convert_i32x4(products));
}

} // namespace bitlinear::wasm
