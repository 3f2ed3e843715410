/** The kernel that runs anywhere: plain loops over the same panels. */
#include "output.h"
#include "small.h"

namespace bitlinear {
namespace {

constexpr int32_t OUTPUTS = panel_outputs(Layout::two_bit);

uint32_t largest_magnitude(const float* x, size_t count) {
  uint32_t largest = 0;
  for (size_t i = 0; i < count; i++) largest = max(largest, float_bits(x[i]) & 0x7fffffffu);
  return largest;
}

/** Adding 1.5 · 2^23 leaves no bits below 1, so the sum is rounded half to even; exact for |x| < 2^22. */
void quantize(const float* x, size_t count, float inverse_scale, int8_t* codes) {
  constexpr float ROUNDER = 12582912;
  for (size_t i = 0; i < count; i++) codes[i] = static_cast<int8_t>((x[i] * inverse_scale + ROUNDER) - ROUNDER);
}

void signs(const float* x, size_t count, int8_t* codes) {
  for (size_t i = 0; i < count; i++) codes[i] = x[i] >= 0 ? 1 : -1;
}

int32_t sum(const int8_t* codes, size_t count) {
  int32_t total = 0;
  for (size_t i = 0; i < count; i++) total += codes[i];
  return total;
}

/** Sums of code · (trit + 1) for one token and one plane, or of code · trit for floats: `shift` is 0 or 1. */
template <typename Code, typename Sum>
void multiply_plane(const uint8_t* weights, int32_t groups, int32_t outputs, const Code* codes, int shift, Sum* sums) {
  for (int32_t o = 0; o < outputs; o++) sums[o] = 0;
  for (int32_t group = 0; group < groups; group++, weights += GROUP_BYTES, codes += GROUP) {
    for (int32_t o = 0; o < outputs; o++) {
      const uint8_t* bytes = weights + o % LANES * GROUP;
      for (int32_t i = 0; i < GROUP; i++) sums[o] += codes[i] * static_cast<Sum>((bytes[i] >> (o / LANES * 2) & 3) - shift);
    }
  }
}

template <typename Code, typename Sum>
void multiply(const Panel& panel, const Tile& tile) {
  constexpr bool IS_INTEGER = sizeof(Code) == 1;
  const Code* codes = static_cast<const Code*>(tile.codes);
  const int32_t zero_point = IS_INTEGER ? tile.sums[0] : 0;
  const int32_t outputs = panel.lane_groups * LANES;
  for (int32_t plane = 0; plane < panel.planes; plane++) {
    Sum sums[OUTPUTS];
    const uint8_t* weights = panel.weights + static_cast<size_t>(plane) * panel.groups * GROUP_BYTES;
    multiply_plane<Code, Sum>(weights, panel.groups, outputs, codes, IS_INTEGER ? 0 : 1, sums);
    for (int32_t o = 0; o < outputs; o++) {
      const float scale = tile.scales[0] * panel.scales[plane * OUTPUTS + o];
      const float product = static_cast<float>(sums[o] - static_cast<Sum>(zero_point)) * scale;
      tile.y[o] = plane == 0 ? product : tile.y[o] + product;
    }
  }
  for (int32_t o = 0; o < outputs; o++) {
    const float y = panel.bias ? tile.y[o] + panel.bias[o] : tile.y[o];
    tile.y[o] = apply(panel.output_function, y);
  }
}

} // namespace

const Kernel scalar_kernel = {
    .id = "scalar",
    .needs = 0,
    .layout = Layout::two_bit,
    .largest_magnitude = largest_magnitude,
    .quantize = quantize,
    .signs = signs,
    .sum = sum,
    .codes = {.tile_tokens = 1, .multiply = multiply<int8_t, int32_t>},
    .floats = {.tile_tokens = 1, .multiply = multiply<float, float>},
};

} // namespace bitlinear
