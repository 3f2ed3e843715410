/**
 * Convolutions. First each image, which is the token of the activation rule, becomes codes with a border of zeros: an item
 * is an image, or a strip of its rows where there are fewer images than threads; strips need a phase of their own before, to
 * find the largest magnitude of the image. The items of the last phase are chunks of patches: a patch is gathered from
 * kernel_height runs of neighbouring codes, and a chunk meets all panels; the whole matrix of patches is never there.
 */
#include "run_parts.h"

namespace bitlinear {
namespace {

/** Bytes of codes that one item gathers: less than for linear layers, as there is often only one panel to meet. */
constexpr size_t PATCHES_BYTE_LENGTH = 64 << 10;

/** Codes of one row of an image with its border. */
size_t bordered_row(const Run& run) {
  const Convolution& convolution = run.layer->convolution;
  return static_cast<size_t>(run.batch.width + 2 * convolution.padding_x) * convolution.in_channels;
}

float* scales_of(const Run& run) { return reinterpret_cast<float*>(run.workspace + run.scales_offset); }

/** Largest magnitudes of strips, `[images][strips]`. */
uint32_t* magnitudes_of(const Run& run) { return reinterpret_cast<uint32_t*>(run.workspace + run.sums_offset); }

/** Rows of an image as they came. */
struct Strip {
  int32_t image;
  Range rows;
  const float* x;
  size_t row_length;
};

Strip strip_of(const Run& run, int32_t item) {
  const int32_t image = item / run.strips;
  const Range rows = part_of(run.batch.height, run.strips, item % run.strips);
  const size_t row_length = static_cast<size_t>(run.batch.width) * run.layer->convolution.in_channels;
  const size_t first_row = static_cast<size_t>(image) * run.batch.height + rows.begin;
  return {image, rows, run.x + first_row * row_length, row_length};
}

void measure_strip(const Run& run, int32_t item) {
  const Strip strip = strip_of(run, item);
  const size_t count = (strip.rows.end - strip.rows.begin) * strip.row_length;
  magnitudes_of(run)[item] = kernel_of(*run.layer).largest_magnitude(strip.x, count);
}

/** The scale of an image, from all its strips. */
TokenScale image_scale(const Run& run, int32_t image) {
  uint32_t largest = 0;
  for (int32_t i = 0; i < run.strips; i++) largest = max(largest, magnitudes_of(run)[image * run.strips + i]);
  return token_scale(run.layer->activation, largest);
}

/** Codes of a strip with zeros on both sides; the first strip has the border above, too, and the last one that below. */
void encode_strip(const Run& run, int32_t item) {
  const Layer& layer = *run.layer;
  const Convolution& convolution = layer.convolution;
  const Strip strip = strip_of(run, item);
  const TokenScale scale = image_scale(run, strip.image);
  if (strip.rows.begin == 0) scales_of(run)[strip.image] = scale.scale;

  const size_t code = code_byte_length(layer.activation);
  const size_t row = bordered_row(run) * code;
  const size_t side = static_cast<size_t>(convolution.padding_x) * convolution.in_channels * code;
  const size_t above = row * convolution.padding_y;
  uint8_t* image = run.workspace + run.image_byte_length * strip.image;
  if (strip.rows.begin == 0) __builtin_memset(image, 0, above);
  for (int32_t y = strip.rows.begin; y < strip.rows.end; y++) {
    uint8_t* to = image + above + row * y;
    __builtin_memset(to, 0, side);
    encode(kernel_of(layer), layer.activation, scale, strip.x + strip.row_length * (y - strip.rows.begin),
           strip.row_length, to + side);
    __builtin_memset(to + row - side, 0, side);
  }
  const bool is_last = strip.rows.end == run.batch.height;
  if (is_last) __builtin_memset(image + above + row * run.batch.height, 0, above);
}

/** Copies a short run; may write, and read, up to 15 bytes more. */
inline void copy_run(const uint8_t* from, size_t byte_length, uint8_t* to) {
  for (size_t i = 0; i < byte_length; i += 16) __builtin_memcpy(to + i, from + i, 16);
}

/** Sets zeros in steps of 16 bytes: up to 15 bytes more than there are. */
inline void clear_rest(uint8_t* to, size_t byte_length) {
  constexpr uint8_t ZEROS[16] = {};
  for (size_t i = 0; i < byte_length; i += 16) __builtin_memcpy(to + i, ZEROS, 16);
}

/**
 * Gathers patches one after the other, in the order of the outputs. To be kept in a local variable, so that compilers see
 * that writing to a patch changes nothing here.
 */
class PatchReader {
public:
  PatchReader(const Run& run, int32_t first) : image_(first / (run.out_height * run.out_width)) {
    const Convolution& convolution = run.layer->convolution;
    const size_t code = code_byte_length(run.layer->activation);
    const size_t k = static_cast<size_t>(run.layer->in_features);
    kernel_height_ = convolution.kernel_height;
    run_length_ = static_cast<size_t>(convolution.kernel_width) * convolution.in_channels * code;
    padding_ = (static_cast<size_t>(padded_k(run.layer->in_features)) - k) * code;
    row_ = bordered_row(run) * code;
    step_ = static_cast<size_t>(convolution.stride_x) * convolution.in_channels * code;
    row_step_ = row_ * convolution.stride_y;
    image_step_ = run.image_byte_length;
    out_height_ = run.out_height;
    out_width_ = run.out_width;
    y_ = first / out_width_ % out_height_;
    x_ = first % out_width_;
    row_start_ = run.workspace + image_step_ * image_ + row_step_ * y_;
    from_ = row_start_ + step_ * x_;
  }

