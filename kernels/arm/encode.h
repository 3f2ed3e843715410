/** What tokens become: shared by all kernels of ARM, as none has better instructions for it. */
#pragma once
#include "../kernel.h"
#include "../small.h"

#include <arm_neon.h>

namespace bitlinear::arm {

/** Values encoded at once: their codes fill a register. */
constexpr size_t ENCODED = 16;

inline uint32_t largest_magnitude(const float* x, size_t count) {
  constexpr uint32_t MAGNITUDE = 0x7fffffff;
  uint32x4_t largest[4] = {};
  size_t i = 0;
  for (; i + ENCODED <= count; i += ENCODED) {
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++) {
      const uint32x4_t bits = vreinterpretq_u32_f32(vld1q_f32(x + i + 4 * j));
      largest[j] = vmaxq_u32(largest[j], vandq_u32(bits, vdupq_n_u32(MAGNITUDE)));
    }
  }
  uint32_t result = vmaxvq_u32(vmaxq_u32(vmaxq_u32(largest[0], largest[1]), vmaxq_u32(largest[2], largest[3])));
  for (; i < count; i++) result = max(result, float_bits(x[i]) & MAGNITUDE);
  return result;
}

/** The lowest bytes of sixteen 32-bit lanes. */
inline int8x16_t lowest_bytes(const int32x4_t (&values)[4]) {
  const int16x8_t low = vuzp1q_s16(vreinterpretq_s16_s32(values[0]), vreinterpretq_s16_s32(values[1]));
  const int16x8_t high = vuzp1q_s16(vreinterpretq_s16_s32(values[2]), vreinterpretq_s16_s32(values[3]));
  return vuzp1q_s8(vreinterpretq_s8_s16(low), vreinterpretq_s8_s16(high));
}

/** The conversions round half to even, whatever the mode of the processor. */
inline void quantize(const float* x, size_t count, float inverse_scale, int8_t* codes) {
  size_t i = 0;
  for (; i + ENCODED <= count; i += ENCODED) {
    int32x4_t rounded[4];
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++) rounded[j] = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4 * j), inverse_scale));
    vst1q_s8(codes + i, lowest_bytes(rounded));
  }
  for (; i < count; i++) codes[i] = static_cast<int8_t>(vcvtns_s32_f32(x[i] * inverse_scale));
}

inline void signs(const float* x, size_t count, int8_t* codes) {
  size_t i = 0;
  for (; i + ENCODED <= count; i += ENCODED) {
    int32x4_t is_one[4]; // -1 or 0
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; j++) is_one[j] = vreinterpretq_s32_u32(vcgezq_f32(vld1q_f32(x + i + 4 * j)));
    const int8x16_t two = vandq_s8(lowest_bytes(is_one), vdupq_n_s8(2));
    vst1q_s8(codes + i, vsubq_s8(two, vdupq_n_s8(1)));
  }
  for (; i < count; i++) codes[i] = x[i] >= 0 ? 1 : -1;
}

/** Each of four lanes adds at most 127 · K / 4. */
inline int32_t sum(const int8_t* codes, size_t count) {
  int32x4_t total = vdupq_n_s32(0);
  for (size_t i = 0; i < count; i += ENCODED) total = vpadalq_s16(total, vpaddlq_s8(vld1q_s8(codes + i)));
  return vaddvq_s32(total);
}

} // namespace bitlinear::arm
