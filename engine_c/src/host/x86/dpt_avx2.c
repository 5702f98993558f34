/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2: widens bytes to 16 bits and multiplies them in pairs (vpmaddwd). vpmaddubsw multiplies
 * bytes without widening, but saturates at 16 bits: 255 * 127 * 2 does not fit.
 *
 * Assumes AVX2 and a system that saves its registers, which dpt_cpu.c checks, and weights at
 * multiples of 32 bytes (dpt_pack.h). */
#include "dpt_internal.h"

#ifdef DPT_AVX2
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_avx2_##kind /* dpt_avx2_conv, ... */

#define QUADS_TARGET     __attribute__((target("avx2")))
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

/* The four activations of each lane as 16-bit pairs: the even-numbered, the odd-numbered. */
typedef struct quad {
    __m256i even, odd;
} quad;

typedef struct quads_weights {
    quad half[2];
} quads_weights;

QUADS_INLINE quad avx2_widen(__m256i a) {
    const quad q = {_mm256_and_si256(a, _mm256_set1_epi16(0xFF)), _mm256_srli_epi16(a, 8)};
    return q;
}

QUADS_INLINE quad quad_load(const uint8_t *p, uint8_t flip) {
    return avx2_widen(x86_flip(ymm_broadcast(p), flip));
}

QUADS_INLINE quad quad_spread(const uint8_t *p, uint8_t flip) {
    return avx2_widen(x86_flip(ymm_spread(p), flip));
}

QUADS_INLINE quad avx2_widen_signed(__m256i w) {
    const quad q = {_mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), _mm256_srai_epi16(w, 8)};
    return q;
}

QUADS_INLINE quads_weights columns_weights(const int SECOND, const uint8_t *p) {
    quads_weights w;
    for (int i = 0; i < 2; i++) {
        const __m256i half = _mm256_load_si256((const __m256i *)(const void *)p + i);
        w.half[i] = avx2_widen_signed(SECOND ? _mm256_slli_epi32(half, 8) : half);
    }
    return w;
}

QUADS_INLINE quads_weights quads_weights_load(const uint8_t *p) {
    return columns_weights(0, p);
}

/* Two pairs of products of at most 255 * 127 each: far inside 32 bits. */
QUADS_INLINE __m256i avx2_products(quad a, quad w) {
    return _mm256_add_epi32(_mm256_madd_epi16(a.even, w.even), _mm256_madd_epi16(a.odd, w.odd));
}

QUADS_INLINE quads_acc quads_acc_dot(quads_acc acc, quad a, quads_weights w) {
    acc.vector[0] = _mm256_add_epi32(acc.vector[0], avx2_products(a, w.half[0]));
    acc.vector[1] = _mm256_add_epi32(acc.vector[1], avx2_products(a, w.half[1]));
    return acc;
}

QUADS_INLINE quads_acc columns_dot(quads_acc acc, const uint8_t *quads, quads_weights weights) {
    const __m256i *halves = (const __m256i *)(const void *)quads;
    for (int i = 0; i < 2; i++) {
        const quad a = avx2_widen(_mm256_loadu_si256(halves + i));
        acc.vector[i] = _mm256_add_epi32(acc.vector[i], avx2_products(a, weights.half[i]));
    }
    return acc;
}

QUADS_INLINE quad gray_row_quads(const uint8_t *p, const uint8_t *q, uint8_t flip) {
    return avx2_widen(x86_flip(ymm_row_bytes(p, q), flip));
}

QUADS_INLINE quad gray_column_quads(const uint8_t *const *rows, size_t at, uint8_t flip) {
    return avx2_widen(x86_flip(ymm_column_bytes(rows, at), flip));
}

QUADS_INLINE quad gray_weights(const uint8_t *p) {
    return avx2_widen_signed(ymm_broadcast(p));
}

QUADS_INLINE gray_acc gray_acc_dot(gray_acc acc, quad a, quad w) {
    return _mm256_add_epi32(acc, avx2_products(a, w));
}

#include "dpt_quads.inc"

static int avx2_available(void) {
    return dpt_cpu_has(DPT_CPU_AVX2);
}

const dpt_backend dpt_avx2 = {"avx2", avx2_available, QUADS_PACKING, QUADS_KERNELS, dpt_run_rows};
#endif
