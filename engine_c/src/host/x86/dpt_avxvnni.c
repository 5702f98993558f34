/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-VNNI: vpdpbusd in 256-bit registers, 32 products an instruction.
 *
 * Assumes AVX-VNNI, and what dpt_avx2.c assumes; dpt_cpu.c checks both. */
#include "dpt_internal.h"

#ifdef DPT_AVXVNNI
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_avxvnni_##kind /* dpt_avxvnni_conv, ... */
#ifdef DPT_AVX2
#define QUADS_VALUES(kind) dpt_avx2_##kind /* dpt_avx2_add, ... */
#define QUADS_POOLS(kind)  dpt_avx2_##kind /* dpt_avx2_maxpool, ... */
#endif

#define QUADS_TARGET     __attribute__((target("avx2,avxvnni")))
#define QUADS_OUTPUTS    4
#define QUADS_LANES      16
#define QUADS_CHUNK      1
#define QUADS_NARROW     1
#define QUADS_GRAY       1
#define GRAY_COLUMNS     4
#define QUADS_CHAINS(B)  4
#define QUADS_FLIPS      DPT_FLIPS_I8
#define QUADS_BLOCKS     1
#define QUADS_WINDOWS(B) 4 /* 8 of the 16 registers for accumulators */
#include "dpt_ymm.inc"

typedef __m256i quad;

typedef struct quads_weights {
    __m256i half[2];
} quads_weights;

QUADS_INLINE quad quad_load(const uint8_t *p, uint8_t flip) {
    return x86_flip(ymm_broadcast(p), flip);
}

QUADS_INLINE quad quad_spread(const uint8_t *p, uint8_t flip) {
    return x86_flip(ymm_spread(p), flip);
}

QUADS_INLINE quads_weights quads_weights_load(const uint8_t *p) {
    const __m256i *halves = (const __m256i *)(const void *)p;
    const quads_weights w = {{_mm256_load_si256(halves), _mm256_load_si256(halves + 1)}};
    return w;
}

/* GCC copies each accumulator to another register and back around _mm256_dpbusd_avx_epi32. The
 * assembly does not. */
QUADS_INLINE gray_acc gray_acc_dot(gray_acc acc, quad a, quad w) {
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(a), "x"(w));
    return acc;
}

QUADS_INLINE quads_acc quads_acc_dot(quads_acc acc, quad a, quads_weights w) {
    acc.vector[0] = gray_acc_dot(acc.vector[0], a, w.half[0]);
    acc.vector[1] = gray_acc_dot(acc.vector[1], a, w.half[1]);
    return acc;
}

QUADS_INLINE quads_weights columns_weights(const int SECOND, const uint8_t *p) {
    quads_weights w = quads_weights_load(p);
    for (int i = 0; i < 2; i++) {
        w.half[i] = SECOND ? _mm256_slli_epi32(w.half[i], 8) : w.half[i];
    }
    return w;
}

QUADS_INLINE quads_acc columns_dot(quads_acc acc, const uint8_t *quads, quads_weights weights) {
    const __m256i *halves = (const __m256i *)(const void *)quads;
    for (int i = 0; i < 2; i++) {
        acc.vector[i] =
            gray_acc_dot(acc.vector[i], _mm256_loadu_si256(halves + i), weights.half[i]);
    }
    return acc;
}

QUADS_INLINE quad gray_row_quads(const uint8_t *p, const uint8_t *q, uint8_t flip) {
    return x86_flip(ymm_row_bytes(p, q), flip);
}

QUADS_INLINE quad gray_column_quads(const uint8_t *const *rows, size_t at, uint8_t flip) {
    return x86_flip(ymm_column_bytes(rows, at), flip);
}

QUADS_INLINE quad gray_weights(const uint8_t *p) {
    return ymm_broadcast(p);
}

#include "dpt_quads.inc"

static int avxvnni_available(void) {
    return dpt_cpu_has(DPT_CPU_AVXVNNI);
}

const dpt_backend dpt_avxvnni = {"avxvnni", avxvnni_available, QUADS_PACKING, QUADS_KERNELS,
                                 dpt_run_rows};
#endif
