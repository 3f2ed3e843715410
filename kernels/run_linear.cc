/**
 * Linear layers. One token: a single phase whose items are blocks of panels and panels; each thread encodes the token for
 * itself, which costs less than waiting for another thread. More tokens: phase 0 encodes them, some at a time; the items of
 * phase 1 are the products of a chunk of tiles with a panel, chunk after chunk.
 */
#include "run_parts.h"

namespace bitlinear {
namespace {

void encode_tile(const Run& run, const ThreadPart& part, Range tokens, uint8_t* target, float* scales, int32_t* sums) {
  const Layer& layer = *run.layer;
  const Kernel& kernel = kernel_of(layer);
  const size_t k = static_cast<size_t>(layer.in_features);
  uint8_t* row = staging_rows(run, part, target);
  for (int32_t token = tokens.begin; token < tokens.end; token++, row += run.row_byte_length) {
    const float* x = run.x + token * k;
    const TokenScale scale = token_scale(layer.activation, kernel.largest_magnitude(x, k));
    encode(kernel, layer.activation, scale, x, k, row);
    pad_row(run, row);
    scales[token - tokens.begin] = scale.scale;
    sums[token - tokens.begin] = sum_row(run, row);
  }
  arrange_rows(run, part, tokens.end - tokens.begin, target);
}

/** Items of a run of one token: first blocks of panels that the kernel takes side by side, then panels one by one. */
void plan_one_token(Run& run) {
  const Layer& layer = *run.layer;
  const int32_t together = multiply_of(run).joint_panels;
  if (together > 0) {
    const int32_t whole_panels = layer.out_features / panel_outputs(kernel_of(layer).layout);
    // Threads end at about the same time when the last things to do are small.
    const int32_t apart = run.threads == 1 ? 0 : run.threads * ITEMS_PER_THREAD;
    run.joint_blocks = max(0, whole_panels - apart) / together;
  }
  run.phases = 1;
  run.items[0] = layer.panels - run.joint_blocks * (together - 1);
  plan_thread_parts(run, 1);
}

void run_one_token(const Run& run, Range items, const ThreadPart& part) {
  if (!part.state->is_encoded) {
    encode_tile(run, part, {0, 1}, part.rows, part.row_scales, part.row_sums);
    part.state->is_encoded = true;
  }
  Tile tile = {};
  tile.codes = part.rows;
  tile.scales = part.row_scales;
  tile.sums = part.row_sums;
  tile.tokens = 1;
  const Multiply& multiply = multiply_of(run);
  for (int32_t item = items.begin; item < items.end; item++) {
    if (item >= run.joint_blocks) {
      multiply_panel(run, part, item + run.joint_blocks * (multiply.joint_panels - 1), tile, 0);
      continue;
    }
    const int32_t panel = item * multiply.joint_panels;
    tile.y = run.y + static_cast<size_t>(panel) * panel_outputs(kernel_of(*run.layer).layout);
    multiply.multiply_joint(panel_of(*run.layer, panel), tile);
  }
}

float* scales_of(const Run& run) { return reinterpret_cast<float*>(run.workspace + run.scales_offset); }
int32_t* sums_of(const Run& run) { return reinterpret_cast<int32_t*>(run.workspace + run.sums_offset); }

void encode_tokens(const Run& run, Range items, const ThreadPart& part) {
  for (int32_t index = items.begin; index < items.end; index++) {
    const Range tokens = part_of(run.rows, run.items[0], index);
    uint8_t* target = run.workspace + run.tile_row_byte_length * tokens.begin;
    encode_tile(run, part, tokens, target, scales_of(run) + tokens.begin, sums_of(run) + tokens.begin);
  }
}

void multiply_chunk(const Run& run, int32_t chunk, int32_t panel, const ThreadPart& part) {
  const Range tiles = part_of(run.tiles, run.chunks, chunk);
  for (int32_t index = tiles.begin; index < tiles.end; index++) {
    const Range tokens = part_of(run.rows, run.tiles, index);
    Tile tile = {};
    tile.codes = run.workspace + run.tile_row_byte_length * tokens.begin;
    tile.scales = scales_of(run) + tokens.begin;
    tile.sums = sums_of(run) + tokens.begin;
    tile.tokens = tokens.end - tokens.begin;
    multiply_panel(run, part, panel, tile, tokens.begin);
  }
}

} // namespace

void plan_linear(Run& run) {
  const int32_t panels = run.layer->panels;
  run.rows = run.batch.count;
  if (run.rows == 1) {
    plan_one_token(run);
    return;
  }
  const size_t rows = static_cast<size_t>(run.rows);
  run.phases = 2;
  run.tiles = divide_up(run.rows, multiply_of(run).tile_tokens);
  const int32_t for_cache = static_cast<int32_t>(divide_up(rows * run.tile_row_byte_length, CHUNK_BYTE_LENGTH));
  const int32_t for_threads = run.threads == 1 ? 1 : divide_up(run.threads * ITEMS_PER_THREAD, panels);
  run.chunks = min(run.tiles, max(for_cache, for_threads));
  // Rows that are arranged are so tile by tile; others can be shared out more evenly than in tiles of many tokens.
  const bool is_by_tiles = multiply_of(run).arrange != nullptr;
  run.items[0] = is_by_tiles ? run.tiles : min(run.rows, max(run.tiles, run.threads * ITEMS_PER_THREAD));
  run.items[1] = run.chunks * panels;
  run.scales_offset = rows * run.tile_row_byte_length + 64;
  run.sums_offset = run.scales_offset + aligned(rows * sizeof(float));
  run.threads_offset = run.sums_offset + aligned(rows * sizeof(int32_t));
  plan_thread_parts(run, 0);
}

void run_linear(const Run& run, int32_t phase, int32_t begin, int32_t end, int32_t thread) {
  const ThreadPart part = thread_part(run, thread);
  if (run.phases == 1) {
    run_one_token(run, {begin, end}, part);
  } else if (phase == 0) {
    encode_tokens(run, {begin, end}, part);
  } else {
    const int32_t panels = run.layer->panels;
    for (int32_t item = begin; item < end; item++) multiply_chunk(run, item / panels, item % panels, part);
  }
}

} // namespace bitlinear
