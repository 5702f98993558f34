/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2: widens bytes to 16 bits and multiplies them in pairs (vpmaddwd). vpmaddubsw multiplies
 * bytes without widening, but saturates at 16 bits: 255 * 127 * 2 does not fit.
 *
 * Assumes AVX2 and a system that saves its registers, which dpt_cpu.c checks, and weights at
 * multiples of 32 bytes (dpt_pack.h). */
#include "dpt_internal.h"

#ifdef DPT_AVX2
#include "dpt_quads.h"

#include <immintrin.h>

#define QUADS_NAME(kind) dpt_avx2_##kind /* dpt_avx2_conv, ... */
#define QUADS_TARGET     __attribute__((target("avx2")))

/* The four numbers of each lane as 16-bit pairs: the even-numbered, the odd-numbered. */
typedef struct quad {
    __m256i even, odd;
} quad;

QUADS_INLINE quad ymm_quad(__m256i a) {
    const quad q = {_mm256_and_si256(a, _mm256_set1_epi16(0xFF)), _mm256_srli_epi16(a, 8)};
    return q;
}

QUADS_INLINE quad ymm_weights(__m256i w) {
    const quad q = {_mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), _mm256_srai_epi16(w, 8)};
    return q;
}

/* Two pairs of products of at most 255 * 127 each: far inside 32 bits. */
QUADS_INLINE __m256i ymm_dot(__m256i acc, quad a, quad w) {
    return _mm256_add_epi32(
        acc, _mm256_add_epi32(_mm256_madd_epi16(a.even, w.even), _mm256_madd_epi16(a.odd, w.odd)));
}

#include "dpt_ymm.inc"

static int avx2_available(void) {
    return dpt_cpu_has(DPT_CPU_AVX2);
}

const dpt_backend dpt_avx2 = {"avx2", avx2_available, QUADS_PACKING, QUADS_KERNELS, dpt_run_rows};
#endif
