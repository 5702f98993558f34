/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 with VNNI: 16 channels in one register, 64 products an instruction (vpdpbusd). */
#include "dpt_internal.h"

#ifdef DPT_X86
#include <immintrin.h>

#define DPT_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define LANES      16
#define STRIP      1
#define NARROW     1
#define PLANAR     1
#define COLUMNS    8
#define PREFETCH   2048 /* a fifth less time for the 400 KB of LeNet's dense op, on Zen 5 */
#define CHAINS(B)  ((B) >= 3 ? 2 : 4) /* 4 products in flight on each of two ports */
#define FLIPS      FLIPS_I8
#define PACKING    4
#define PLACES(B)  ((B) == 4 ? 4 : 8) /* 16 or 24 of the 32 registers */

typedef __m512i quad;
typedef __m512i lanes;
typedef __m512i sums;
#define VECTOR static inline __attribute__((always_inline)) DPT_TARGET

VECTOR quad quad_load(const uint8_t *p) {
    int32_t value;
    __builtin_memcpy(&value, p, 4);
    return _mm512_set1_epi32(value);
}

VECTOR quad quad_flip(quad a) {
    return _mm512_xor_si512(a, _mm512_set1_epi8((char)0x80));
}

VECTOR lanes lanes_load(const uint8_t *p) {
    return _mm512_load_si512(p);
}

VECTOR sums sums_zero(void) {
    return _mm512_setzero_si512();
}

/* In place of _mm512_dpbusd_epi32, around which GCC copies each sum to another register and back.
 */
VECTOR sums sums_dot(sums acc, quad a, lanes w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(w));
    return acc;
}

VECTOR sums sums_add(sums a, sums b) {
    return _mm512_add_epi32(a, b);
}

VECTOR sums sums_max(sums a, sums b) {
    return _mm512_max_epi32(a, b);
}

VECTOR quad quad_spread(const uint8_t *p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/* Pairs of places are added crosswise, twice: then the lanes of a channel are its sums at the four
 * places. */
VECTOR void narrow_sums(sums *s) {
    const sums ab =
        _mm512_add_epi32(_mm512_unpacklo_epi32(s[0], s[1]), _mm512_unpackhi_epi32(s[0], s[1]));
    const sums cd =
        _mm512_add_epi32(_mm512_unpacklo_epi32(s[2], s[3]), _mm512_unpackhi_epi32(s[2], s[3]));
    const sums all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    for (int i = 0; i < 4; i++) {
        const __m512i lane =
            _mm512_add_epi32(_mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
                             _mm512_set1_epi32(i));
        s[i] = _mm512_permutexvar_epi32(lane, all);
    }
}

/* NUMERICS.md section 2 in 16 lanes: even and odd lanes are multiplied apart, since a product has
 * 64 bits; the odd products' high halves lie in the odd lanes already. */
VECTOR __m512i requantize(const dpt_op *op, __m512i acc, __m512i bias, __m512i m) {
    const __m512i half = _mm512_set1_epi64((int64_t)1 << 31);
    acc = _mm512_add_epi32(acc, bias);
    acc = _mm512_sll_epi32(acc, _mm_cvtsi32_si128(op->shift));
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(acc, m), half);
    const __m512i odd = _mm512_add_epi64(
        _mm512_mul_epi32(_mm512_srli_epi64(acc, 32), _mm512_srli_epi64(m, 32)), half);
    __m512i y = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
    y = _mm512_add_epi32(y, _mm512_set1_epi32(op->out.zero));
    y = _mm512_max_epi32(y, _mm512_set1_epi32(op->lo));
    return _mm512_min_epi32(y, _mm512_set1_epi32(op->hi));
}

VECTOR void sums_finish(const dpt_op *op, sums acc, const int32_t *bias, const int32_t *mult,
                        void *out, size_t index, size_t n) {
    const __m512i y = requantize(op, acc, _mm512_load_si512(bias), _mm512_load_si512(mult));
    const __mmask16 mask = (__mmask16)((1u << n) - 1);
    if (op->out.type == DPT_I32) {
        _mm512_mask_storeu_epi32((int32_t *)out + index, mask, y);
    } else {
        _mm_mask_storeu_epi8((uint8_t *)out + index, mask, _mm512_cvtepi32_epi8(y));
    }
}

