/** Activation rules: how a token becomes codes and a scale. The definition is src/activation-rules. */
#pragma once
#include "kernel.h"
#include "small.h"

namespace bitlinear {

enum class ActivationRule : uint32_t { int8, sign, none };

/** Whether codes are int8; float32 otherwise. */
constexpr bool is_integer(ActivationRule rule) { return rule != ActivationRule::none; }

/** Bytes of one code before `arrange`. */
constexpr size_t code_byte_length(ActivationRule rule) { return is_integer(rule) ? sizeof(int8_t) : sizeof(float); }

/** The half of a kernel that serves the rule. */
inline const Multiply& multiply_of(const Kernel& kernel, ActivationRule rule) {
  return is_integer(rule) ? kernel.codes : kernel.floats;
}

/** What the largest magnitude of a token decides. */
struct TokenScale {
  /** Real value of code 1; NaN for a token that holds a NaN, an infinity or a magnitude of 2^126 or more. */
  float scale;
  float inverse_scale;
  bool is_allowed;
};

/** `largest` as `Kernel::largest_magnitude` gives it; NaNs and infinities lie above the bits of 2^126 as integers too. */
inline TokenScale token_scale(ActivationRule rule, uint32_t largest) {
  constexpr uint32_t BITS_OF_2_POW_126 = (126u + 127u) << 23;
  if (largest >= BITS_OF_2_POW_126) return {__builtin_nanf(""), 0, false};
  if (rule != ActivationRule::int8) return {1, 1, true};
  const float maximum = max(bits_float(largest), 1e-5f);
  return {maximum * (1.0f / 127), 1 / maximum * 127, true};
}

/**
 * Codes of a token or a part of it. The int8 rule needs no clipping: inverse_scale is at most 127/a · (1 + 2^-24)², as
 * 1/a > 2^-126 is no denormal number, so |x · inverse_scale| < 127.5 for |x| ≤ a. Tokens that are not allowed get codes 0.
 */
inline void encode(const Kernel& kernel, ActivationRule rule, const TokenScale& scale, const float* x, size_t count,
                   void* codes) {
  if (rule == ActivationRule::none) {
    __builtin_memcpy(codes, x, count * sizeof(float));
  } else if (!scale.is_allowed) {
    __builtin_memset(codes, 0, count);
  } else if (rule == ActivationRule::sign) {
    kernel.signs(x, count, static_cast<int8_t*>(codes));
  } else {
    kernel.quantize(x, count, scale.inverse_scale, static_cast<int8_t*>(codes));
  }
}

} // namespace bitlinear
