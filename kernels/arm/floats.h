/** Products of float codes: shared by all kernels of ARM, as dot products of bytes are no help. */
#pragma once
#include "../kernel.h"

namespace bitlinear::arm {

void multiply_floats(const Panel& panel, const Tile& tile);
void arrange_floats(const Tile& rows, int32_t groups, void* arranged);

constexpr Multiply FLOATS = {.tile_tokens = 5,
                             .multiply = multiply_floats,
                             .arranged_code_bytes = sizeof(float),
                             .arrange = arrange_floats};

} // namespace bitlinear::arm
