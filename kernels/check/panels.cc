#include "panels.h"

#include "../layout.h"
#include "buffer.h"

#include <cstring>
#include <random>
#include <stdexcept>
#include <string>

using namespace bitlinear;

namespace {

/** Trit of an output of a panel, as layout.h words it. */
int read_trit(Layout layout, const uint8_t* panel, int32_t output, int32_t k) {
  const int byte = panel[k / GROUP * GROUP_BYTES + output % LANES * GROUP + k % GROUP];
  const int position = output / LANES;
  if (layout == Layout::two_bit) return (byte >> 2 * position & 3) - 1;
  const bool is_large = byte >= 192;
  const int fifth = is_large ? byte % 3 : byte / 64;
  int four = is_large ? byte / 3 : byte % 64;
  for (int j = 0; j < position && position < 4; j++) four /= 3;
  return (position < 4 ? four % 3 : fifth) - 1;
}

/** Where k of a panel is in a row of the source. */
int32_t source_column(const TritRows& source, int32_t k) {
  if (source.channels == 0) return k;
  const int32_t positions = source.k / source.channels;
  return k % source.channels * positions + k / source.channels;
}

void check_panel(Layout layout, const TritRows& source) {
  Buffer<uint8_t> panel(panel_byte_length(source.k));
  pack_panel(layout, source, panel.data());
  for (int32_t output = 0; output < panel_outputs(layout); output++) {
    for (int32_t k = 0; k < padded_k(source.k); k++) {
      const bool is_inside = output < source.rows && k < source.k;
      const int expected = is_inside ? source.trits[output * source.k + source_column(source, k)] : 0;
      if (read_trit(layout, panel.data(), output, k) == expected) continue;
      throw std::runtime_error("layout " + std::to_string(static_cast<int>(layout)) + ": trit " + std::to_string(k) +
                               " of output " + std::to_string(output) + " is wrong, for " + std::to_string(source.rows) +
                               " x " + std::to_string(source.k) + " trits");
    }
  }
  const size_t count = static_cast<size_t>(source.rows) * source.k;
  Buffer<int8_t> back(count);
  unpack_panel(layout, panel.data(), source.rows, source.k, source.channels, back.data());
  if (memcmp(back.data(), source.trits, count) == 0) return;
  throw std::runtime_error("layout " + std::to_string(static_cast<int>(layout)) + " does not give back " +
                           std::to_string(source.rows) + " x " + std::to_string(source.k) + " trits");
}

} // namespace

void check_panels() {
  std::mt19937 random(1);
  for (const Layout layout : {Layout::two_bit, Layout::dense}) {
    for (const int32_t rows : {1, 17, 63, panel_outputs(layout)}) {
      for (const int32_t k : {1, 15, 16, 17, 63, 64, 65, 300, 1000}) {
        Buffer<int8_t> trits(static_cast<size_t>(rows) * k);
        for (size_t i = 0; i < trits.size(); i++) trits[i] = static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
        check_panel(layout, {trits.data(), rows, k, 0});
        if (k % 5 == 0) check_panel(layout, {trits.data(), rows, k, 5});
      }
    }
  }
}
