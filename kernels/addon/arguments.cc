#include "arguments.h"

#include <string>

#include "../cpu.h"

namespace bitlinear {
namespace {

constexpr int32_t MAX_IN_FEATURES = 132'104;
constexpr int32_t MAX_THREADS = 1024;
constexpr int32_t MAX_PLANES = 65'536;

/** Sizes that a product of int32 sizes stays below, and codes of one image with its border. */
constexpr double MAX_ROWS = 2147483647;
constexpr double MAX_VALUES = 1 << 30;

template <typename T>
bool read_array(napi_env env, napi_value value, napi_typedarray_type wanted, Array<T>& array) {
  napi_typedarray_type type;
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok) return false;
  if (type != wanted) return false;
  array = {static_cast<T*>(data), data == nullptr ? 0 : length};
  return true;
}

std::string read_string(const Napi::Value& value) {
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

const Kernel* kernel_named(const std::string& id) {
  const KernelList usable = usable_kernels(nullptr);
  for (int32_t i = 0; i < usable.count; i++) {
    if (id == usable.items[i]->id) return usable.items[i];
  }
  return nullptr;
}

/** Index of a name, or -1. */
template <size_t count>
int index_of(const std::string& name, const char* const (&names)[count]) {
  for (size_t i = 0; i < count; i++) {
    if (name == names[i]) return static_cast<int>(i);
  }
  return -1;
}

constexpr const char* ACTIVATIONS[] = {"int8", "sign", "none"};
constexpr const char* OUTPUT_FUNCTIONS[] = {"", "relu", "squaredRelu"};

const char* read_convolution(const int32_t* sizes, int32_t in_features, Convolution& convolution) {
  for (int i = 0; i < 5; i++) {
    if (sizes[i] < 1) return "channels, kernel and stride must be at least 1";
  }
  if (sizes[5] < 0 || sizes[6] < 0) return "padding must be at least 0";
  convolution = {sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6]};
  const double patch = double{1} * sizes[0] * sizes[1] * sizes[2];
  return patch == in_features ? nullptr : "the kernel of the convolution does not fit inFeatures";
}

const char* read_sizes(napi_env env, napi_value value, LayerDescription& description) {
  Array<int32_t> sizes;
  if (!read_array(env, value, napi_int32_array, sizes)) return "sizes must be an Int32Array";
  if (sizes.length != 2 && sizes.length != 9) return "sizes must hold 2 or 9 numbers";
  description.out_features = sizes.data[0];
  description.in_features = sizes.data[1];
  if (sizes.data[0] < 1) return "outFeatures must be at least 1";
  if (sizes.data[1] < 1 || sizes.data[1] > MAX_IN_FEATURES) return "inFeatures must be 1 to 132104";
  if (sizes.length == 2) return nullptr;
  return read_convolution(sizes.data + 2, description.in_features, description.convolution);
}

/** Trits of one panel; null where there are too few or too many. */
int8_t* read_trits(napi_env env, napi_value value, const Layer& layer, int32_t index) {
  Array<int8_t> trits;
  if (!read_array(env, value, napi_int8_array, trits)) return nullptr;
  const size_t rows = static_cast<size_t>(rows_of_panel(layer, index));
  return trits.length == rows * layer.in_features ? trits.data : nullptr;
}

const char* read_plane(napi_env env, napi_value trits, napi_value scales, const Layer& layer, int32_t index, Plane& plane) {
  plane.trits = read_trits(env, trits, layer, index);
  if (!plane.trits) return "trits must be an Int8Array with the rows of the panel";
  Array<float> all_scales;
  if (!read_floats(env, scales, all_scales)) return "scales must be a Float32Array";
  const size_t out_features = static_cast<size_t>(layer.out_features);
  if (all_scales.length != 1 && all_scales.length != out_features) return "scales must hold 1 value or one per output";
  plane.scales = all_scales.data;
  plane.scale_count = static_cast<int32_t>(all_scales.length);
  return nullptr;
}

} // namespace

bool read_floats(napi_env env, napi_value value, Array<float>& array) {
  return read_array(env, value, napi_float32_array, array);
}

bool read_shared_floats(napi_env env, napi_value value, Array<float>& array) {
  if (!read_floats(env, value, array)) return false;
  napi_value buffer = nullptr;
  bool is_array_buffer = true; // which a SharedArrayBuffer is not
  return napi_get_typedarray_info(env, value, nullptr, nullptr, nullptr, &buffer, nullptr) == napi_ok &&
         napi_is_arraybuffer(env, buffer, &is_array_buffer) == napi_ok && !is_array_buffer;
}

bool read_integer(napi_env env, napi_value value, int32_t least, int32_t most, int32_t& number) {
  double read = 0;
  if (napi_get_value_double(env, value, &read) != napi_ok || !(read >= least && read <= most)) return false;
  number = static_cast<int32_t>(read);
  return number == read;
}

