/**
 * What kernels with 256-bit registers share: encoders and the way from sums to outputs. To be included between
 * TARGET_BEGIN and TARGET_END, inside namespace bitlinear.
 */
#pragma once

namespace {

constexpr Layout LAYOUT = Layout::two_bit;
constexpr int32_t OUTPUTS = panel_outputs(LAYOUT);

/** Bytes of weights between what is read and what is fetched ahead, into the next panels where this one ends. */
constexpr int PREFETCH_DISTANCE = 4096;

constexpr size_t YMM_FLOATS = 8;
constexpr size_t YMM_BYTES = 32;

/** Eight values, those beyond `count` as zeros. */
INLINE __m256 load_first(const float* x, size_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(x, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes));
}

uint32_t largest_magnitude(const float* x, size_t count) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  __m256i largest[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  size_t i = 0;
  for (; i + 2 * YMM_FLOATS <= count; i += 2 * YMM_FLOATS) {
    const __m256 first = _mm256_and_ps(_mm256_loadu_ps(x + i), magnitude);
    const __m256 second = _mm256_and_ps(_mm256_loadu_ps(x + i + YMM_FLOATS), magnitude);
    largest[0] = _mm256_max_epu32(largest[0], _mm256_castps_si256(first));
    largest[1] = _mm256_max_epu32(largest[1], _mm256_castps_si256(second));
  }
  for (; i < count; i += YMM_FLOATS) {
    const __m256 rest = _mm256_and_ps(load_first(x + i, min(count - i, YMM_FLOATS)), magnitude);
    largest[0] = _mm256_max_epu32(largest[0], _mm256_castps_si256(rest));
  }
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm256_max_epu32(largest[0], largest[1]));
  uint32_t result = 0;
  for (const uint32_t lane : lanes) result = max(result, lane);
  return result;
}

/** Joins four times eight small integers to 32 bytes, in order. */
INLINE __m256i join_bytes(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
  // Packing works on each half of a register: a b c d, of the lower halves, then of the upper ones.
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/** The conversion rounds half to even, the default mode of the processor. */
INLINE __m256i quantize_8(__m256 x, __m256 inverse) { return _mm256_cvtps_epi32(_mm256_mul_ps(x, inverse)); }

/** -1 in lanes of x ≥ 0, else 0. */
INLINE __m256i is_positive_8(__m256 x) {
  return _mm256_castps_si256(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GE_OQ));
}

INLINE __m256i quantize_32(const float* x, __m256 inverse) {
  return join_bytes(quantize_8(_mm256_loadu_ps(x), inverse), quantize_8(_mm256_loadu_ps(x + 8), inverse),
                    quantize_8(_mm256_loadu_ps(x + 16), inverse), quantize_8(_mm256_loadu_ps(x + 24), inverse));
}

/** (byte & 2) - 1 is 1 for a byte of ones, and -1 for zero. */
INLINE __m256i signs_32(const float* x) {
  const __m256i positive = join_bytes(is_positive_8(_mm256_loadu_ps(x)), is_positive_8(_mm256_loadu_ps(x + 8)),
                                      is_positive_8(_mm256_loadu_ps(x + 16)), is_positive_8(_mm256_loadu_ps(x + 24)));
  return _mm256_sub_epi8(_mm256_and_si256(positive, _mm256_set1_epi8(2)), _mm256_set1_epi8(1));
}

/** The last values of a token, with room for 32. */
struct Rest {
  alignas(32) float x[YMM_BYTES] = {};
  alignas(32) int8_t codes[YMM_BYTES];
};

void quantize(const float* x, size_t count, float inverse_scale, int8_t* codes) {
  const __m256 inverse = _mm256_set1_ps(inverse_scale);
  size_t i = 0;
  for (; i + YMM_BYTES <= count; i += YMM_BYTES) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i), quantize_32(x + i, inverse));
  }
  if (i == count) return;
  Rest rest;
  __builtin_memcpy(rest.x, x + i, (count - i) * sizeof(float));
  _mm256_store_si256(reinterpret_cast<__m256i*>(rest.codes), quantize_32(rest.x, inverse));
  __builtin_memcpy(codes + i, rest.codes, count - i);
}

void signs(const float* x, size_t count, int8_t* codes) {
  size_t i = 0;
  for (; i + YMM_BYTES <= count; i += YMM_BYTES) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + i), signs_32(x + i));
  }
  if (i == count) return;
  Rest rest;
  __builtin_memcpy(rest.x, x + i, (count - i) * sizeof(float));
  _mm256_store_si256(reinterpret_cast<__m256i*>(rest.codes), signs_32(rest.x));
  __builtin_memcpy(codes + i, rest.codes, count - i);
}

