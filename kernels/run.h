/**
 * Running a prepared layer, with as many threads as the caller has:
 *
 *     Run run = plan_run(*layer, {m}, threads);
 *     run.x = x; run.y = y; run.workspace = ...;          // run.workspace_byte_length bytes, at a multiple of 64
 *     start_run(run);
 *     for each phase of run.phases:                       // all items of a phase are done before the next one begins
 *       run_items(run, phase, begin, end, thread);        // ranges of 0..run.items[phase], by any thread, in any order
 *
 * A thread passes its own number (0 to threads - 1) and may call run_items as often as it likes. Nothing here allocates.
 */
#pragma once
#include "layer.h"

namespace bitlinear {

/** What goes in: tokens, or images and their size. */
struct Batch {
  int32_t count;
  /** Of a convolution's images. */
  int32_t height, width;
};

constexpr int32_t MAX_PHASES = 3;

/** One run of a layer. What a caller does not set is read-only for it. */
struct Run {
  const Layer* layer;
  Batch batch;
  int32_t threads;

  /** Set by the caller: `[count, in_features]`, or `[count, height, width, in_channels]`. */
  const float* x;
  /** Set by the caller: `[count, out_features]`, or `[count, out_height, out_width, out_features]`; apart from x. */
  float* y;
  /** Set by the caller. */
  uint8_t* workspace;

  size_t workspace_byte_length;
  /** Of several, the last alone writes y, and all but the last read x: x may go once they are done. */
  int32_t phases;
  int32_t items[MAX_PHASES];

  /** Rows that meet the weights: tokens, or patches of all images. */
  int32_t rows;
  /** Rows are cut into tiles, tiles into chunks whose codes stay in the second-level cache. */
  int32_t tiles, chunks;
  /** Of one token: the first items are blocks of panels that the kernel takes side by side. */
  int32_t joint_blocks;
  /** Of a convolution; strips per image. */
  int32_t out_height, out_width, strips;
  /** Bytes of a row of codes as it is encoded, and as the kernel reads it: more where the kernel rearranges tiles. */
  size_t row_byte_length, tile_row_byte_length;
  /** Bytes of an image's codes with their border of zeros. */
  size_t image_byte_length;
  /** In the workspace: codes of all tokens or images, then their scales and sums, then a part for each thread. */
  size_t scales_offset, sums_offset, threads_offset, thread_byte_length;
  /** In the part of a thread, behind its state: outputs of a cut panel, rows not yet arranged, rows for the kernel. */
  size_t outputs_offset, staged_offset, rows_offset, row_scales_offset, row_sums_offset;
};

/** Height or width of the output of a convolution. */
int32_t convolved_size(int32_t size, int32_t kernel_size, int32_t stride, int32_t padding);

/** Sizes of a run; `threads` is at least 1. */
Run plan_run(const Layer& layer, const Batch& batch, int32_t threads);

/** Makes the workspace ready; once before each run, by one thread. */
void start_run(const Run& run);

/** Does items `begin` to `end` of a phase. */
void run_items(const Run& run, int32_t phase, int32_t begin, int32_t end, int32_t thread);

/** All phases on the calling thread. */
inline void run_alone(const Run& run) {
  start_run(run);
  for (int32_t phase = 0; phase < run.phases; phase++) run_items(run, phase, 0, run.items[phase], 0);
}

} // namespace bitlinear
