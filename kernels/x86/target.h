/**
 * TARGET_BEGIN("avx2,fma") ... TARGET_END: what is defined between them may use these instruction sets, whatever flags the
 * file is compiled with. Headers of the compiler come before; templates between them must be of internal linkage, or the
 * linker could take a copy made for a larger processor.
 */
#pragma once
#include <immintrin.h>

#ifndef __clang__
// g++ 12 takes the undefined vectors inside its own intrinsics for mistakes of those who call them.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define BITLINEAR_PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define TARGET_BEGIN(features) BITLINEAR_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define TARGET_END BITLINEAR_PRAGMA(clang attribute pop)
#else
#define TARGET_BEGIN(features) BITLINEAR_PRAGMA(GCC push_options) BITLINEAR_PRAGMA(GCC target(features))
#define TARGET_END BITLINEAR_PRAGMA(GCC pop_options)
#endif

#define INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
