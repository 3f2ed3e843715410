#include "run.h"

#include "run_parts.h"

namespace bitlinear {
namespace {

/** Rows that start a multiple of 4 KiB apart would share one set of the first-level cache. */
size_t apart(size_t byte_length) { return byte_length % 1024 == 0 ? byte_length + 64 : byte_length; }

} // namespace

Run plan_run(const Layer& layer, const Batch& batch, int32_t threads) {
  Run run = {};
  run.layer = &layer;
  run.batch = batch;
  run.threads = threads;
  const size_t k = static_cast<size_t>(padded_k(layer.in_features));
  run.row_byte_length = apart(aligned(k * code_byte_length(layer.activation)));
  const Multiply& multiply = multiply_of(run);
  run.tile_row_byte_length = multiply.arrange ? aligned(k * multiply.arranged_code_bytes) : run.row_byte_length;
  if (layer.convolution.in_channels > 0) {
    plan_convolution(run);
  } else {
    plan_linear(run);
  }
  return run;
}

void start_run(const Run& run) {
  for (int32_t thread = 0; thread < run.threads; thread++) thread_part(run, thread).state->is_encoded = false;
}

void run_items(const Run& run, int32_t phase, int32_t begin, int32_t end, int32_t thread) {
  if (run.layer->convolution.in_channels > 0) {
    run_convolution(run, phase, begin, end, thread);
  } else {
    run_linear(run, phase, begin, end, thread);
  }
}

void plan_thread_parts(Run& run, int32_t rows) {
  const Multiply& multiply = multiply_of(run);
  const size_t outputs = static_cast<size_t>(multiply.tile_tokens) * MAX_PANEL_OUTPUTS;
  const size_t staged_rows = multiply.arrange ? multiply.tile_tokens : 0;
  const size_t own_rows = static_cast<size_t>(rows);
  run.outputs_offset = aligned(sizeof(ThreadState));
  run.staged_offset = run.outputs_offset + aligned(outputs * sizeof(float));
  // A run of a patch may be copied up to 15 bytes too far: 64 bytes of room behind all rows.
  run.rows_offset = run.staged_offset + staged_rows * run.row_byte_length + 64;
  run.row_scales_offset = run.rows_offset + own_rows * run.tile_row_byte_length + 64;
  run.row_sums_offset = run.row_scales_offset + aligned(own_rows * sizeof(float));
  run.thread_byte_length = run.row_sums_offset + aligned(own_rows * sizeof(int32_t));
  run.workspace_byte_length = run.threads_offset + run.thread_byte_length * run.threads;
}

ThreadPart thread_part(const Run& run, int32_t thread) {
  uint8_t* start = run.workspace + run.threads_offset + run.thread_byte_length * thread;
  return {reinterpret_cast<ThreadState*>(start),
          reinterpret_cast<float*>(start + run.outputs_offset),
          start + run.staged_offset,
          start + run.rows_offset,
          reinterpret_cast<float*>(start + run.row_scales_offset),
          reinterpret_cast<int32_t*>(start + run.row_sums_offset)};
}

void pad_row(const Run& run, uint8_t* row) {
  const Layer& layer = *run.layer;
  const size_t k = static_cast<size_t>(layer.in_features);
  const size_t padding = static_cast<size_t>(padded_k(layer.in_features)) - k;
  const size_t code = code_byte_length(layer.activation);
  if (padding > 0) __builtin_memset(row + k * code, 0, padding * code);
}

int32_t sum_row(const Run& run, const uint8_t* row) {
  const Layer& layer = *run.layer;
  if (!is_integer(layer.activation)) return 0;
  return kernel_of(layer).sum(reinterpret_cast<const int8_t*>(row), static_cast<size_t>(padded_k(layer.in_features)));
}

void arrange_rows(const Run& run, const ThreadPart& part, int32_t count, uint8_t* target) {
  const Multiply& multiply = multiply_of(run);
  if (!multiply.arrange) return;
  Tile rows = {};
  rows.codes = part.staged;
  rows.stride = run.row_byte_length;
  rows.tokens = count;
  multiply.arrange(rows, padded_k(run.layer->in_features) / GROUP, target);
}

void multiply_panel(const Run& run, const ThreadPart& part, int32_t index, Tile& tile, int32_t first_row) {
  const Layer& layer = *run.layer;
  const Panel panel = panel_of(layer, index);
  const int32_t begin = index * panel_outputs(kernel_of(layer).layout);
  const int32_t outputs = panel.lane_groups * LANES;
  const int32_t count = min(outputs, layer.out_features - begin);
  float* y = run.y + static_cast<size_t>(first_row) * layer.out_features + begin;
  const bool is_cut = count < outputs;
  tile.stride = run.row_byte_length;
  tile.y = is_cut ? part.outputs : y;
  tile.y_stride = static_cast<size_t>(is_cut ? outputs : layer.out_features);
  multiply_of(run).multiply(panel, tile);
  if (!is_cut) return;
  for (int32_t row = 0; row < tile.tokens; row++) {
    const float* from = part.outputs + row * outputs;
    for (int32_t i = 0; i < count; i++) y[static_cast<size_t>(row) * layer.out_features + i] = from[i];
  }
}

} // namespace bitlinear
