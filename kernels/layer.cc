#include "layer.h"

namespace bitlinear {
namespace {

uint32_t index_of(const Kernel* kernel) {
  uint32_t index = 0;
  while (kernels[index] != kernel) index++;
  return index;
}

/** The head of a layer's block. */
Layer lay_out(const LayerDescription& description) {
  const int32_t outputs = panel_outputs(description.kernel->layout);
  Layer layer = {};
  layer.kernel = index_of(description.kernel);
  layer.activation = description.activation;
  layer.output_function = description.output_function;
  layer.out_features = description.out_features;
  layer.in_features = description.in_features;
  layer.planes = description.planes;
  layer.convolution = description.convolution;
  layer.panels = divide_up(description.out_features, outputs);

  const size_t row = static_cast<size_t>(layer.panels) * outputs * sizeof(float);
  const size_t planes = static_cast<size_t>(description.planes);
  layer.weights_offset = aligned(sizeof(Layer));
  layer.scales_offset = layer.weights_offset + layer.panels * planes * panel_byte_length(layer.in_features);
  const size_t scales_end = layer.scales_offset + planes * row;
  layer.bias_offset = description.has_bias ? scales_end : 0;
  layer.byte_length = scales_end + (description.has_bias ? row : 0);
  return layer;
}

/** `count` values from output `begin` on, then zeros up to `outputs`; a single value stands for all. */
void copy_row(const float* values, int32_t value_count, int32_t begin, int32_t count, int32_t outputs, float* row) {
  for (int32_t i = 0; i < outputs; i++) row[i] = i < count ? values[value_count == 1 ? 0 : begin + i] : 0;
}

} // namespace

size_t layer_byte_length(const LayerDescription& description) { return lay_out(description).byte_length; }

Layer* prepare_layer(void* memory, const LayerDescription& description, const Plane* planes, const float* bias) {
  Layer* layer = start_layer(memory, description);
  for (int32_t panel = 0; panel < layer->panels; panel++) prepare_panel(*layer, panel, planes, 0, bias);
  return layer;
}

Layer* start_layer(void* memory, const LayerDescription& description) {
  Layer* layer = static_cast<Layer*>(memory);
  *layer = lay_out(description);
  return layer;
}

void prepare_panel(Layer& layer, int32_t index, const Plane* planes, int32_t first_row, const float* bias) {
  uint8_t* block = reinterpret_cast<uint8_t*>(&layer);
  const Layout layout = kernel_of(layer).layout;
  const int32_t outputs = panel_outputs(layout);
  const int32_t begin = index * outputs;
  const int32_t rows = rows_of_panel(layer, index);
  const int32_t k = layer.in_features;
  const size_t first_plane = static_cast<size_t>(index) * layer.planes;
  uint8_t* weights = block + layer.weights_offset + first_plane * panel_byte_length(k);
  float* scales = reinterpret_cast<float*>(block + layer.scales_offset) + first_plane * outputs;
  for (int32_t plane = 0; plane < layer.planes; plane++) {
    const int8_t* trits = planes[plane].trits + static_cast<size_t>(begin - first_row) * k;
    pack_panel(layout, {trits, rows, k, layer.convolution.in_channels}, weights);
    copy_row(planes[plane].scales, planes[plane].scale_count, begin, rows, outputs, scales);
    weights += panel_byte_length(k);
    scales += outputs;
  }
  if (layer.bias_offset == 0) return;
  copy_row(bias, layer.out_features, begin, rows, outputs, reinterpret_cast<float*>(block + layer.bias_offset) + begin);
}

int32_t rows_of_panel(const Layer& layer, int32_t index) {
  const int32_t outputs = panel_outputs(kernel_of(layer).layout);
  return min(outputs, layer.out_features - index * outputs);
}

void read_panel(const Layer& layer, int32_t index, int32_t plane, int8_t* trits) {
  const uint8_t* weights = panel_of(layer, index).weights + static_cast<size_t>(plane) * panel_byte_length(layer.in_features);
  unpack_panel(kernel_of(layer).layout, weights, rows_of_panel(layer, index), layer.in_features,
               layer.convolution.in_channels, trits);
}

Panel panel_of(const Layer& layer, int32_t index) {
  const uint8_t* block = reinterpret_cast<const uint8_t*>(&layer);
  const size_t outputs = static_cast<size_t>(panel_outputs(kernel_of(layer).layout));
  const size_t first_plane = static_cast<size_t>(index) * layer.planes;
  Panel panel;
  panel.weights = block + layer.weights_offset + first_plane * panel_byte_length(layer.in_features);
  panel.scales = reinterpret_cast<const float*>(block + layer.scales_offset) + first_plane * outputs;
  panel.bias = layer.bias_offset == 0 ? nullptr
                                      : reinterpret_cast<const float*>(block + layer.bias_offset) + index * outputs;
  panel.planes = layer.planes;
  panel.groups = padded_k(layer.in_features) / GROUP;
  const int32_t rest = layer.out_features - index * static_cast<int32_t>(outputs);
  panel.lane_groups = divide_up(min(rest, static_cast<int32_t>(outputs)), LANES);
  panel.output_function = layer.output_function;
  return panel;
}

} // namespace bitlinear