/* A tile's lanes: its first four columns, row by row, then the other four. */
typedef __m512i plane_sums;

VECTOR __m512i alternate(const uint8_t *p, const uint8_t *q) {
    const __m512i a = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm512_mask_broadcast_i32x4(a, 0xF0F0,
                                       _mm_loadu_si128((const __m128i *)(const void *)q));
}

VECTOR quad plane_rows(const uint8_t *p, const uint8_t *q) {
    const __m512i four =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6));
    const __m512i places =
        _mm512_mask_add_epi8(four, 0xFFFFFFFF00000000, four, _mm512_set1_epi8(4));
    return _mm512_shuffle_epi8(alternate(p, q), places);
}

VECTOR __m256i both(const uint8_t *p, const uint8_t *q) {
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)p)),
        _mm_loadu_si128((const __m128i *)(const void *)q), 1);
}

VECTOR quad plane_columns(const uint8_t *const *rows, size_t at) {
    const __m256i low =
        _mm256_unpacklo_epi8(both(rows[0] + at, rows[1] + at), both(rows[1] + at, rows[2] + at));
    const __m256i high =
        _mm256_unpacklo_epi8(both(rows[2] + at, rows[3] + at), both(rows[3] + at, rows[4] + at));
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_unpacklo_epi16(low, high)),
                              _mm256_unpackhi_epi16(low, high), 1);
}

VECTOR plane_sums plane_zero(void) {
    return _mm512_setzero_si512();
}

VECTOR quad plane_weights(const uint8_t *p) {
    return quad_load(p);
}

VECTOR plane_sums plane_dot(plane_sums acc, quad a, quad w) {
    return sums_dot(acc, a, w);
}

/* The larger of the two rows, of two channels. */
VECTOR __m512i larger_rows(plane_sums a, plane_sums b) {
    return _mm512_max_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xDD));
}

VECTOR plane_sums plane_pool(const plane_sums *acc) {
    const __m512 ab = (__m512)larger_rows(acc[0], acc[1]), cd = (__m512)larger_rows(acc[2], acc[3]);
    const __m512i y = _mm512_max_epi32((__m512i)_mm512_shuffle_ps(ab, cd, 0x88),
                                       (__m512i)_mm512_shuffle_ps(ab, cd, 0xDD));
    const __m512i turn = _mm512_setr_epi32(0, 8, 2, 10, 1, 9, 3, 11, 4, 12, 6, 14, 5, 13, 7, 15);
    return _mm512_permutexvar_epi32(turn, y);
}

VECTOR void plane_turn(const plane_sums *acc, plane_sums *pixels) {
    const __m512i ab0 = _mm512_unpacklo_epi32(acc[0], acc[1]);
    const __m512i ab1 = _mm512_unpackhi_epi32(acc[0], acc[1]);
    const __m512i cd0 = _mm512_unpacklo_epi32(acc[2], acc[3]);
    const __m512i cd1 = _mm512_unpackhi_epi32(acc[2], acc[3]);
    pixels[0] = _mm512_unpacklo_epi64(ab0, cd0);
    pixels[1] = _mm512_unpackhi_epi64(ab0, cd0);
    pixels[2] = _mm512_unpacklo_epi64(ab1, cd1);
    pixels[3] = _mm512_unpackhi_epi64(ab1, cd1);
}

VECTOR void plane_finish(const dpt_op *op, plane_sums acc, const int32_t *bias, const int32_t *mult,
                         uint8_t *values) {
    const __m512i y =
        requantize(op, acc, quad_spread((const uint8_t *)bias), quad_spread((const uint8_t *)mult));
    if (op->out.type == DPT_I32) {
        _mm512_storeu_si512(values, y);
    } else {
        _mm_storeu_si128((__m128i *)(void *)values, _mm512_cvtepi32_epi8(y));
    }
}

#include "dpt_quads.h"

static int available(void) {
    return dpt_cpu_has(DPT_CPU_AVX512VNNI);
}

const dpt_backend dpt_avx512vnni = {
    "avx512vnni",
    available,
    LAYOUT,
    {[DPT_CONV] = quads_conv, [DPT_DENSE] = quads_dense, DPT_PLAIN_KERNELS}};
#else
typedef int dpt_avx512vnni_is_empty; /* C has no empty files */
#endif
