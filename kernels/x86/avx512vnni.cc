/** AVX-512 VNNI: 512-bit registers, each lane an output. */
#include "../kernel.h"
#include "../small.h"
#include "target.h"

TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")
namespace bitlinear {

namespace {
constexpr Layout LAYOUT = Layout::two_bit;
}

#include "zmm.h"

#include "zmm_two_bit.h"

#include "zmm_tiles.h"

using ByRegisterTokens = ByTokens<1, 2, 3, 4, 5, 6>;
static_assert(ByRegisterTokens::TILE_TOKENS == REGISTER_TOKENS);

const Kernel avx512vnni_kernel = {
    .id = "avx512vnni",
    .needs = CPU_AVX512VNNI,
    .layout = LAYOUT,
    .largest_magnitude = largest_magnitude,
    .quantize = quantize,
    .signs = signs,
    .sum = sum,
    .codes = {.tile_tokens = REGISTER_TOKENS,
              .multiply = ByRegisterTokens::codes,
              .joint_panels = JOINT_PANELS,
              .multiply_joint = multiply_joint},
    .floats = {.tile_tokens = REGISTER_TOKENS, .multiply = ByRegisterTokens::floats},
};

} // namespace bitlinear
TARGET_END
