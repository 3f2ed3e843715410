/**
 * Convolutions. Phase 0 encodes each image, which is the token of the activation rule, into codes with a border of zeros.
 * The items of phase 1 are chunks of patches: a patch is gathered from kernel_height runs of neighbouring codes, and a chunk
 * meets all panels; the whole matrix of patches is never there.
 */
#include "run_parts.h"

namespace bitlinear {
namespace {

/** Bytes of codes that one item gathers: less than for linear layers, as there is often only one panel to meet. */
constexpr size_t PATCHES_BYTE_LENGTH = 64 << 10;

/** Sizes of an image with its border, in codes. */
struct Bordered {
  size_t row;
  size_t height;
};

Bordered bordered(const Run& run) {
  const Convolution& convolution = run.layer->convolution;
  const int32_t width = run.batch.width + 2 * convolution.padding_x;
  return {static_cast<size_t>(width) * convolution.in_channels,
          static_cast<size_t>(run.batch.height + 2 * convolution.padding_y)};
}

float* scales_of(const Run& run) { return reinterpret_cast<float*>(run.workspace + run.scales_offset); }

void encode_image(const Run& run, int32_t image) {
  const Layer& layer = *run.layer;
  const Convolution& convolution = layer.convolution;
  const Kernel& kernel = kernel_of(layer);
  const size_t row = static_cast<size_t>(run.batch.width) * convolution.in_channels;
  const size_t size = row * run.batch.height;
  const float* x = run.x + size * image;
  const TokenScale scale = token_scale(layer.activation, kernel.largest_magnitude(x, size));
  scales_of(run)[image] = scale.scale;

  const size_t code = code_byte_length(layer.activation);
  const size_t bordered_row = bordered(run).row;
  uint8_t* codes = run.workspace + run.image_byte_length * image;
  __builtin_memset(codes, 0, run.image_byte_length);
  codes += (bordered_row * convolution.padding_y + convolution.padding_x * convolution.in_channels) * code;
  for (int32_t y = 0; y < run.batch.height; y++) {
    encode(kernel, layer.activation, scale, x + row * y, row, codes + bordered_row * y * code);
  }
}

/** Copies a short run; may write, and read, up to 15 bytes more. */
inline void copy_run(const uint8_t* from, size_t byte_length, uint8_t* to) {
  for (size_t i = 0; i < byte_length; i += 16) __builtin_memcpy(to + i, from + i, 16);
}

/** Gathers patches one after the other, in the order of the outputs. */
class PatchReader {
public:
  PatchReader(const Run& run, int32_t first)
      : run_(run), code_(code_byte_length(run.layer->activation)), row_(bordered(run).row * code_) {
    const int32_t positions = run.out_height * run.out_width;
    image_ = first / positions;
    y_ = first % positions / run.out_width;
    x_ = first % run.out_width;
  }

  int32_t image() const { return image_; }

  void read(uint8_t* patch) const {
    const Convolution& convolution = run_.layer->convolution;
    const size_t column = static_cast<size_t>(x_) * convolution.stride_x * convolution.in_channels * code_;
    const size_t run_length = static_cast<size_t>(convolution.kernel_width) * convolution.in_channels * code_;
    const uint8_t* from = run_.workspace + run_.image_byte_length * image_ + row_ * y_ * convolution.stride_y + column;
    for (int32_t i = 0; i < convolution.kernel_height; i++) {
      copy_run(from, run_length, patch);
      from += row_;
      patch += run_length;
    }
  }

