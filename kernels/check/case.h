/** One layer with its input, and what plain loops make of it. */
#pragma once
#include "../run.h"
#include "buffer.h"

#include <deque>
#include <string>
#include <vector>

/** What inputs hold. */
enum class Inputs { normal, largest, smallest, ties, denormal, zeros, broken, COUNT };

/** What weights hold. */
enum class Weights { random, ones, minus_ones, zeros, COUNT };

struct Case {
  bitlinear::ActivationRule activation = bitlinear::ActivationRule::int8;
  bitlinear::OutputFunction output_function = bitlinear::OutputFunction::identity;
  int32_t out_features = 1;
  /** Of a convolution: set by `finish_case`. */
  int32_t in_features = 1;
  int32_t planes = 1;
  bool has_bias = false;
  bool has_row_scales = false;
  bitlinear::Convolution convolution = {};
  bitlinear::Batch batch = {1, 0, 0};
  Inputs inputs = Inputs::normal;
  Weights weights = Weights::random;
  int32_t threads = 1;
  uint32_t seed = 1;

  bool is_convolution() const { return convolution.in_channels > 0; }
  int32_t out_height() const;
  int32_t out_width() const;
  /** Tokens, or images, and how many values each has. */
  size_t token_size() const;
  /** Rows of the output. */
  size_t rows() const;
  std::string describe() const;
};

/** The arrays of a case. */
struct CaseData {
  explicit CaseData(const Case& c);

  Buffer<float> x;
  std::deque<Buffer<int8_t>> trits;
  std::deque<Buffer<float>> scales;
  Buffer<float> bias;
};

/** Outputs by plain loops, and how far float sums in another order may be from them (0 for integer rules). */
struct Expected {
  std::vector<float> y;
  std::vector<float> tolerance;
};

Expected plain_outputs(const Case& c, const CaseData& data);
