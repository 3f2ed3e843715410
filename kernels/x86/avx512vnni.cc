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

namespace {

constexpr int PARTS = 4;

/** A byte is the sum of its four masked parts: it serves as the fourth. */
INLINE void unpack(__m512i bytes, __m512i (&parts)[PARTS]) {
  parts[0] = _mm512_and_si512(bytes, _mm512_set1_epi8(0x03));
  parts[1] = _mm512_and_si512(bytes, _mm512_set1_epi8(0x0c));
  parts[2] = _mm512_and_si512(bytes, _mm512_set1_epi8(0x30));
  parts[3] = bytes;
}

} // namespace

#include "zmm_tiles.h"

#include "zmm_narrow.h"

const Kernel avx512vnni_kernel = {
    .id = "avx512vnni",
    .needs = CPU_AVX512VNNI,
    .layout = LAYOUT,
    .largest_magnitude = largest_magnitude,
    .quantize = quantize,
    .signs = signs,
    .sum = sum,
    .codes = {.tile_tokens = ByParts<1, 2, 3, 4, 5, 6>::TILE_TOKENS,
              .multiply = ByParts<1, 2, 3, 4, 5, 6>::codes,
              .joint_panels = JOINT_PANELS,
              .multiply_joint = multiply_joint},
    .floats = {.tile_tokens = ByParts<1, 2, 3, 4, 5, 6>::TILE_TOKENS, .multiply = ByParts<1, 2, 3, 4, 5, 6>::floats},
};

} // namespace bitlinear
TARGET_END
