/**
 * Panels of the two-bit layout for 512-bit registers: what zmm_tiles.h wants of its includer. To be included before it, between
 * TARGET_BEGIN and TARGET_END, inside namespace bitlinear.
 */
#pragma once

namespace {

constexpr int PARTS = 4;

/** Tokens whose sums all stay in registers. */
constexpr int REGISTER_TOKENS = 6;

/** A byte is the sum of its four masked parts: it serves as the fourth. */
INLINE void unpack(__m512i bytes, __m512i (&parts)[PARTS]) {
  parts[0] = _mm512_and_si512(bytes, _mm512_set1_epi8(0x03));
  parts[1] = _mm512_and_si512(bytes, _mm512_set1_epi8(0x0c));
  parts[2] = _mm512_and_si512(bytes, _mm512_set1_epi8(0x30));
  parts[3] = bytes;
}

} // namespace
