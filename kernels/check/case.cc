#include "case.h"

#include <cmath>
#include <limits>
#include <random>

using namespace bitlinear;

namespace {

using Random = std::mt19937;

float uniform(Random& random) { return static_cast<float>(random() % 20001) / 10000 - 1; }

/** A value that the int8 rule scales to a half, give or take a unit in the last place, where `largest` is the largest. */
float near_tie(float largest, Random& random) {
  const float half = static_cast<float>(random() % 254) - 126.5f;
  const float value = half * (largest / 127);
  const float neighbours[] = {std::nextafter(value, -largest), value, std::nextafter(value, largest)};
  return neighbours[random() % 3];
}

void fill_inputs(const Case& c, float* x, size_t count, Random& random) {
  const float scale = std::exp2(uniform(random) * 20);
  for (size_t i = 0; i < count; i++) {
    const bool is_negative = random() % 2 == 0;
    switch (c.inputs) {
    case Inputs::normal: x[i] = uniform(random) * scale; break;
    case Inputs::largest: x[i] = 3.5f; break;
    case Inputs::smallest: x[i] = -3.5f; break;
    case Inputs::ties: x[i] = i == 0 ? scale : near_tie(scale, random); break;
    case Inputs::denormal: x[i] = static_cast<float>(random() % 1000) * (is_negative ? -1e-42f : 1e-42f); break;
    case Inputs::zeros: x[i] = is_negative ? -0.0f : 0.0f; break;
    case Inputs::broken: x[i] = uniform(random); break;
    case Inputs::COUNT: break;
    }
  }
}

/** Makes some tokens ones that are not allowed; the largest allowed magnitude is among the values, too. */
void break_token(float* x, size_t count, Random& random) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float largest_allowed = std::nextafter(std::exp2(126.0f), 0.0f);
  const float values[] = {NAN, infinity, -infinity, std::exp2(126.0f), -std::exp2(127.0f), largest_allowed, -largest_allowed, 1};
  x[random() % count] = values[random() % std::size(values)];
}

float random_scale(Random& random) {
  const float magnitude = std::exp2(uniform(random) * 8);
  switch (random() % 16) {
  case 0: return 0;
  case 1: return -magnitude;
  case 2: return std::exp2(-100.0f);
  default: return magnitude;
  }
}

int8_t random_trit(Weights weights, Random& random) {
  switch (weights) {
  case Weights::ones: return 1;
  case Weights::minus_ones: return -1;
  case Weights::zeros: return 0;
  default: return static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
  }
}

} // namespace

int32_t Case::out_height() const {
  return convolved_size(batch.height, convolution.kernel_height, convolution.stride_y, convolution.padding_y);
}

int32_t Case::out_width() const {
  return convolved_size(batch.width, convolution.kernel_width, convolution.stride_x, convolution.padding_x);
}

size_t Case::token_size() const {
  const int32_t size = is_convolution() ? batch.height * batch.width * convolution.in_channels : in_features;
  return static_cast<size_t>(size);
}

size_t Case::rows() const {
  const int32_t rows = is_convolution() ? batch.count * out_height() * out_width() : batch.count;
  return static_cast<size_t>(rows);
}

std::string Case::describe() const {
  char text[400];
  snprintf(text, sizeof text,
           "%s batch %d x %d x %d, %d -> %d, channels %d, kernel %d x %d, stride %d x %d, padding %d x %d, rule %u, "
           "function %u, planes %d, bias %d, row scales %d, inputs %d, weights %d, threads %d, seed %u",
           is_convolution() ? "convolution" : "linear", batch.count, batch.height, batch.width, in_features, out_features,
           convolution.in_channels, convolution.kernel_height, convolution.kernel_width, convolution.stride_y,
           convolution.stride_x, convolution.padding_y, convolution.padding_x, static_cast<unsigned>(activation),
           static_cast<unsigned>(output_function), planes, has_bias, has_row_scales, static_cast<int>(inputs),
           static_cast<int>(weights), threads, seed);
  return text;
}

CaseData::CaseData(const Case& c)
    : x(static_cast<size_t>(c.batch.count) * c.token_size(), 4 * (c.seed % 4)),
      bias(static_cast<size_t>(c.has_bias ? c.out_features : 0)) {
  Random random(c.seed);
  for (int32_t token = 0; token < c.batch.count; token++) {
    float* values = x.data() + static_cast<size_t>(token) * c.token_size();
    fill_inputs(c, values, c.token_size(), random);
    if (c.inputs == Inputs::broken && random() % 2 == 0) break_token(values, c.token_size(), random);
  }
  for (int32_t plane = 0; plane < c.planes; plane++) {
    trits.emplace_back(static_cast<size_t>(c.out_features) * c.in_features, c.seed % 3);
    for (size_t i = 0; i < trits.back().size(); i++) trits.back()[i] = random_trit(c.weights, random);
    scales.emplace_back(static_cast<size_t>(c.has_row_scales ? c.out_features : 1));
    for (size_t i = 0; i < scales.back().size(); i++) scales.back()[i] = random_scale(random);
  }
  for (size_t i = 0; i < bias.size(); i++) bias[i] = random() % 8 == 0 ? -0.0f : uniform(random);
}
