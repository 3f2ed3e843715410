/** The few functions that a freestanding build lacks. */
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace bitlinear {

template <typename T>
constexpr T min(T a, T b) {
  return a < b ? a : b;
}

template <typename T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}

template <typename T>
constexpr T divide_up(T a, T b) {
  return (a + b - 1) / b;
}

/** Next multiple of 64: where arrays start. */
constexpr size_t aligned(size_t byte_length) { return (byte_length + 63) & ~static_cast<size_t>(63); }

/** The bits of a float, and back. */
inline uint32_t float_bits(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float bits_float(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

} // namespace bitlinear
