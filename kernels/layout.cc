#include "layout.h"

#include "small.h"

namespace bitlinear {
namespace {

/** Columns packed at once: one cache line of each row, so that rows a power of two apart do not evict each other. */
constexpr int32_t BLOCK = 64;

/** Trits plus 1 of a block: 0, 1 or 2. */
using Digits = uint8_t[MAX_PANEL_OUTPUTS][BLOCK];

/** Sixteen bytes that compilers keep in one register, whatever the machine. */
typedef uint8_t Bytes __attribute__((vector_size(16)));

/** Where the columns of a block are in the rows of the source. */
void find_columns(const TritRows& source, int32_t begin, int32_t count, int32_t* columns) {
  const int32_t positions = source.k / source.channels;
  for (int32_t i = 0; i < count; i++) {
    const int32_t k = begin + i;
    columns[i] = k % source.channels * positions + k / source.channels;
  }
}

/** Columns `begin` to `begin + count` of the source, with trit 0 around them. */
void read_digits(const TritRows& source, int32_t outputs, int32_t begin, int32_t count, Digits& digits) {
  int32_t columns[BLOCK];
  if (source.channels > 0) find_columns(source, begin, count, columns);
  for (int32_t row = 0; row < outputs; row++) {
    uint8_t* to = digits[row];
    if (row >= source.rows || count < BLOCK) __builtin_memset(to, 1, BLOCK);
    if (row >= source.rows) continue;
    const int8_t* from = source.trits + static_cast<size_t>(row) * source.k;
    if (source.channels > 0) {
      for (int32_t i = 0; i < count; i++) to[i] = static_cast<uint8_t>(from[columns[i]] + 1);
    } else if (count == BLOCK) {
      for (int32_t i = 0; i < BLOCK; i++) to[i] = static_cast<uint8_t>(from[begin + i] + 1);
    } else {
      for (int32_t i = 0; i < count; i++) to[i] = static_cast<uint8_t>(from[begin + i] + 1);
    }
  }
}

Bytes digits_of(const Digits& digits, int32_t output, int32_t column) {
  Bytes bytes;
  __builtin_memcpy(&bytes, &digits[output][column], sizeof bytes);
  return bytes;
}

/** Σ digit_j · BASE^j over outputs `lane`, `lane + 16`, `lane + 32` and `lane + 48`, for 16 columns. */
template <int BASE>
Bytes join_four(const Digits& digits, int32_t lane, int32_t column) {
  Bytes joined = digits_of(digits, lane + 3 * LANES, column);
  for (int32_t j = 2; j >= 0; j--) {
    const Bytes twice = joined + joined;
    joined = (BASE == 4 ? twice + twice : twice + joined) + digits_of(digits, lane + j * LANES, column);
  }
  return joined;
}

template <Layout LAYOUT>
Bytes join_digits(const Digits& digits, int32_t lane, int32_t column) {
  if constexpr (LAYOUT == Layout::two_bit) return join_four<4>(digits, lane, column);
  const Bytes four = join_four<3>(digits, lane, column);
  const Bytes fifth = digits_of(digits, lane + 4 * LANES, column);
  const Bytes is_large = four > 63; // bytes of ones where true
  return (is_large & (four + four + four + fifth)) | (~is_large & (fifth * 64 + four));
}

template <Layout LAYOUT>
void pack_block(const Digits& digits, int32_t count, uint8_t* groups) {
  for (int32_t lane = 0; lane < LANES; lane++) {
    for (int32_t column = 0; column < count; column += K_ALIGNMENT) {
      const Bytes joined = join_digits<LAYOUT>(digits, lane, column);
      uint32_t words[K_ALIGNMENT / GROUP];
      __builtin_memcpy(words, &joined, sizeof words);
      uint8_t* to = groups + column / GROUP * GROUP_BYTES + lane * GROUP;
      for (int32_t group = 0; group < K_ALIGNMENT / GROUP; group++) {
        __builtin_memcpy(to + group * GROUP_BYTES, &words[group], GROUP);
      }
    }
  }
}

/** Digit j of a byte. */
int32_t digit_of(Layout layout, int32_t byte, int32_t j) {
  if (layout == Layout::two_bit) return byte >> 2 * j & 3;
  const bool is_large = byte >= 192;
  if (j == 4) return is_large ? byte % 3 : byte >> 6;
  int32_t four = is_large ? byte / 3 : byte & 63;
  for (; j > 0; j--) four /= 3;
  return four % 3;
}

} // namespace

void pack_panel(Layout layout, const TritRows& source, uint8_t* panel) {
  alignas(64) Digits digits;
  for (int32_t begin = 0; begin < source.k; begin += BLOCK) {
    const int32_t count = min(BLOCK, source.k - begin);
    uint8_t* groups = panel + static_cast<size_t>(begin) / GROUP * GROUP_BYTES;
    read_digits(source, panel_outputs(layout), begin, count, digits);
    if (layout == Layout::two_bit) {
      pack_block<Layout::two_bit>(digits, count, groups);
    } else {
      pack_block<Layout::dense>(digits, count, groups);
    }
  }
}

void unpack_panel(Layout layout, const uint8_t* panel, int32_t rows, int32_t k, int32_t channels, int8_t* trits) {
  for (int32_t column = 0; column < k; column++) {
    const int32_t source = channels > 0 ? column % channels * (k / channels) + column / channels : column;
    const uint8_t* bytes = panel + static_cast<size_t>(column / GROUP) * GROUP_BYTES + column % GROUP;
    for (int32_t row = 0; row < rows; row++) {
      const int32_t digit = digit_of(layout, bytes[row % LANES * GROUP], row / LANES);
      trits[static_cast<size_t>(row) * k + source] = static_cast<int8_t>(digit - 1);
    }
  }
}

} // namespace bitlinear
