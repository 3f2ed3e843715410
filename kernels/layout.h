/**
 * Panels: the one arrangement of trits that every kernel reads. A panel holds 16 lanes of outputs; 64 bytes hold one group
 * (four consecutive k) of all its outputs. For output o of the panel, byte `(o % 16) * 4 + k % 4` of group k / 4 holds
 *
 * - two_bit: in bits 2·(o / 16) and up, trit + 1. Masking a byte with 3 · 4^p leaves (trit + 1) · 4^p, so a kernel that sums
 *   masked bytes gets 4^p times what it wants, and one shift at the very end undoes it: no shift per weight.
 * - dense: Σ_j (trit of output (o % 16) + 16·j, plus 1) · 3^j over j = 0..4, at most 242.
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

} // namespace bitlinear
