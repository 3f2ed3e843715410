#include "speed.h"

#include <time.h>

#include <algorithm>
#include <atomic>

namespace bitlinear {
namespace {

/** Encoding reads each value twice and writes it once, at about the speed of the second-level cache. */
constexpr double NANOSECONDS_PER_VALUE = 0.2;

constexpr int32_t GROUPS = 64;
constexpr int32_t MOST_CODE_BYTES = 8;

double nanoseconds() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/** A panel of zeros and one token of zeros: what they hold makes no difference to a kernel. */
struct Sample {
  alignas(64) uint8_t weights[GROUPS * GROUP_BYTES] = {};
  alignas(64) uint8_t codes[GROUPS * GROUP * MOST_CODE_BYTES] = {};
  alignas(64) float scales[MAX_PANEL_OUTPUTS] = {};
  alignas(64) float y[MAX_PANEL_OUTPUTS] = {};
  int32_t sum = 0;
};

/** Nanoseconds per group of a panel and token; the least of several bursts, as other programs only ever add to it. */
double measure(const Multiply& multiply, int32_t lane_groups) {
  Sample sample;
  Panel panel = {sample.weights, sample.scales, nullptr, 1, GROUPS, OutputFunction::identity, lane_groups};
  Tile tile = {sample.codes, sizeof sample.codes, sample.scales, &sample.sum, 1, sample.y, MAX_PANEL_OUTPUTS};
  double least = 1e9;
  for (int burst = 0; burst < 4; burst++) {
    const double begin = nanoseconds();
    double end = begin;
    int calls = 0;
    while (end - begin < 4000) {
      for (int i = 0; i < 4; i++) multiply.multiply(panel, tile);
      calls += 4;
      end = nanoseconds();
    }
    least = std::min(least, (end - begin) / (calls * GROUPS));
  }
  return least;
}

/** Two threads may measure at once: each would store the truth. */
double nanoseconds_per_group(uint32_t kernel, bool is_integer) {
  static std::atomic<double> measured[2][16];
  std::atomic<double>& known = measured[is_integer][kernel % 16];
  double value = known.load(std::memory_order_relaxed);
  if (value > 0) return value;
  const Kernel& measured_kernel = *kernels[kernel];
  value = measure(is_integer ? measured_kernel.codes : measured_kernel.floats, panel_outputs(measured_kernel.layout) / LANES);
  known.store(value, std::memory_order_relaxed);
  return value;
}

} // namespace

Cost cost_of(const Layer& layer) {
  const double lane_groups = panel_outputs(kernel_of(layer).layout) / LANES;
  const double panels = divide_up(layer.out_features, LANES) / lane_groups; // what a panel does not use is not multiplied
  const double groups = static_cast<double>(padded_k(layer.in_features)) / GROUP * panels * layer.planes;
  return {groups * nanoseconds_per_group(layer.kernel, is_integer(layer.activation)), NANOSECONDS_PER_VALUE};
}

} // namespace bitlinear
