/** Encoders in plain 128-bit SIMD. */
#include "../small.h"
#include "simd.h"

namespace bitlinear::wasm {
namespace {

constexpr size_t STEP = 16;

v128_t load(const float* x, size_t quarter) { return wasm_v128_load(x + quarter * 4); }

/** Sixteen int32 between -128 and 127 as int8, in order. */
v128_t narrow(const v128_t (&values)[4]) {
  return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(values[0], values[1]),
                                 wasm_i16x8_narrow_i32x4(values[2], values[3]));
}

/** Calls `encode` for 16 values at a time, the last ones from a copy: not a byte more is read or written. */
template <typename Encode>
void for_sixteen(const float* x, size_t count, int8_t* codes, const Encode& encode) {
  size_t i = 0;
  for (; i + STEP <= count; i += STEP) wasm_v128_store(codes + i, encode(x + i));
  if (i == count) return;
  float rest[STEP] = {};
  int8_t rest_codes[STEP];
  for (size_t j = 0; i + j < count; j++) rest[j] = x[i + j];
  wasm_v128_store(rest_codes, encode(rest));
  for (size_t j = 0; i + j < count; j++) codes[i + j] = rest_codes[j];
}

} // namespace

uint32_t largest_magnitude(const float* x, size_t count) {
  const v128_t magnitude = wasm_i32x4_splat(0x7fffffff);
  v128_t largest[2] = {wasm_i32x4_splat(0), wasm_i32x4_splat(0)};
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    largest[0] = wasm_i32x4_max(largest[0], wasm_v128_and(load(x + i, 0), magnitude));
    largest[1] = wasm_i32x4_max(largest[1], wasm_v128_and(load(x + i, 1), magnitude));
  }
  int32_t lanes[4];
  wasm_v128_store(lanes, wasm_i32x4_max(largest[0], largest[1]));
  uint32_t result = static_cast<uint32_t>(max(max(lanes[0], lanes[1]), max(lanes[2], lanes[3])));
  for (; i < count; i++) result = max(result, float_bits(x[i]) & 0x7fffffffu);
  return result;
}

/**
 * Between 2^23 and 2^24 float32 holds the integers alone, in its lowest bits: adding 1.5 · 2^23 rounds |x| < 2^22 half to
 * even, and the difference of the bits is the integer.
 */
void quantize(const float* x, size_t count, float inverse_scale, int8_t* codes) {
  const v128_t rounder = wasm_f32x4_splat(12582912);
  const v128_t factor = wasm_f32x4_splat(inverse_scale);
  for_sixteen(x, count, codes, [=](const float* from) {
    v128_t values[4];
    for (size_t i = 0; i < 4; i++) {
      values[i] = wasm_i32x4_sub(wasm_f32x4_add(wasm_f32x4_mul(load(from, i), factor), rounder), rounder);
    }
    return narrow(values);
  });
}

void signs(const float* x, size_t count, int8_t* codes) {
  for_sixteen(x, count, codes, [](const float* from) {
    v128_t masks[4]; // -1 where x ≥ 0
    for (size_t i = 0; i < 4; i++) masks[i] = wasm_f32x4_ge(load(from, i), wasm_f32x4_splat(0));
    return wasm_v128_or(wasm_v128_not(narrow(masks)), wasm_i8x16_splat(1)); // ~(-1) | 1 = 1, ~0 | 1 = -1
  });
}

int32_t sum(const int8_t* codes, size_t count) {
  v128_t total = wasm_i32x4_splat(0);
  for (size_t i = 0; i < count; i += STEP) {
    const v128_t pairs = wasm_i16x8_extadd_pairwise_i8x16(wasm_v128_load(codes + i));
    total = wasm_i32x4_add(total, wasm_i32x4_extadd_pairwise_i16x8(pairs));
  }
  return wasm_i32x4_extract_lane(total, 0) + wasm_i32x4_extract_lane(total, 1) + wasm_i32x4_extract_lane(total, 2) +
         wasm_i32x4_extract_lane(total, 3);
}

} // namespace bitlinear::wasm
