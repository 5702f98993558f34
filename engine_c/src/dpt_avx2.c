/* SPDX-License-Identifier: Apache-2.0 */
/* AVX2: bytes are widened to 16 bits and multiplied in pairs (vpmaddwd). The instruction that takes
 * bytes as they are, vpmaddubsw, saturates at 16 bits: 255 * 127 * 2 does not fit. */
#include "dpt_internal.h"

#ifdef DPT_X86
#define DPT_TARGET __attribute__((target("avx2")))
#define LANES      16
#define STRIP      1
#define NARROW     1
#define PLANAR     1
#define COLUMNS    4
#define CHAINS(B)  4
#define FLIPS      FLIPS_I8
#define PACKING    1
#define PLACES(B)  4 /* 8 of the 16 registers for sums */
#include "dpt_ymm.h"

/* Four values as 16-bit pairs: the even ones, and the odd ones. */
typedef struct quad {
    __m256i even, odd;
} quad;

typedef struct lanes {
    quad half[2];
} lanes;

VECTOR quad pairs(__m256i a) {
    const quad q = {_mm256_and_si256(a, _mm256_set1_epi16(0xFF)), _mm256_srli_epi16(a, 8)};
    return q;
}

VECTOR quad quad_load(const uint8_t *p) {
    return pairs(broadcast(p));
}

VECTOR quad quad_spread(const uint8_t *p) {
    return pairs(spread(p));
}

VECTOR quad quad_flip(quad a) {
    const __m256i flip = _mm256_set1_epi16(0x80);
    const quad q = {_mm256_xor_si256(a.even, flip), _mm256_xor_si256(a.odd, flip)};
    return q;
}

VECTOR quad signed_pairs(__m256i w) {
    const quad q = {_mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), _mm256_srai_epi16(w, 8)};
    return q;
}

VECTOR lanes lanes_load(const uint8_t *p) {
    const __m256i *halves = (const __m256i *)(const void *)p;
    const lanes w = {
        {signed_pairs(_mm256_load_si256(halves)), signed_pairs(_mm256_load_si256(halves + 1))}};
    return w;
}

/* Two pairs of products of at most 255 * 127 each: far inside 32 bits. */
VECTOR __m256i products(quad a, quad w) {
    return _mm256_add_epi32(_mm256_madd_epi16(a.even, w.even), _mm256_madd_epi16(a.odd, w.odd));
}

VECTOR sums sums_dot(sums acc, quad a, lanes w) {
    acc.half[0] = _mm256_add_epi32(acc.half[0], products(a, w.half[0]));
    acc.half[1] = _mm256_add_epi32(acc.half[1], products(a, w.half[1]));
    return acc;
}

VECTOR quad plane_rows(const uint8_t *p, const uint8_t *q) {
    return pairs(bytes_of_rows(p, q));
}

VECTOR quad plane_columns(const uint8_t *const *rows, size_t at) {
    return pairs(bytes_of_columns(rows, at));
}

VECTOR quad plane_weights(const uint8_t *p) {
    return signed_pairs(broadcast(p));
}

VECTOR plane_sums plane_dot(plane_sums acc, quad a, quad w) {
    return _mm256_add_epi32(acc, products(a, w));
}

#include "dpt_quads.h"

static int available(void) {
    return dpt_cpu_has(DPT_CPU_AVX2);
}

const dpt_backend dpt_avx2 = {
    "avx2",
    available,
    LAYOUT,
    {[DPT_CONV] = quads_conv, [DPT_DENSE] = quads_dense, DPT_PLAIN_KERNELS}};
#else
typedef int dpt_avx2_is_empty; /* C has no empty files */
#endif
