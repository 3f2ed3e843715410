/** What runs of linear layers and of convolutions share. */
#pragma once
#include "run.h"

namespace bitlinear {

void plan_linear(Run& run);
void plan_convolution(Run& run);
void run_linear(const Run& run, int32_t phase, int32_t begin, int32_t end, int32_t thread);
void run_convolution(const Run& run, int32_t phase, int32_t begin, int32_t end, int32_t thread);

/** Bytes of codes that stay in the second-level cache beside a stream of weights. */
constexpr size_t CHUNK_BYTE_LENGTH = 256 << 10;

/** What each thread should at least find to do, so that all end at about the same time. */
constexpr int32_t ITEMS_PER_THREAD = 4;

/** The state of a thread, at the start of its part of the workspace. */
struct ThreadState {
  /** Whether the thread has encoded the only token of the run. */
  bool is_encoded;
};

struct Range {
  int32_t begin, end;
};

/** One of `parts` parts of a total whose sizes differ by at most 1. */
inline Range part_of(int32_t total, int32_t parts, int32_t index) {
  const int64_t wide = total;
  return {static_cast<int32_t>(wide * index / parts), static_cast<int32_t>(wide * (index + 1) / parts)};
}

inline const Multiply& multiply_of(const Run& run) {
  return multiply_of(kernel_of(*run.layer), run.layer->activation);
}

/** The part of the workspace that belongs to one thread. */
struct ThreadPart {
  ThreadState* state;
  float* outputs;
  uint8_t* staged;
  uint8_t* rows;
  float* row_scales;
  int32_t* row_sums;
};

ThreadPart thread_part(const Run& run, int32_t thread);

/** Lays out the end of the workspace, from `run.threads_offset` on; `rows` is how many a thread prepares by itself. */
void plan_thread_parts(Run& run, int32_t rows);

/** Sets zeros behind the codes of a row, up to the padded K. */
void pad_row(const Run& run, uint8_t* row);

/** Sum of the codes of a padded row; 0 for float codes, which need none. */
int32_t sum_row(const Run& run, const uint8_t* row);

/**
 * Prepared rows as the kernel reads them. A caller writes `count` rows to `staging_rows(...)`, and then calls `arrange_rows`
 * with the same target, where the kernel will find them.
 */
inline uint8_t* staging_rows(const Run& run, const ThreadPart& part, uint8_t* target) {
  return multiply_of(run).arrange ? part.staged : target;
}

void arrange_rows(const Run& run, const ThreadPart& part, int32_t count, uint8_t* target);

/**
 * The rows of a tile meet a panel; the outputs go to rows `first_row` and up of y. Sets what the tile lacks: no copy of it,
 * which would read in wide pieces what was just written in narrow ones, and so wait until all outputs before are written.
 */
void multiply_panel(const Run& run, const ThreadPart& part, int32_t panel, Tile& tile, int32_t first_row);

} // namespace bitlinear
