/**
 * What kernels with 512-bit registers share: encoders and the way from sums to outputs. To be included between
 * TARGET_BEGIN and TARGET_END, inside namespace bitlinear.
 */
#pragma once

namespace {

constexpr size_t ZMM_FLOATS = 16;

/** Bytes of weights between what is read and what is fetched ahead, into the next panels where this one ends. */
constexpr int PREFETCH_DISTANCE = 4096;

/** Panels that one token meets side by side; fetching less far ahead, in as many streams, fills the same buffers. */
constexpr int JOINT_PANELS = 4;
constexpr int JOINT_PREFETCH_DISTANCE = 2048;

/** The first `count` lanes, for count ≤ 16. */
INLINE __mmask16 first_lanes(size_t count) { return static_cast<__mmask16>((1u << count) - 1); }

uint32_t largest_magnitude(const float* x, size_t count) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  __m512i largest = _mm512_setzero_si512();
  __m512i other = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + 2 * ZMM_FLOATS <= count; i += 2 * ZMM_FLOATS) {
    largest = _mm512_max_epu32(largest, _mm512_and_si512(_mm512_loadu_si512(x + i), magnitude));
    other = _mm512_max_epu32(other, _mm512_and_si512(_mm512_loadu_si512(x + i + ZMM_FLOATS), magnitude));
  }
  for (; i < count; i += ZMM_FLOATS) {
    const __mmask16 lanes = first_lanes(min(count - i, ZMM_FLOATS));
    largest = _mm512_max_epu32(largest, _mm512_and_si512(_mm512_maskz_loadu_epi32(lanes, x + i), magnitude));
  }
  return _mm512_reduce_max_epu32(_mm512_max_epu32(largest, other));
}

/** The conversion rounds half to even, the default mode of the processor. */
void quantize(const float* x, size_t count, float inverse_scale, int8_t* codes) {
  const __m512 inverse = _mm512_set1_ps(inverse_scale);
  size_t i = 0;
  for (; i + ZMM_FLOATS <= count; i += ZMM_FLOATS) {
    const __m512i rounded = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x + i), inverse));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm512_cvtepi32_epi8(rounded));
  }
  if (i < count) {
    const __mmask16 lanes = first_lanes(count - i);
    const __m512i rounded = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), inverse));
    _mm512_mask_cvtepi32_storeu_epi8(codes + i, lanes, rounded);
  }
}

void signs(const float* x, size_t count, int8_t* codes) {
  const __m128i minus_one = _mm_set1_epi8(-1);
  const __m128i one = _mm_set1_epi8(1);
  for (size_t i = 0; i < count; i += ZMM_FLOATS) {
    const __mmask16 lanes = first_lanes(min(count - i, ZMM_FLOATS));
    const __m512 values = _mm512_maskz_loadu_ps(lanes, x + i);
    const __mmask16 is_one = _mm512_cmp_ps_mask(values, _mm512_setzero_ps(), _CMP_GE_OQ);
    _mm_mask_storeu_epi8(codes + i, lanes, _mm_mask_blend_epi8(is_one, minus_one, one));
  }
}

/** Adds to each lane of `sums` its four unsigned bytes times the four signed `codes`. */
INLINE void add_products(__m512i& sums, __m512i bytes, __m512i codes) {
  // As an instruction, not an intrinsic: with the intrinsic g++ 12 moves the sums of the inner loop through the stack.
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(bytes), "v"(codes));
}

/** sum + a · b in each lane; an instruction for the same reason. */
INLINE void add_product(__m512& sum, __m512 a, __m512 b) {
  __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}

INLINE __m512i broadcast_codes(const int8_t* codes) {
  int32_t group;
  __builtin_memcpy(&group, codes, sizeof group);
  return _mm512_set1_epi32(group);
}

int32_t sum(const int8_t* codes, size_t count) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i total = _mm512_setzero_si512();
  for (size_t i = 0; i < count; i += 64) {
    const __mmask64 bytes = count - i >= 64 ? ~0ull : (1ull << (count - i)) - 1;
    add_products(total, ones, _mm512_maskz_loadu_epi8(bytes, codes + i));
  }
  return _mm512_reduce_add_epi32(total);
}

/** max(0, y): the comparison is true for NaN, so NaN stays; it is false for -0, so -0 becomes +0. */
INLINE __m512 apply(OutputFunction function, __m512 y) {
  if (function == OutputFunction::identity) return y;
  const __mmask16 stays = _mm512_cmp_ps_mask(y, _mm512_setzero_ps(), _CMP_NLE_UQ);
  const __m512 rectified = _mm512_maskz_mov_ps(stays, y);
  return function == OutputFunction::relu ? rectified : _mm512_mul_ps(rectified, rectified);
}

/**
 * Fetches the lines that the outputs of a tile will be written to. They lie far apart, each in a page of its own, and come
 * while the sums are made; stores that find them missing would wait for each other.
 */
INLINE void fetch_outputs(const Tile& tile, int lane_groups) {
  const float* y = tile.y;
  for (int32_t token = 0; token < tile.tokens; token++, y += tile.y_stride) {
    for (int j = 0; j < lane_groups; j++) __asm__ volatile("prefetchw %0" : : "m"(y[LANES * j]));
  }
}

/**
 * Sixteen outputs of one token, from the sum of one plane on: `sums` are the exact sums of code · trit, `offset` is where
 * the outputs are in the panel.
 */
INLINE void finish_outputs(const Panel& panel, const Tile& tile, int32_t plane, int32_t token, int32_t offset, __m512 sums) {
  const int32_t outputs = panel_outputs(LAYOUT);
  float* y = tile.y + static_cast<size_t>(token) * tile.y_stride + offset;
  const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(tile.scales[token]),
                                     _mm512_load_ps(panel.scales + static_cast<size_t>(plane) * outputs + offset));
  __m512 result = _mm512_mul_ps(sums, scale);
  if (plane > 0) result = _mm512_add_ps(_mm512_loadu_ps(y), result);
  if (plane == panel.planes - 1) {
    if (panel.bias) result = _mm512_add_ps(result, _mm512_load_ps(panel.bias + offset));
    result = apply(panel.output_function, result);
  }
  _mm512_storeu_ps(y, result);
}

} // namespace
