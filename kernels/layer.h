/**
 * A prepared layer: linear or convolution, one or more planes of trits, in one relocatable block of the caller's memory.
 * Nothing here allocates, starts threads or checks sizes; run.h runs the layer.
 */
#pragma once
#include "activation.h"
#include "layout.h"

namespace bitlinear {

/** Geometry of a convolution over channels-last images. */
struct Convolution {
  /** 0 for a linear layer. */
  int32_t in_channels;
  int32_t kernel_height, kernel_width;
  int32_t stride_y, stride_x;
  /** Zeros added above and below, left and right. */
  int32_t padding_y, padding_x;
};

struct LayerDescription {
  const Kernel* kernel;
  ActivationRule activation;
  OutputFunction output_function;
  int32_t out_features;
  /** At most 132,104; of a convolution in_channels · kernel_height · kernel_width. */
  int32_t in_features;
  int32_t planes;
  bool has_bias;
  Convolution convolution;
};

/** One plane of trits. */
struct Plane {
  /** -1, 0 or 1; `[out_features, in_features]`, rows of a convolution ordered channel, row, column. */
  const int8_t* trits;
  /** One value, or one per output. */
  const float* scales;
  int32_t scale_count;
};

/** Start of the block; offsets are from here, and the kernel is its index, so that the block can be moved or stored. */
struct Layer {
  uint32_t kernel;
  ActivationRule activation;
  OutputFunction output_function;
  int32_t out_features;
  int32_t in_features;
  int32_t planes;
  Convolution convolution;
  int32_t panels;
  /** `[panels][planes][groups][64]` bytes, `[panels][planes][panel_outputs]` and `[panels][panel_outputs]` floats. */
  size_t weights_offset, scales_offset;
  /** 0 without bias. */
  size_t bias_offset;
  size_t byte_length;
};

/** Bytes of the block, which must start at a multiple of 64. */
size_t layer_byte_length(const LayerDescription& description);

/**
 * Fills the block.
 *
 * @param planes `[description.planes]`
 * @param bias `[out_features]`, or null as `has_bias` says
 */
Layer* prepare_layer(void* memory, const LayerDescription& description, const Plane* planes, const float* bias);

/**
 * The same in steps, for callers that have no room for all trits at once: everything but what the panels hold, and then
 * each panel with `prepare_panel`.
 */
Layer* start_layer(void* memory, const LayerDescription& description);

/** @param first_row the output whose trits come first in `planes`: at most the first one of the panel */
void prepare_panel(Layer& layer, int32_t index, const Plane* planes, int32_t first_row, const float* bias);

/** Trits of a plane of a panel, `[rows, in_features]` as they were given, for the rows that the panel has. */
void read_panel(const Layer& layer, int32_t index, int32_t plane, int8_t* trits);

/** Outputs of a panel that are outputs of the layer. */
int32_t rows_of_panel(const Layer& layer, int32_t index);

/** The kernel that runs a layer. */
inline const Kernel& kernel_of(const Layer& layer) { return *kernels[layer.kernel]; }

/** One panel of a layer. */
Panel panel_of(const Layer& layer, int32_t index);

} // namespace bitlinear
