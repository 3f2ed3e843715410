/**
 * Panels: the one arrangement of trits that every kernel reads. A panel holds 16 lanes of outputs; 64 bytes hold one group
 * (four consecutive k) of all its outputs. For output o of the panel, byte `(o % 16) * 4 + k % 4` of group k / 4 holds
 *
 * - two_bit: in bits 2·(o / 16) and up, trit + 1. Masking a byte with 3 · 4^j leaves (trit + 1) · 4^j, so a kernel that sums
 *   masked bytes gets 4^j times what it wants, and one shift at the very end undoes it: no shift per weight.
 * - dense: five digits trit + 1. With c = Σ digit_j · 3^j over outputs (o % 16) + 16·j for j = 0..3, and the fifth digit e, the
 *   byte is 64·e + c where c < 64, else 3·c + e, which is 192 to 242. So the lower six bits alone choose the four digits in a
 *   table of 64, and the upper two bits are the fifth digit, or say that both are in a second table.
 *
 * The same bytes serve every vector width: one 64-byte register, two of 32 bytes, four of 16. All groups of a panel follow
 * each other: one stream of K · 16 bytes.
 */
#pragma once
#include "kernel.h"

namespace bitlinear {

/** K with the padding inside the layout. */
constexpr int32_t padded_k(int32_t k) { return (k + K_ALIGNMENT - 1) / K_ALIGNMENT * K_ALIGNMENT; }

/** Bytes of one plane of one panel. */
constexpr size_t panel_byte_length(int32_t k) { return static_cast<size_t>(padded_k(k)) / GROUP * GROUP_BYTES; }

/** Trits of some outputs, row-major `[rows, k]`; with channels > 0 in another order of k than panels want. */
struct TritRows {
  const int8_t* trits;
  int32_t rows;
  int32_t k;
  /**
   * 0, or the channels of a convolution: its rows are ordered channel, position in the kernel; in panels the order is
   * position, channel, as neighbours lie in a channels-last image.
   */
  int32_t channels;
};

/** Writes one plane of one panel from at most `panel_outputs(layout)` rows; what is missing becomes trit 0. */
void pack_panel(Layout layout, const TritRows& source, uint8_t* panel);

/** The way back: fills `trits`, with rows, k and channels as `pack_panel` had them. */
void unpack_panel(Layout layout, const uint8_t* panel, int32_t rows, int32_t k, int32_t channels, int8_t* trits);

} // namespace bitlinear
