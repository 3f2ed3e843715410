/** The definition of correct, as src/backends/reference has it: plain loops over the rows of the weights. */
#include "case.h"

#include <cmath>

using namespace bitlinear;

namespace {

constexpr double ROUNDING = 0x1p-24; // largest relative error of one rounding to float32

/** Codes of one token; returns its scale. */
float plain_encode(ActivationRule rule, const float* x, size_t count, std::vector<double>& codes) {
  codes.resize(count);
  float largest = 0;
  bool is_allowed = true;
  for (size_t i = 0; i < count; i++) {
    is_allowed = is_allowed && std::fabs(x[i]) < 0x1p126f;
    largest = std::fmax(largest, std::fabs(x[i]));
  }
  if (!is_allowed) return NAN;
  const float maximum = std::fmax(largest, 1e-5f);
  const float inverse = 1 / maximum * 127;
  for (size_t i = 0; i < count; i++) {
    const float scaled = x[i] * inverse;
    if (rule == ActivationRule::none) codes[i] = x[i];
    if (rule == ActivationRule::sign) codes[i] = x[i] >= 0 ? 1 : -1;
    if (rule == ActivationRule::int8) codes[i] = std::fmin(std::fmax(std::nearbyint(scaled), -127), 127);
  }
  return rule == ActivationRule::int8 ? maximum * (1.0f / 127) : 1;
}

/** The codes under the kernel at one output position, ordered channel, row, column; zero outside the image. */
void read_patch(const Case& c, const std::vector<double>& codes, int32_t out_y, int32_t out_x, std::vector<double>& patch) {
  const Convolution& g = c.convolution;
  patch.clear();
  for (int32_t channel = 0; channel < g.in_channels; channel++) {
    for (int32_t i = 0; i < g.kernel_height; i++) {
      for (int32_t j = 0; j < g.kernel_width; j++) {
        const int32_t y = out_y * g.stride_y + i - g.padding_y;
        const int32_t x = out_x * g.stride_x + j - g.padding_x;
        const bool is_inside = y >= 0 && y < c.batch.height && x >= 0 && x < c.batch.width;
        const size_t index = (static_cast<size_t>(y) * c.batch.width + x) * g.in_channels + channel;
        patch.push_back(is_inside ? codes[index] : 0);
      }
    }
  }
}

float plain_function(OutputFunction function, float y) {
  if (function == OutputFunction::identity || std::isnan(y)) return y;
  const float rectified = y > 0 ? y : 0;
  return function == OutputFunction::relu ? rectified : rectified * rectified;
}

/**
 * One output. The tolerance of float codes: K additions, the three roundings of each plane and that of the bias err by one
 * rounding of at most the sum of magnitudes each; relu keeps distances; |a² - b²| = |a - b| · |a + b|, rounded once more.
 */
void plain_output(const Case& c, const CaseData& data, const std::vector<double>& codes, float scale, size_t n,
                  Expected& expected) {
  const size_t k = codes.size();
  float y = 0;
  double magnitude = c.has_bias ? std::fabs(data.bias[n]) : 0;
  for (int32_t plane = 0; plane < c.planes; plane++) {
    const int8_t* trits = data.trits[plane].data() + n * k;
    const float plane_scale = data.scales[plane][c.has_row_scales ? n : 0];
    double sum = 0;
    double magnitudes = 0;
    for (size_t i = 0; i < k; i++) {
      sum += codes[i] * trits[i];
      magnitudes += std::fabs(codes[i] * trits[i]);
    }
    const float product = static_cast<float>(sum) * (scale * plane_scale);
    y = plane == 0 ? product : y + product;
    magnitude += magnitudes * std::fabs(plane_scale);
  }
  if (c.has_bias) y += data.bias[n];
  double tolerance = 1.01 * ROUNDING * static_cast<double>(k + 3 * c.planes + 1) * magnitude + 1e-44;
  if (c.output_function == OutputFunction::squared_relu) {
    tolerance = tolerance * (2 * std::fabs(static_cast<double>(y)) + tolerance) + 2 * ROUNDING * static_cast<double>(y) * y + 1e-44;
  }
  expected.y.push_back(plain_function(c.output_function, y));
  expected.tolerance.push_back(is_integer(c.activation) ? 0 : static_cast<float>(tolerance));
}

void plain_row(const Case& c, const CaseData& data, const std::vector<double>& codes, float scale, Expected& expected) {
  for (int32_t n = 0; n < c.out_features; n++) plain_output(c, data, codes, scale, n, expected);
}

} // namespace

Expected plain_outputs(const Case& c, const CaseData& data) {
  Expected expected;
  std::vector<double> codes, patch;
  for (int32_t token = 0; token < c.batch.count; token++) {
    const float* x = data.x.data() + static_cast<size_t>(token) * c.token_size();
    const float scale = plain_encode(c.activation, x, c.token_size(), codes);
    if (!c.is_convolution()) {
      plain_row(c, data, codes, scale, expected);
      continue;
    }
    for (int32_t y = 0; y < c.out_height(); y++) {
      for (int32_t column = 0; column < c.out_width(); column++) {
        read_patch(c, codes, y, column, patch);
        plain_row(c, data, patch, scale, expected);
      }
    }
  }
  return expected;
}
