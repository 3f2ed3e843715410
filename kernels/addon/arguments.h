/**
 * What JavaScript calls with. Only plain numbers, strings and typed arrays are read, and no property of an object: so no code
 * of the caller runs while arguments are read, which could detach an array that was read before. Functions return what is
 * wrong, or null.
 */
#pragma once
#include <napi.h>

#include <vector>

#include "../run.h"

namespace bitlinear {

/** Contents of a typed array; null and 0 for an empty or detached one. */
template <typename T>
struct Array {
  T* data = nullptr;
  size_t length = 0;
};

/** False for anything but a Float32Array. */
bool read_floats(napi_env env, napi_value value, Array<float>& array);

/** The same of memory that nobody can take away or free while its array is held: a SharedArrayBuffer. */
bool read_shared_floats(napi_env env, napi_value value, Array<float>& array);

/** False for anything but a whole number from `least` to `most`. */
bool read_integer(napi_env env, napi_value value, int32_t least, int32_t most, int32_t& number);

struct LayerArguments {
  LayerDescription description = {};
  int32_t threads = 1;
};

/**
 * `(kernel, activation, outputFunction, threads, sizes, planes, hasBias)`: three strings, a number, an Int32Array
 * `[outFeatures, inFeatures]` or `[outFeatures, inFeatures, inChannels, kernelHeight, kernelWidth, strideY, strideX, paddingY,
 * paddingX]`, a number and a boolean.
 */
const char* read_layer(const Napi::CallbackInfo& info, LayerArguments& arguments);

/** What a panel is made of. */
struct PanelArguments {
  std::vector<Plane> planes;
  const float* bias = nullptr;
};

/**
 * `(bias, trits, scales, trits, scales, ...)` for a panel of a layer: a Float32Array `[outFeatures]`, or null as the layer's
 * `hasBias` said, and for each plane an Int8Array with the rows of this panel and a Float32Array with the scales of all rows.
 */
const char* read_panel_parts(const Napi::CallbackInfo& info, const Layer& layer, int32_t index, PanelArguments& arguments);

/** `(index, plane, trits)`: two numbers and an Int8Array with room for the rows of that panel. */
struct PanelTarget {
  int32_t index, plane;
  int8_t* trits;
};

const char* read_panel_target(const Napi::CallbackInfo& info, const Layer& layer, PanelTarget& target);

/** What a batch takes. */
struct BatchSizes {
  size_t x_length, y_length;
  /** Rows that meet the weights, and values that become codes: with the borders of images. */
  double rows, values;
};

/** `(..., count)` or `(..., count, height, width)`, from the argument `first` on. */
const char* read_batch(const Napi::CallbackInfo& info, size_t first, const Layer& layer, Batch& batch);

/** Whether a batch can be computed at all. */
const char* measure_batch(const Layer& layer, const Batch& batch, BatchSizes& sizes);

} // namespace bitlinear
