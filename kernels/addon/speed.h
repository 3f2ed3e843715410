/** How long work takes, to choose between running it at once and in the background, and how many threads to wake. */
#pragma once
#include "../layer.h"

namespace bitlinear {

/** Estimates for one layer, on one thread. */
struct Cost {
  /** Of one token or patch meeting all weights. */
  double nanoseconds_per_row;
  /** Of turning one input value into a code. */
  double nanoseconds_per_value;
};

/** The kernel is measured the first time that a layer needs it, which takes some 20 microseconds. */
Cost cost_of(const Layer& layer);

} // namespace bitlinear
