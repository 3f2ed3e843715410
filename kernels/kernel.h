/**
 * The contract of one kernel: how one instruction set turns tokens into codes and multiplies codes with panels of trits.
 *
 * Kernels neither allocate, throw, log nor call the operating system; they need nothing of a C library but memcpy and
 * memset, so that the same sources build for WebAssembly. All sizes are checked by the caller.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace bitlinear {

/** Consecutive k whose codes meet the weights of 16 lanes in one 64-byte step of a panel. */
constexpr int32_t GROUP = 4;

/** K is padded to a multiple of this inside the layout, so that kernels take four groups at a time. */
constexpr int32_t K_ALIGNMENT = 4 * GROUP;

/** Bytes of one group of a panel; also the alignment of everything that kernels are given. */
constexpr int32_t GROUP_BYTES = 64;

/** Lanes of a panel: outputs `lane`, `lane + 16`, `lane + 32`, ... share a byte. */
constexpr int32_t LANES = 16;

/** How a panel holds trits; layout.h says it byte by byte. */
enum class Layout : uint32_t {
  /** 2 bits a trit, 64 outputs a panel. */
  two_bit,
  /** 1.6 bits a trit (five to a byte), 80 outputs a panel. */
  dense,
};

/** Outputs of one panel. */
constexpr int32_t panel_outputs(Layout layout) { return layout == Layout::two_bit ? 4 * LANES : 5 * LANES; }

/** The most outputs a panel of any layout has. */
constexpr int32_t MAX_PANEL_OUTPUTS = 5 * LANES;

/** What is done to an output, after the bias. */
enum class OutputFunction : uint32_t {
  identity,
  /** max(0, y); NaN stays NaN, -0 becomes +0. */
  relu,
  /** max(0, y)². */
  squared_relu,
};

/** One panel of a layer. Arrays are aligned to 64 bytes. */
struct Panel {
  /** `[planes][groups][64 bytes]`; K beyond the layer's and outputs beyond the layer's hold trit 0. */
  const uint8_t* weights;
  /** `[planes][panel_outputs]` */
  const float* scales;
  /** `[panel_outputs]`, or null for a layer without bias. */
  const float* bias;
  int32_t planes;
  /** Padded K / 4: a multiple of 4. */
  int32_t groups;
  OutputFunction output_function;
  /**
   * Lane groups, 16 outputs each, in which the layer has outputs: all of them but in its last panel. What lies in the others
   * is of no interest, and multiplying it would be lost work.
   */
  int32_t lane_groups;
};

/** The tokens that meet a panel in one call. */
struct Tile {
  /**
   * One row per token: int8 codes (`codes.multiply`) or float32 ones (`floats.multiply`), zero beyond the layer's K up to
   * `4 * groups`; rows are aligned to 16 bytes. For kernels with `arrange`: what it wrote.
   */
  const void* codes;
  /** Bytes from one row of `codes` to the next; no matter to what `arrange` wrote. */
  size_t stride;
  /** `[tokens]` scale of each token; NaN for a token that is not allowed. */
  const float* scales;
  /** `[tokens]` sum of each token's codes, to undo the zero point of the weights; null for floats. */
  const int32_t* sums;
  /** 1 to `tile_tokens`. */
  int32_t tokens;
  /** One row per token with room for `LANES * lane_groups` outputs and not more. Holds the running sum between planes. */
  float* y;
  /** Floats from one row of `y` to the next. */
  size_t y_stride;
};

/** The product of tokens with a panel, for integer codes or for float ones. */
struct Multiply {
  /** The most tokens one call takes; layers of one token always call with `tokens` = 1. */
  int32_t tile_tokens;
  /**
   * For every token m and output n of the panel's lane groups, plane by plane, with the rounding of the numeric contract:
   *
   *     y = outputFunction(f32(f32(... f32(acc_0 · f32(s_x · s_0[n])) + f32(acc_1 · f32(s_x · s_1[n])) ...) + b[n]))
   *
   * where acc_p is the sum of code · trit of plane p: exact for int8 codes, in any order for float32 ones.
   */
  void (*multiply)(const Panel& panel, const Tile& tile);
  /** Bytes per code of what `arrange` writes; 0 for kernels without it. */
  int32_t arranged_code_bytes = 0;
  /**
   * Optional (null): rewrites the rows of a tile (`codes`, `stride`, `tokens`, each `4 * groups` codes) in the order that
   * `multiply` likes to read. Runs once per tile, before it meets its panels. `arranged` is aligned to 64 bytes and holds
   * `tokens * 4 * groups * arranged_code_bytes` bytes.
   */
  void (*arrange)(const Tile& rows, int32_t groups, void* arranged) = nullptr;
  /** Panels that `multiply_joint` takes; 0 for kernels without it. */
  int32_t joint_panels = 0;
  /**
   * Optional (null): the same for one token and `joint_panels` whole panels at a time, each of whose arrays lies behind those
   * of the panel before. Their weights are as many streams: memory gives several of them sooner than one, because a
   * processor fetches ahead in each stream by itself, and no further than its page. `tile.y` has room for all outputs.
   */
  void (*multiply_joint)(const Panel& first, const Tile& tile) = nullptr;
};

/** One kernel. */
struct Kernel {
  /** As in kernels.def. */
  const char* id;
  /** What the processor must have: bits of `CpuFeature`, 0 for kernels that run anywhere. */
  uint32_t needs;
  Layout layout;

  /** The largest of the bit patterns of |x| as unsigned integers: above every finite number for infinities and NaNs. */
  uint32_t (*largest_magnitude)(const float* x, size_t count);
  /** `codes[i]` = x · inverse_scale rounded half to even; the caller knows that |x · inverse_scale| < 127.5. */
  void (*quantize)(const float* x, size_t count, float inverse_scale, int8_t* codes);
  /** `codes[i]` = 1 for x ≥ 0, else -1. */
  void (*signs)(const float* x, size_t count, int8_t* codes);
  /** Sum of codes; `count` is a multiple of 16 and `codes` aligned to 16 bytes. */
  int32_t (*sum)(const int8_t* codes, size_t count);

  Multiply codes;
  Multiply floats;
};

/** Features of processors that kernels may need. */
enum CpuFeature : uint32_t {
  CPU_AVX2 = 1 << 0, // with FMA
  CPU_AVXVNNI = 1 << 1,
  CPU_AVX512VNNI = 1 << 2, // with F, BW, DQ, VL
  CPU_AVX512VBMI = 1 << 3,
  CPU_NEON = 1 << 4,
  CPU_NEON_DOT = 1 << 5,
  CPU_NEON_I8MM = 1 << 6,
  CPU_AMX_INT8 = 1 << 7,
};

#define KERNEL(id) extern const Kernel id##_kernel;
#include "kernels.def"
#undef KERNEL

/** The kernels of this build, best first, ended by null; the last one (`scalar`) runs anywhere. */
extern const Kernel* const kernels[];

} // namespace bitlinear
