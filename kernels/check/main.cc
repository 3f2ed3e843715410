/**
 * Every kernel of the list that this processor can run, against plain loops: sizes around tile edges, every rule, function
 * and kind of input; equal in all bits for integer rules.
 *
 *     check [--cases n] [kernel ...]     kernels named here must be there; without names, those that are there run
 */
#include "../cpu.h"
#include "case.h"
#include "panels.h"

#include <cmath>
#include <random>
#include <stdexcept>

using namespace bitlinear;

namespace {

/** Runs a case, its threads taking turns at single items. */
void run_case(const Case& c, const Kernel& kernel, const CaseData& data, float* y) {
  const LayerDescription description = {&kernel,        c.activation, c.output_function, c.out_features,
                                        c.in_features, c.planes,     c.has_bias,        c.convolution};
  Buffer<uint8_t> block(layer_byte_length(description));
  std::vector<Plane> planes;
  for (int32_t i = 0; i < c.planes; i++) {
    const int32_t scale_count = static_cast<int32_t>(data.scales[i].size());
    planes.push_back({data.trits[i].data(), data.scales[i].data(), scale_count});
  }
  const float* bias = c.has_bias ? data.bias.data() : nullptr;
  const Layer* prepared = prepare_layer(block.data(), description, planes.data(), bias);

  // The block must not care where it is.
  Buffer<uint8_t> moved(prepared->byte_length);
  memcpy(moved.data(), block.data(), prepared->byte_length);
  memset(block.data(), 0, prepared->byte_length);

  Run run = plan_run(*reinterpret_cast<const Layer*>(moved.data()), c.batch, c.threads);
  Buffer<uint8_t> workspace(run.workspace_byte_length);
  run.x = data.x.data();
  run.y = y;
  run.workspace = workspace.data();
  for (int32_t repeat = 0; repeat < 2; repeat++) { // the second run finds what the first one left behind
    start_run(run);
    for (int32_t phase = 0; phase < run.phases; phase++) {
      for (int32_t item = 0; item < run.items[phase]; item++) run_items(run, phase, item, item + 1, item % c.threads);
    }
  }
}

bool is_equal(float actual, float expected, float tolerance) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (tolerance == 0) return memcmp(&actual, &expected, sizeof actual) == 0;
  return actual == expected || std::fabs(actual - expected) <= tolerance || !std::isfinite(tolerance);
}

void check_case(const Case& c, const Kernel& kernel) {
  const CaseData data(c);
  const Expected expected = plain_outputs(c, data);
  Buffer<float> y(expected.y.size(), 4 * (c.seed % 3));
  run_case(c, kernel, data, y.data());
  for (size_t i = 0; i < expected.y.size(); i++) {
    if (is_equal(y[i], expected.y[i], expected.tolerance[i])) continue;
    char text[200];
    snprintf(text, sizeof text, "%s: output %zu is %.9g, expected %.9g (tolerance %.3g) in ", kernel.id, i, y[i],
             expected.y[i], expected.tolerance[i]);
    throw std::runtime_error(text + c.describe());
  }
}

template <typename T, size_t N>
T one_of(const T (&values)[N], std::mt19937& random) {
  return values[random() % N];
}

