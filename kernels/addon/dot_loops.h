/** Loops of nothing but the products of int8 codes that kernels are made of: the peak of each instruction set. */
#pragma once
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace bitlinear {
namespace {

/** The loop of one kernel. */
struct DotLoop {
  /** As in kernels.def. */
  const char* kernel;
  /** Operations of one round. */
  double operations;
  void (*run)(int64_t rounds);
};

/** Sums that do not wait for each other: at least latency (up to 6) times products a cycle (up to 4 on ARM, 2 on x86). */
constexpr int SUMS = 24;
constexpr int YMM_SUMS = 12; // of 16 registers

#define BITLINEAR_ROUNDS(count, step)            \
  for (int64_t round = 0; round < rounds; round++) \
    _Pragma("GCC unroll 24") for (int i = 0; i < (count); i++) step

#if defined(__x86_64__)

// Volatile assembly: nobody looks at the sums.
__attribute__((target("avx512f,avx512vnni"))) void dot_avx512vnni(int64_t rounds) {
  __m512i sums[SUMS] = {};
  const __m512i codes = _mm512_set1_epi32(0x01010101);
  BITLINEAR_ROUNDS(SUMS, __asm__ volatile("vpdpbusd %1, %1, %0" : "+v"(sums[i]) : "v"(codes)));
}

/** Four tiles of sums, 16 x 16 each, and 64 products for each sum. */
void dot_amxint8(int64_t rounds) {
  alignas(64) uint8_t shapes[64] = {1};
  for (int tile = 0; tile < 8; tile++) {
    shapes[16 + 2 * tile] = 64; // bytes of a row
    shapes[48 + tile] = 16;     // rows
  }
  __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
  for (int64_t round = 0; round < rounds; round++) {
    __asm__ volatile("tdpbsud %tmm6, %tmm4, %tmm0\n\ttdpbsud %tmm7, %tmm4, %tmm1\n\t"
                     "tdpbsud %tmm6, %tmm5, %tmm2\n\ttdpbsud %tmm7, %tmm5, %tmm3");
  }
  __asm__ volatile("tilerelease");
}

__attribute__((target("avx2"))) void dot_avxvnni(int64_t rounds) {
  __m256i sums[YMM_SUMS] = {};
  const __m256i codes = _mm256_set1_epi32(0x01010101);
  BITLINEAR_ROUNDS(YMM_SUMS, __asm__ volatile("%{vex%} vpdpbusd %1, %1, %0" : "+x"(sums[i]) : "x"(codes)));
}

/** A sum of 16 bits takes each product: what is widened now and then comes on top. */
__attribute__((target("avx2"))) void dot_avx2(int64_t rounds) {
  __m256i sums[YMM_SUMS] = {};
  const __m256i codes = _mm256_set1_epi32(0x01010101);
  BITLINEAR_ROUNDS(YMM_SUMS, {
    __m256i products;
    __asm__ volatile("vpmaddubsw %2, %2, %1\n\tvpaddw %1, %0, %0" : "+x"(sums[i]), "=&x"(products) : "x"(codes));
  });
}

constexpr DotLoop dot_loops[] = {
    {"amxint8", 4 * 16 * 16 * 64 * 2, dot_amxint8},
    {"avx512vnni", SUMS * 64 * 2, dot_avx512vnni},
    {"avxvnni", YMM_SUMS * 32 * 2, dot_avxvnni},
    {"avx2", YMM_SUMS * 32 * 2, dot_avx2},
};

#elif defined(__aarch64__)

#ifdef __clang__
#define BITLINEAR_DOTPROD "dotprod"
#define BITLINEAR_I8MM "i8mm"
#else
#define BITLINEAR_DOTPROD "arch=armv8.2-a+dotprod"
#define BITLINEAR_I8MM "arch=armv8.2-a+i8mm"
#endif

// The assembler would take these instructions only in a file that is compiled for them; so intrinsics, and assembly that
// changes registers for all the compiler knows.
#define BITLINEAR_OPAQUE(register) __asm__ volatile("" : "+w"(register))

__attribute__((target(BITLINEAR_I8MM))) void dot_neoni8mm(int64_t rounds) {
  int32x4_t sums[SUMS] = {};
  const uint8x16_t weights = vdupq_n_u8(1);
  const int8x16_t codes = vdupq_n_s8(1);
  BITLINEAR_ROUNDS(SUMS, {
    sums[i] = vusmmlaq_s32(sums[i], weights, codes);
    BITLINEAR_OPAQUE(sums[i]);
  });
}

__attribute__((target(BITLINEAR_DOTPROD))) void dot_neondot(int64_t rounds) {
  int32x4_t sums[SUMS] = {};
  const int8x16_t codes = vdupq_n_s8(1);
  BITLINEAR_ROUNDS(SUMS, {
    sums[i] = vdotq_s32(sums[i], codes, codes);
    BITLINEAR_OPAQUE(sums[i]);
  });
}

/** A sum of 16 bits takes each product: what is widened now and then comes on top. */
void dot_neon(int64_t rounds) {
  int16x8_t sums[SUMS] = {};
  const int8x8_t codes = vdup_n_s8(1);
  BITLINEAR_ROUNDS(SUMS, __asm__ volatile("smlal %0.8h, %1.8b, %1.8b" : "+w"(sums[i]) : "w"(codes)));
}

constexpr DotLoop dot_loops[] = {
    {"neoni8mm", SUMS * 32 * 2, dot_neoni8mm},
    {"neondot", SUMS * 16 * 2, dot_neondot},
    {"neon", SUMS * 8 * 2, dot_neon},
};

#else

constexpr DotLoop dot_loops[] = {{"", 0, nullptr}};

#endif

#undef BITLINEAR_ROUNDS

} // namespace
} // namespace bitlinear
