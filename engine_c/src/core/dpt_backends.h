/* SPDX-License-Identifier: Apache-2.0 */
/* Which backends a build has: DPT_SSE41 and so on are defined where the compiler's target has the
 * instructions, the compiler knows them, and the build does not leave them out. The file of any
 * other backend is empty. DPT_PLAIN_C leaves out all backends but dpt_scalar, DPT_NO_SSE41 and so
 * on leave out one (README.md lists them). */
#ifndef DPT_BACKENDS_H
#define DPT_BACKENDS_H

#include "drypoint_kernels.h"

/* 1 from these major versions of GCC, clang and Apple's clang on. Each is the first with the
 * intrinsics that a backend needs outside of -march. */
#if defined(__apple_build_version__)
#define DPT_COMPILER(gcc, clang, apple) (__clang_major__ >= (apple))
#elif defined(__clang__)
#define DPT_COMPILER(gcc, clang, apple) (__clang_major__ >= (clang))
#elif defined(__GNUC__)
#define DPT_COMPILER(gcc, clang, apple) (__GNUC__ >= (gcc))
#else
#define DPT_COMPILER(gcc, clang, apple) 0
#endif

#ifndef DPT_PLAIN_C

/* x86-64, where the program may use vector registers at all (a kernel may not: -mno-sse).
 * dpt_backend.c chooses a backend at run time, by the features that dpt_cpu.c detects. The compiler
 * versions of the next line are the first whose <cpuid.h> has what dpt_cpu.c calls. */
#if defined(__x86_64__) && defined(__SSE2__) && DPT_COMPILER(7, 6, 10)
#ifndef DPT_NO_SSE41
#define DPT_SSE41
#endif
#ifndef DPT_NO_AVX2
#define DPT_AVX2
#endif
#if !defined(DPT_NO_AVXVNNI) && DPT_COMPILER(11, 12, 13)
#define DPT_AVXVNNI
#endif
#if !defined(DPT_NO_AVX512VNNI) && DPT_COMPILER(8, 7, 11)
#define DPT_AVX512VNNI
#endif
extern const dpt_backend dpt_sse41, dpt_avx2, dpt_avxvnni, dpt_avx512vnni;
dpt_kernel dpt_avx2_add, dpt_avx2_mul, dpt_avx2_maxpool, dpt_avx2_avgpool;
#endif

/* Arm, little-endian. aarch64 chooses at run time on Linux. */
#if defined(__ARM_NEON) && !defined(__ARM_BIG_ENDIAN) && DPT_COMPILER(1, 1, 1)
#ifndef DPT_NO_NEON
#define DPT_NEON
#endif
#if defined(__aarch64__) && !defined(DPT_NO_NEONDOT) &&                                            \
    (DPT_COMPILER(8, 16, 15) || defined(__ARM_FEATURE_DOTPROD))
#define DPT_NEONDOT
#endif
#if defined(__aarch64__) && !defined(DPT_NO_NEONI8MM) &&                                           \
    (DPT_COMPILER(10, 16, 15) || defined(__ARM_FEATURE_MATMUL_INT8))
#define DPT_NEONI8MM
#endif
#endif

/* RISC-V V 1.0, little-endian, with intrinsics of version 0.12 or later, and WebAssembly: the
 * compiler's flags choose. dpt_rvv.c needs registers of 128 bits, which V has; Zve32x and Zve64x
 * promise 32 and 64, with Zvl128b 128. */
#if defined(__riscv_v_intrinsic) && __riscv_v_intrinsic >= 12000 && __riscv_v_min_vlen >= 128 &&   \
    !defined(__riscv_xtheadvector) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&                 \
    !defined(DPT_NO_RVV)
#define DPT_RVV
#endif
#if defined(__wasm_simd128__) && !defined(DPT_NO_WASM) && DPT_COMPILER(99, 13, 13)
#define DPT_WASM
#endif

/* The backends for small devices, whose weights the exporter packs. dpt_blocks: plain C or Armv6-M,
 * on 32-bit cores and on any RISC-V. dpt_dsp: Cortex-M with the DSP extension, which may read words
 * at any address (not with -mno-unaligned-access). dpt_mve: Cortex-M with Helium (MVE) for
 * integers. No build leaves them out: only exported models name them. */
#if (UINTPTR_MAX == 0xFFFFFFFFu || defined(__riscv)) && defined(__GNUC__) &&                       \
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DPT_BLOCKS
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && __ARM_ARCH_PROFILE == 'M' &&              \
    defined(__ARM_FEATURE_UNALIGNED)
#define DPT_DSP
#endif
#if defined(__ARM_FEATURE_MVE)
#define DPT_MVE
#endif
#endif

#endif /* DPT_PLAIN_C */

/* Whether the driver of the SIMD backends has to do with a small stack. */
#ifdef DPT_RVV
#define DPT_SMALL_STACK 1
#else
#define DPT_SMALL_STACK 0
#endif

/* Where dpt_cpu.c has features to detect. */
#if defined(DPT_SSE41) || defined(DPT_AVX2) || defined(DPT_AVXVNNI) || defined(DPT_AVX512VNNI)
#define DPT_DETECT_X86
#elif defined(DPT_NEONDOT) || defined(DPT_NEONI8MM)
#define DPT_DETECT_ARM64
#endif

#endif