const char* read_layer(const Napi::CallbackInfo& info, LayerArguments& arguments) {
  const napi_env env = info.Env();
  LayerDescription& description = arguments.description;
  description.kernel = kernel_named(read_string(info[0]));
  if (!description.kernel) return "there is no such kernel on this machine";
  const int activation = index_of(read_string(info[1]), ACTIVATIONS);
  if (activation < 0) return "there is no such activation rule";
  description.activation = static_cast<ActivationRule>(activation);
  const int function = index_of(read_string(info[2]), OUTPUT_FUNCTIONS);
  if (function < 0 || !info[2].IsString()) return "there is no such output function";
  description.output_function = static_cast<OutputFunction>(function);
  if (!read_integer(env, info[3], 1, MAX_THREADS, arguments.threads)) return "threads must be 1 to 1024";
  if (const char* wrong = read_sizes(env, info[4], description)) return wrong;

  if (!read_integer(env, info[5], 1, MAX_PLANES, description.planes)) return "planes must be 1 to 65536";
  if (!info[6].IsBoolean()) return "hasBias must be true or false";
  description.has_bias = info[6].As<Napi::Boolean>().Value();
  return nullptr;
}

const char* read_panel_parts(const Napi::CallbackInfo& info, const Layer& layer, int32_t index, PanelArguments& arguments) {
  const napi_env env = info.Env();
  if (layer.bias_offset == 0) {
    if (!info[0].IsNull()) return "this layer has no bias";
  } else {
    Array<float> bias;
    if (!read_floats(env, info[0], bias)) return "bias must be a Float32Array";
    if (bias.length != static_cast<size_t>(layer.out_features)) return "bias must hold one value per output";
    arguments.bias = bias.data;
  }
  const size_t planes = static_cast<size_t>(layer.planes);
  if (info.Length() != 1 + 2 * planes) return "each plane needs trits and scales";
  arguments.planes.resize(planes);
  for (size_t i = 0; i < planes; i++) {
    if (const char* wrong = read_plane(env, info[1 + 2 * i], info[2 + 2 * i], layer, index, arguments.planes[i])) return wrong;
  }
  return nullptr;
}

const char* read_panel_target(const Napi::CallbackInfo& info, const Layer& layer, PanelTarget& target) {
  const napi_env env = info.Env();
  if (!read_integer(env, info[0], 0, layer.panels - 1, target.index)) return "there is no such panel";
  if (!read_integer(env, info[1], 0, layer.planes - 1, target.plane)) return "there is no such plane";
  target.trits = read_trits(env, info[2], layer, target.index);
  return target.trits ? nullptr : "trits must be an Int8Array with room for the rows of the panel";
}

const char* read_batch(const Napi::CallbackInfo& info, size_t first, const Layer& layer, Batch& batch) {
  const napi_env env = info.Env();
  batch = {0, 1, 1};
  if (!read_integer(env, info[first], 0, INT32_MAX, batch.count)) return "the batch must be a whole number";
  if (layer.convolution.in_channels == 0) return nullptr;
  const bool has_size = read_integer(env, info[first + 1], 1, INT32_MAX, batch.height) &&
                        read_integer(env, info[first + 2], 1, INT32_MAX, batch.width);
  return has_size ? nullptr : "height and width must be whole numbers";
}

const char* measure_batch(const Layer& layer, const Batch& batch, BatchSizes& sizes) {
  const Convolution& convolution = layer.convolution;
  double values = layer.in_features;
  double positions = 1;
  double borderless = values;
  if (convolution.in_channels > 0) {
    const double height = batch.height + 2.0 * convolution.padding_y;
    const double width = batch.width + 2.0 * convolution.padding_x;
    if (height < convolution.kernel_height || width < convolution.kernel_width) return "the image is too small";
    values = height * width * convolution.in_channels;
    if (values > MAX_VALUES) return "an image with its padding is too large";
    borderless = double{1} * batch.height * batch.width * convolution.in_channels;
    const auto out = [](int32_t size, int32_t kernel, int32_t stride, int32_t padding) -> double {
      return convolved_size(size, kernel, stride, padding);
    };
    positions = out(batch.height, convolution.kernel_height, convolution.stride_y, convolution.padding_y) *
                out(batch.width, convolution.kernel_width, convolution.stride_x, convolution.padding_x);
  }
  sizes.rows = batch.count * positions;
  sizes.values = batch.count * values;
  if (sizes.rows > MAX_ROWS) return "the batch is too large";
  sizes.x_length = static_cast<size_t>(batch.count * borderless);
  sizes.y_length = static_cast<size_t>(sizes.rows) * static_cast<size_t>(layer.out_features);
  return nullptr;
}

} // namespace bitlinear