/** Pairs of codes are at most 254 in magnitude as 16-bit numbers, and are widened at once. */
int32_t sum(const int8_t* codes, size_t count) {
  const __m256i one_bytes = _mm256_set1_epi8(1);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i total = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + YMM_BYTES <= count; i += YMM_BYTES) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + i));
    total = _mm256_add_epi32(total, _mm256_madd_epi16(_mm256_maddubs_epi16(one_bytes, bytes), ones));
  }
  if (i < count) {
    const __m256i bytes = _mm256_zextsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i)));
    total = _mm256_add_epi32(total, _mm256_madd_epi16(_mm256_maddubs_epi16(one_bytes, bytes), ones));
  }
  alignas(32) int32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), total);
  int32_t result = 0;
  for (const int32_t lane : lanes) result += lane;
  return result;
}

/** What one pass over a plane sums up: halves of the lanes, and quarters of the outputs (those that share a byte). */
template <int TOKEN_COUNT, int HALF, int HALF_END, int QUARTER, int QUARTER_END>
struct Part {
  static constexpr int TOKENS = TOKEN_COUNT;
  static constexpr int FIRST_HALF = HALF, LAST_HALF = HALF_END;
  static constexpr int FIRST_QUARTER = QUARTER, LAST_QUARTER = QUARTER_END;
  static constexpr int SUMS = TOKENS * (HALF_END - HALF) * (QUARTER_END - QUARTER);
};

/** Registers of outputs in a panel; outputs 8·i to 8·i + 7 are half i % 2 of quarter i / 2. */
constexpr int EIGHTHS = 8;

INLINE __m256i load_half(const uint8_t* group, int half) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(group + half * GROUP_BYTES / 2));
}

/** Copies the sums of a part. */
template <typename Part, typename Register>
INLINE void copy_part(const Register (&partial)[Part::TOKENS][EIGHTHS], Register (&sums)[Part::TOKENS][EIGHTHS]) {
#pragma GCC unroll 6
  for (int t = 0; t < Part::TOKENS; t++)
#pragma GCC unroll 2
    for (int half = Part::FIRST_HALF; half < Part::LAST_HALF; half++)
#pragma GCC unroll 4
      for (int j = Part::FIRST_QUARTER; j < Part::LAST_QUARTER; j++) sums[t][2 * j + half] = partial[t][2 * j + half];
}

INLINE __m256i broadcast_codes(const int8_t* codes) {
  int32_t group;
  __builtin_memcpy(&group, codes, sizeof group);
  return _mm256_set1_epi32(group);
}

/** sum + a · b in each lane; as an instruction, not an intrinsic: else g++ 12 moves sums through the stack. */
INLINE void add_product(__m256& sum, __m256 a, __m256 b) {
  __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
}

/** max(0, y): the comparison is true for NaN, so NaN stays; it is false for -0, so -0 becomes +0. */
INLINE __m256 apply(OutputFunction function, __m256 y) {
  if (function == OutputFunction::identity) return y;
  const __m256 rectified = _mm256_and_ps(y, _mm256_cmp_ps(y, _mm256_setzero_ps(), _CMP_NLE_UQ));
  return function == OutputFunction::relu ? rectified : _mm256_mul_ps(rectified, rectified);
}

/** Outputs `offset` to `offset + 7` of one token, from their sums of code · trit over one plane on. */
INLINE void finish_outputs(const Panel& panel, const Tile& tile, int32_t plane, int32_t token, int32_t offset, __m256 sums) {
  float* y = tile.y + static_cast<size_t>(token) * tile.y_stride + offset;
  const __m256 scale = _mm256_mul_ps(_mm256_set1_ps(tile.scales[token]),
                                     _mm256_load_ps(panel.scales + static_cast<size_t>(plane) * OUTPUTS + offset));
  __m256 result = _mm256_mul_ps(sums, scale);
  if (plane > 0) result = _mm256_add_ps(_mm256_loadu_ps(y), result);
  if (plane == panel.planes - 1) {
    if (panel.bias) result = _mm256_add_ps(result, _mm256_load_ps(panel.bias + offset));
    result = apply(panel.output_function, result);
  }
  _mm256_storeu_ps(y, result);
}

} // namespace