Case random_case(uint32_t seed) {
  std::mt19937 random(seed);
  Case c;
  c.seed = seed;
  c.activation = static_cast<ActivationRule>(random() % 3);
  c.output_function = static_cast<OutputFunction>(random() % 3);
  c.out_features = one_of({1, 10, 15, 16, 17, 31, 32, 33, 48, 49, 63, 64, 65, 79, 80, 81, 97, 127, 128, 129, 161}, random);
  c.in_features = one_of({1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 255, 256, 257, 301, 784, 1027}, random);
  c.planes = one_of({1, 1, 1, 2, 3}, random);
  c.has_bias = random() % 2 == 0;
  c.has_row_scales = random() % 2 == 0;
  c.inputs = static_cast<Inputs>(random() % static_cast<uint32_t>(Inputs::COUNT));
  c.weights = random() % 2 == 0 ? Weights::random : static_cast<Weights>(random() % static_cast<uint32_t>(Weights::COUNT));
  c.threads = one_of({1, 1, 2, 3}, random);
  c.batch = {one_of({0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 19, 25}, random), 0, 0};
  if (random() % 3 != 0) {
    // So many outputs that one token meets several panels at once.
    if (c.batch.count == 1 && random() % 3 == 0) c.out_features = one_of({255, 256, 319, 320, 575, 640, 1153}, random);
    return c;
  }

  Convolution& g = c.convolution;
  g.in_channels = one_of({1, 2, 3, 4, 5, 16, 17, 64}, random);
  g.kernel_height = one_of({1, 2, 3, 5}, random);
  g.kernel_width = one_of({1, 2, 3, 5}, random);
  g.stride_y = one_of({1, 1, 2, 3}, random);
  g.stride_x = one_of({1, 1, 2, 3}, random);
  g.padding_y = one_of({0, 1, 2}, random);
  g.padding_x = one_of({0, 1, 2}, random);
  const int32_t smallest_height = max(1, g.kernel_height - 2 * g.padding_y);
  const int32_t smallest_width = max(1, g.kernel_width - 2 * g.padding_x);
  c.in_features = g.in_channels * g.kernel_height * g.kernel_width;
  c.batch = {one_of({1, 1, 2, 3}, random), smallest_height + static_cast<int32_t>(random() % 9),
             smallest_width + static_cast<int32_t>(random() % 9)};
  return c;
}

/** The largest sums there are: K = 132,104, the largest codes, weights all of one sign. */
void check_largest(const Kernel& kernel) {
  for (const Inputs inputs : {Inputs::largest, Inputs::smallest, Inputs::normal}) {
    for (const Weights weights : {Weights::ones, Weights::minus_ones, Weights::random}) {
      for (const int32_t tokens : {1, 7}) {
        Case c;
        c.in_features = 132104;
        c.out_features = tokens == 1 && weights == Weights::ones ? 320 : 5;
        c.inputs = inputs;
        c.weights = weights;
        c.batch.count = tokens;
        check_case(c, kernel);
      }
    }
  }
}

/** Kernels that take many tokens at once meet as many, and some more; the largest sums among them. */
void check_many_tokens(const Kernel& kernel, uint32_t cases) {
  if (kernel.codes.tile_tokens < 16) return;
  for (uint32_t seed = 1; seed <= cases; seed++) {
    std::mt19937 random(seed);
    Case c = random_case(seed);
    if (c.convolution.in_channels > 0) continue;
    c.batch.count = one_of({15, 16, 17, 31, 33, 48, 63, 64, 65, 70, 128}, random);
    c.out_features = min(c.out_features, 97);
    check_case(c, kernel);
  }
  Case largest;
  largest.in_features = 132104;
  largest.out_features = 5;
  largest.inputs = Inputs::largest;
  largest.weights = Weights::ones;
  largest.batch.count = 17;
  check_case(largest, kernel);
}

const Kernel* kernel_named(const char* id) {
  for (const Kernel* const* kernel = kernels; *kernel; kernel++) {
    if (strcmp((*kernel)->id, id) == 0 && is_supported(**kernel)) return *kernel;
  }
  throw std::runtime_error(std::string("this build, or this processor, has no kernel ") + id);
}

void check_kernel(const Kernel& kernel, uint32_t cases) {
  for (uint32_t seed = 1; seed <= cases; seed++) check_case(random_case(seed), kernel);
  check_largest(kernel);
  check_many_tokens(kernel, cases / 2);
  printf("%s: %u cases are as they should be\n", kernel.id, cases);
}

} // namespace

int main(int count, char** arguments) {
  uint32_t cases = 3000;
  std::vector<const Kernel*> chosen;
  try {
    for (int i = 1; i < count; i++) {
      if (strcmp(arguments[i], "--cases") == 0 && i + 1 < count) {
        cases = static_cast<uint32_t>(atoi(arguments[++i]));
      } else {
        chosen.push_back(kernel_named(arguments[i]));
      }
    }
    const bool are_named = !chosen.empty();
    for (const Kernel* const* kernel = kernels; !are_named && *kernel; kernel++) {
      if (is_supported(**kernel)) {
        chosen.push_back(*kernel);
      } else {
        printf("%s: not on this processor\n", (*kernel)->id);
      }
    }
    check_panels();
    for (const Kernel* kernel : chosen) check_kernel(*kernel, cases);
  } catch (const std::exception& error) {
    fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
