/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the engine share: little-endian reads, and the one rounding rule. */
#ifndef DPT_INTERNAL_H
#define DPT_INTERNAL_H

#include "drypoint.h"

/* C99 leaves the right shift of a negative number to the compiler. Every compiler that matters
 * shifts arithmetically; one that does not stops here instead of giving other bytes. */
#if (-1 >> 1) != -1
#error "drypoint needs an arithmetic right shift of negative integers"
#endif

/* Where the x86 backends are compiled; elsewhere, and with DPT_PLAIN_C, their files are empty. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(DPT_PLAIN_C)
#define DPT_X86
extern const dpt_backend dpt_sse41, dpt_avx2, dpt_avxvnni, dpt_avx512vnni;
#endif

/* Where the Neon backends are: little-endian ones, as the rest of the world. */
#if defined(__GNUC__) && defined(__ARM_NEON) && !defined(__ARM_BIG_ENDIAN) && !defined(DPT_PLAIN_C)
#define DPT_NEON
#ifdef __aarch64__
#define DPT_ARM64
#endif
#endif

/* Where the compiler may use RISC-V V, with intrinsics of version 0.12 or later, and WASM SIMD. */
#if defined(__riscv_v_intrinsic) && __riscv_v_intrinsic >= 12000 && !defined(DPT_PLAIN_C)
#define DPT_RVV
#endif
#if defined(__wasm_simd128__) && !defined(DPT_PLAIN_C)
#define DPT_WASM
#endif

/* Where the kernels for small devices are, whose weights the exporter packs: 32-bit ones and any
 * RISC-V with plain C, or ARMv6-M; Cortex-M with the DSP extension, and with Helium (MVE) for
 * integers. */
#if (UINTPTR_MAX == 0xFFFFFFFFu || defined(__riscv)) && defined(__GNUC__) &&                       \
    !defined(DPT_PLAIN_C) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DPT_BLOCKS
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && __ARM_ARCH_PROFILE == 'M'
#define DPT_DSP
#endif
#if defined(__ARM_FEATURE_MVE)
#define DPT_MVE
#endif
#endif

/* In every table of kernels: the kinds that have no kernel but the plain one. */
#define DPT_PLAIN_KERNELS                                                                          \
    [DPT_MAXPOOL] = dpt_scalar_maxpool, [DPT_AVGPOOL] = dpt_scalar_avgpool,                        \
    [DPT_GROUPED] = dpt_scalar_grouped, [DPT_DEPTHWISE] = dpt_scalar_depthwise,                    \
    [DPT_ADD] = dpt_scalar_add, [DPT_CONCAT] = dpt_scalar_concat, [DPT_LOOKUP] = dpt_scalar_lookup

/* The numbers of the layouts of packed weights; dpt_pack.h has smaller numbers for hosts, and
 * _packing.py repeats these. */
enum { DPT_PACKING_BLOCKS = 0x1001, DPT_PACKING_DSP = 0x1002, DPT_PACKING_MVE = 0x1003 };

/* 1 where the backend has a kernel for each op of the model and reads the weights in the form that
 * the model has: as they are, or packed for this backend. */
int dpt_fits(const dpt_model *model, const dpt_backend *backend);

/* Whether the fast kernels can compute a convolution: it has neither dilation nor padding values.
 */
static inline int dpt_plain(const dpt_op *op) {
    return op->dilation_h == 1 && op->dilation_w == 1 && op->pad == NULL;
}

/* A precondition of a kernel, which dpt_model_load, dpt_fits or the code generator has ensured. Off
 * by default; -include assert.h -DDPT_ASSERT=assert checks it. */
#ifndef DPT_ASSERT
#define DPT_ASSERT(holds) ((void)0)
#endif

/* What the CPU and the operating system offer; dpt_cpu.c knows. */
enum {
    DPT_CPU_SSE41,
    DPT_CPU_AVX2,
    DPT_CPU_AVXVNNI,
    DPT_CPU_AVX512VNNI,
    DPT_CPU_NEONDOT,
    DPT_CPU_NEONI8MM
};
int dpt_cpu_has(int feature);

static inline uint32_t dpt_u16(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t dpt_u32(const uint8_t *p) {
    return dpt_u16(p) | dpt_u16(p + 2) << 16;
}

/* Two's complement without relying on how a compiler converts large unsigned numbers. */
static inline int32_t dpt_i32(const uint8_t *p) {
    uint32_t u = dpt_u32(p);
    return u <= INT32_MAX ? (int32_t)u : -(int32_t)(UINT32_MAX - u) - 1;
}

/* NUMERICS.md section 2. |acc| * 2^shift <= INT32_MAX by the proof of section 4. */
static inline int32_t dpt_requantize(const dpt_op *op, int32_t acc, int32_t mult) {
    DPT_ASSERT(acc <= INT32_MAX >> op->shift && acc >= -(INT32_MAX >> op->shift) && mult >= 2);
    int64_t product = (int64_t)(acc * (int32_t)(1L << op->shift)) * mult;
    int32_t y = (int32_t)((product + ((int64_t)1 << 31)) >> 32) + op->out.zero;
    return y < op->lo ? op->lo : y > op->hi ? op->hi : y;
}

/* The stored integer at `index` of an input of type DPT_U8 or DPT_I8. */
static inline int32_t dpt_value(int type, const void *x, size_t index) {
    return type == DPT_U8 ? ((const uint8_t *)x)[index] : ((const int8_t *)x)[index];
}

/* The output plane of input number `i` of a batch. */
static inline void *dpt_output(const dpt_op *op, void *out, size_t i) {
    return (uint8_t *)out +
           i * dpt_elements(op->out) * (op->out.type == DPT_I32 ? sizeof(int32_t) : 1);
}

/* Writes output number `index`; y fits out_type. A negative int8 becomes its two's complement byte.
 */
static inline void dpt_store(const dpt_op *op, void *out, size_t index, int32_t y) {
    DPT_ASSERT(
        op->out.type == DPT_I32 ||
        (op->out.type == DPT_U8 ? y >= 0 && y <= UINT8_MAX : y >= INT8_MIN && y <= INT8_MAX));
    if (op->out.type == DPT_I32) {
        ((int32_t *)out)[index] = y;
    } else {
        ((uint8_t *)out)[index] = (uint8_t)((uint32_t)y & 0xFFu);
    }
}

#ifdef DPT_BLOCKS
/* The same; with `merge` the larger of y and what is stored already. (In the engine as one file,
 * with a SIMD backend, nothing uses it.) */
__attribute__((unused)) static inline void dpt_store_largest(const dpt_op *op, void *out,
                                                             size_t index, int32_t y, int merge) {
    if (merge) {
        const int32_t before = op->out.type == DPT_I32  ? ((const int32_t *)out)[index]
                               : op->out.type == DPT_U8 ? ((const uint8_t *)out)[index]
                                                        : ((const int8_t *)out)[index];
        y = y > before ? y : before;
    }
    dpt_store(op, out, index, y);
}
#endif

#endif