  int32_t image() const { return image_; }

  /** Writes the codes of a patch and the zeros behind them, and up to 15 bytes more. */
  void read(uint8_t* patch) const {
    const uint8_t* from = from_;
    for (int32_t i = 0; i < kernel_height_; i++) {
      copy_run(from, run_length_, patch);
      from += row_;
      patch += run_length_;
    }
    clear_rest(patch, padding_);
  }

  void advance() {
    from_ += step_;
    if (++x_ < out_width_) return;
    x_ = 0;
    row_start_ += row_step_;
    if (++y_ == out_height_) {
      y_ = 0;
      image_++;
      row_start_ += image_step_ - row_step_ * out_height_;
    }
    from_ = row_start_;
  }

private:
  /** Bytes: of a run, behind a patch, from one row, output, row of outputs and image to the next. */
  size_t run_length_, padding_, row_, step_, row_step_, image_step_;
  int32_t kernel_height_, out_height_, out_width_;
  int32_t image_, y_, x_;
  /** The first patch of this row of outputs, and the patch that comes next. */
  const uint8_t* row_start_;
  const uint8_t* from_;
};

/** Rows of a tile of patches, at index `first` of the thread's own rows. */
void gather_tile(const Run& run, const ThreadPart& part, Range patches, int32_t first, PatchReader& next) {
  uint8_t* target = part.rows + run.tile_row_byte_length * first;
  uint8_t* rows = staging_rows(run, part, target);
  const int32_t count = patches.end - patches.begin;
  PatchReader reader = next;
  for (int32_t i = 0; i < count; i++, reader.advance()) {
    part.row_scales[first + i] = scales_of(run)[reader.image()];
    reader.read(rows + run.row_byte_length * i);
  }
  next = reader;
  // Not in one loop: a wide load that finds several narrow stores still on their way waits for all of them.
  for (int32_t i = 0; i < count; i++) part.row_sums[first + i] = sum_row(run, rows + run.row_byte_length * i);
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
  const uint64_t all_rows = static_cast<uint64_t>(run.rows) * run.tile_row_byte_length; // never there at once
  run.tiles = divide_up(run.rows, tile_tokens);
  const int32_t for_cache = static_cast<int32_t>(divide_up<uint64_t>(all_rows, PATCHES_BYTE_LENGTH));
  const int32_t for_threads = run.threads == 1 ? 1 : run.threads * ITEMS_PER_THREAD;
  run.chunks = min(run.tiles, max(for_cache, for_threads));
  run.strips = batch.count == 0 || batch.count >= run.threads ? 1 : divide_up(run.threads, batch.count);
  run.strips = min(run.strips, batch.height);
  run.phases = run.strips == 1 ? 2 : 3;
  run.items[0] = run.items[run.phases - 2] = batch.count * run.strips;
  run.items[run.phases - 1] = run.chunks;

  const size_t images = static_cast<size_t>(batch.count);
  const size_t bordered_height = static_cast<size_t>(batch.height + 2 * convolution.padding_y);
  run.image_byte_length = aligned(bordered_row(run) * bordered_height * code_byte_length(layer.activation));
  // Reading the last run of a patch may go up to 15 bytes too far.
  run.scales_offset = images * run.image_byte_length + 64;
  run.sums_offset = run.scales_offset + aligned(images * sizeof(float));
  run.threads_offset = run.sums_offset + aligned(images * run.strips * sizeof(uint32_t));
  plan_thread_parts(run, run.chunks == 0 ? 0 : divide_up(run.tiles, run.chunks) * tile_tokens);
}

void run_convolution(const Run& run, int32_t phase, int32_t begin, int32_t end, int32_t thread) {
  const ThreadPart part = thread_part(run, thread);
  const bool is_last = phase == run.phases - 1;
  for (int32_t item = begin; item < end; item++) {
    if (is_last) {
      run_chunk(run, item, part);
      continue;
    }
    if (phase == 0) measure_strip(run, item);
    if (phase == run.phases - 2) encode_strip(run, item);
  }
}

} // namespace bitlinear
