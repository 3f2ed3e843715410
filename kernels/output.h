/** Output functions of single values. */
#pragma once
#include "kernel.h"

namespace bitlinear {

/** The comparison fails for NaN, so NaN stays; -0 ≤ 0 holds, so -0 becomes +0. */
inline float apply(OutputFunction function, float y) {
  if (function == OutputFunction::identity) return y;
  const float rectified = y <= 0 ? 0 : y;
  return function == OutputFunction::relu ? rectified : rectified * rectified;
}

} // namespace bitlinear