  void advance() {
    if (++x_ < run_.out_width) return;
    x_ = 0;
    if (++y_ < run_.out_height) return;
    y_ = 0;
    image_++;
  }

private:
  const Run& run_;
  size_t code_;
  size_t row_;
  int32_t image_, y_, x_;
};

/** Rows of a tile of patches, at index `first` of the thread's own rows. */
void gather_tile(const Run& run, const ThreadPart& part, Range patches, int32_t first, PatchReader& reader) {
  uint8_t* target = part.rows + run.tile_row_byte_length * first;
  uint8_t* row = staging_rows(run, part, target);
  const int32_t count = patches.end - patches.begin;
  for (int32_t i = 0; i < count; i++, row += run.row_byte_length, reader.advance()) {
    reader.read(row);
    part.row_scales[first + i] = scales_of(run)[reader.image()];
    part.row_sums[first + i] = finish_row(run, row);
  }
  arrange_rows(run, part, count, target);
}

void multiply_tile(const Run& run, const ThreadPart& part, Range patches, int32_t first, int32_t panel) {
  Tile tile = {};
  tile.codes = part.rows + run.tile_row_byte_length * first;
  tile.scales = part.row_scales + first;
  tile.sums = part.row_sums + first;
  tile.tokens = patches.end - patches.begin;
  multiply_panel(run, part, panel, tile, patches.begin);
}

void run_chunk(const Run& run, int32_t chunk, const ThreadPart& part) {
  const Range tiles = part_of(run.tiles, run.chunks, chunk);
  const int32_t first = part_of(run.rows, run.tiles, tiles.begin).begin;
  PatchReader reader(run, first);
  for (int32_t tile = tiles.begin; tile < tiles.end; tile++) {
    const Range patches = part_of(run.rows, run.tiles, tile);
    gather_tile(run, part, patches, patches.begin - first, reader);
  }
  for (int32_t panel = 0; panel < run.layer->panels; panel++) {
    for (int32_t tile = tiles.begin; tile < tiles.end; tile++) {
      const Range patches = part_of(run.rows, run.tiles, tile);
      multiply_tile(run, part, patches, patches.begin - first, panel);
    }
  }
}

} // namespace

int32_t convolved_size(int32_t size, int32_t kernel_size, int32_t stride, int32_t padding) {
  return (size + 2 * padding - kernel_size) / stride + 1;
}

void plan_convolution(Run& run) {
  const Layer& layer = *run.layer;
  const Convolution& convolution = layer.convolution;
  const Batch& batch = run.batch;
  run.out_height = convolved_size(batch.height, convolution.kernel_height, convolution.stride_y, convolution.padding_y);
  run.out_width = convolved_size(batch.width, convolution.kernel_width, convolution.stride_x, convolution.padding_x);
  run.rows = batch.count * run.out_height * run.out_width;

  const int32_t tile_tokens = multiply_of(run).tile_tokens;
  const size_t all_rows = static_cast<size_t>(run.rows) * run.tile_row_byte_length;
  run.tiles = divide_up(run.rows, tile_tokens);
  const int32_t for_cache = static_cast<int32_t>(divide_up(all_rows, PATCHES_BYTE_LENGTH));
  const int32_t for_threads = run.threads == 1 ? 1 : run.threads * ITEMS_PER_THREAD;
  run.chunks = min(run.tiles, max(for_cache, for_threads));
  run.phases = 2;
  run.items[0] = batch.count;
  run.items[1] = run.chunks;

  const size_t images = static_cast<size_t>(batch.count);
  const Bordered sizes = bordered(run);
  run.image_byte_length = aligned(sizes.row * sizes.height * code_byte_length(layer.activation));
  // Reading the last run of a patch may go up to 15 bytes too far.
  run.scales_offset = images * run.image_byte_length + 64;
  run.sums_offset = run.scales_offset + aligned(images * sizeof(float));
  run.threads_offset = run.sums_offset;
  plan_thread_parts(run, run.chunks == 0 ? 0 : divide_up(run.tiles, run.chunks) * tile_tokens);
}

void run_convolution(const Run& run, int32_t phase, int32_t begin, int32_t end, int32_t thread) {
  const ThreadPart part = thread_part(run, thread);
  for (int32_t item = begin; item < end; item++) {
    if (phase == 0) {
      encode_image(run, item);
    } else {
      run_chunk(run, item, part);
    }
  }
}

} // namespace bitlinear
