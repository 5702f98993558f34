/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 with VNNI: 16 channels in one register, 64 products an instruction (vpdpbusd).
 *
 * Assumes AVX-512 F, BW, VL and VNNI and a system that saves all their registers, which dpt_cpu.c
 * checks, and weights at multiples of 64 bytes (dpt_pack.h). */
#include "dpt_internal.h"

#ifdef DPT_AVX512VNNI
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_avx512vnni_##kind /* dpt_avx512vnni_conv, ... */
#ifdef DPT_AVX2
#define QUADS_POOLS(kind) dpt_avx2_##kind /* dpt_avx2_maxpool, ...: 16 bytes in a register, too */
#endif

#include <immintrin.h>

#define QUADS_TARGET     __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define QUADS_OUTPUTS    4
#define QUADS_LANES      16
#define QUADS_CHUNK      1
#define QUADS_NARROW     1
#define QUADS_TURNED     1
#define QUADS_GRAY       1
#define GRAY_COLUMNS     8
#define COLUMNS_KEPT     3
#define QUADS_PREFETCH   2048 /* LeNet's dense op (400 KB) takes a fifth less time on Zen 5 */
#define QUADS_CHAINS(B)  ((B) >= 3 ? 2 : 4) /* 4 products in flight on each of two ports */
#define QUADS_FLIPS      DPT_FLIPS_I8
#define QUADS_FLIPS_LATE 1
#define QUADS_BLOCKS     4
#define QUADS_WINDOWS(B) ((B) == 4 ? 4 : 8) /* 16 or 24 of the 32 registers for accumulators */

#define X86_VECTOR   __m512i
#define X86(name)    _mm512_##name
#define X86_SI(name) _mm512_##name##_si512
#define X86_SET_64   _mm512_set1_epi64
#define X86_MADD     _mm512_dpwssd_epi32

/* 16 bytes in 16 lanes, flipped. */
QUADS_INLINE __m512i x86_wide(const uint8_t *p, uint8_t flip) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    return _mm512_cvtepu8_epi32(_mm_xor_si128(bytes, _mm_set1_epi8((char)flip)));
}

/* In each quarter every fourth group of 4 bytes. */
QUADS_INLINE __m512i x86_turn(__m512i a) {
    const __m512i turn = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(turn, a);
}

#include "dpt_x86.inc"

typedef __m512i quad;
typedef __m512i quads_weights;

QUADS_INLINE quad quad_load(const uint8_t *p, uint8_t flip) {
    int32_t value;
    memcpy(&value, p, 4);
    return x86_flip(_mm512_set1_epi32(value), flip);
}

QUADS_INLINE quads_weights quads_weights_load(const uint8_t *p) {
    return _mm512_load_si512(p);
}

/* Assembly, since GCC copies each accumulator out and back around _mm512_dpbusd_epi32. */
QUADS_INLINE __m512i zmm_dot(__m512i acc, quad a, quads_weights w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(w));
    return acc;
}

QUADS_INLINE quads_acc quads_acc_dot(quads_acc acc, quad a, quads_weights w) {
    acc.vector[0] = zmm_dot(acc.vector[0], a, w);
    return acc;
}

/* 16 bytes at p in the quarters of the mask, whose lanes have a bit each. */
QUADS_INLINE __m512i zmm_quarters(const uint8_t *p, __mmask16 mask, __m512i others) {
    return _mm512_mask_broadcast_i32x4(others, mask,
                                       _mm_loadu_si128((const __m128i *)(const void *)p));
}

/* The bytes of four rows, interleaved channel by channel: each quarter gets 4 bytes of every row,
 * then groups the bytes of a channel. */
QUADS_INLINE void columns_interleave(const uint8_t *const *row, uint8_t flip, uint8_t *quads) {
    __m512i all = zmm_quarters(row[0], 0xFFFF, _mm512_setzero_si512());
    all = zmm_quarters(row[1], 0x00F0, all);
    all = zmm_quarters(row[2], 0x0F00, all);
    all = zmm_quarters(row[3], 0xF000, all);
    const __m512i places =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    _mm512_storeu_si512(quads, x86_flip(_mm512_shuffle_epi8(x86_turn(all), places), flip));
}

QUADS_INLINE quads_weights columns_weights(const int SECOND, const uint8_t *w) {
    const quads_weights weights = quads_weights_load(w);
    return SECOND ? _mm512_slli_epi32(weights, 8) : weights;
}

QUADS_INLINE quads_acc columns_dot(quads_acc acc, const uint8_t *quads, quads_weights weights) {
    return quads_acc_dot(acc, _mm512_loadu_si512(quads), weights);
}

QUADS_INLINE quad quad_spread(const uint8_t *p, uint8_t flip) {
    return x86_flip(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)p)),
                    flip);
}

QUADS_INLINE quad quad_load_two(const uint8_t *p, uint8_t flip) {
    int64_t value;
    memcpy(&value, p, 8);
    return x86_flip(_mm512_set1_epi64(value), flip);
}

/* Adds neighbouring lanes of 4 windows crosswise, twice. The 4 lanes of a channel are then the
 * channel's accumulators at the 4 windows. */
QUADS_INLINE void quads_acc_from_narrow(quads_acc *s) {
    const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(s[0].vector[0], s[1].vector[0]),
                                        _mm512_unpackhi_epi32(s[0].vector[0], s[1].vector[0]));
    const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(s[2].vector[0], s[3].vector[0]),
                                        _mm512_unpackhi_epi32(s[2].vector[0], s[3].vector[0]));
    const __m512i all =
        _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    for (int i = 0; i < 4; i++) {
        const __m512i lane =
            _mm512_add_epi32(_mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
                             _mm512_set1_epi32(i));
        s[i].vector[0] = _mm512_permutexvar_epi32(lane, all);
    }
}

/* Of a turned block: in its second accumulator the lanes of two channels have changed places. */
QUADS_INLINE quads_acc quads_acc_from_turned(quads_acc a, quads_acc b) {
    const __m512i back = _mm512_shuffle_epi32(b.vector[0], _MM_PERM_CDAB);
    a.vector[0] = _mm512_add_epi32(a.vector[0], back);
    return a;
}

/* NUMERICS.md section 2 in 16 lanes, in place of y, without the clamp, P times. Even and odd lanes
 * are multiplied separately, since a product has 64 bits. The result is in the high halves, to
 * which the zero point is added together with the rounding; later where multipliers are doubled. */
QUADS_INLINE void zmm_requantize(const int P, const quads_output *to, const __m512i *m,
                                 __m512i *y) {
    QUADS_UNROLL
    for (int p = 0; p < P; p++) {
        y[p] = to->shifted ? _mm512_sll_epi32(y[p], to->shift) : y[p];
    }
    QUADS_UNROLL
    for (int p = 0; p < P; p++) {
        __m512i even = _mm512_mul_epi32(y[p], m[p]);
        __m512i odd = _mm512_mul_epi32(_mm512_srli_epi64(y[p], 32), _mm512_srli_epi64(m[p], 32));
        if (!to->doubled) {
            even = _mm512_add_epi64(even, to->half);
            odd = _mm512_add_epi64(odd, to->half);
        }
        y[p] = _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
    }
}

/* Four times 16 lanes as bytes, with y[0] in the first quarter. Saturation to the range of bytes
 * changes nothing, since the clamp is within it. */
QUADS_INLINE __m512i zmm_clamp_bytes(const quads_output *to, const __m512i *y) {
    __m512i low = _mm512_packs_epi32(y[0], y[1]), high = _mm512_packs_epi32(y[2], y[3]);
    if (to->doubled) {
        low = _mm512_srai_epi16(_mm512_adds_epi16(low, to->half), 1);
        high = _mm512_srai_epi16(_mm512_adds_epi16(high, to->half), 1);
    }
    __m512i bytes = _mm512_packs_epi16(low, high);
    if (!to->full) {
        bytes = _mm512_min_epi8(_mm512_max_epi8(bytes, to->lo), to->hi);
    }
    return x86_turn(_mm512_xor_si512(bytes, to->flip));
}

QUADS_INLINE __m128i zmm_clamp_16_bytes(const quads_output *to, __m512i y) {
    if (to->doubled) { /* half has the same number in all lanes of 16 bits */
        y = _mm512_srai_epi32(_mm512_add_epi32(y, _mm512_srai_epi32(to->half, 16)), 1);
    }
    __m128i bytes = _mm512_cvtsepi32_epi8(y);
    if (!to->full) {
        bytes = _mm_max_epi8(bytes, _mm512_castsi512_si128(to->lo));
        bytes = _mm_min_epi8(bytes, _mm512_castsi512_si128(to->hi));
    }
    return _mm_xor_si128(bytes, _mm512_castsi512_si128(to->flip));
}

QUADS_INLINE void quads_output_store(const int P, const quads_output *to, const quads_acc *acc,
                                     const int32_t *mult, const int APART, void *out, size_t index,
                                     size_t near, size_t far, size_t n) {
    const __mmask16 mask = (__mmask16)((1u << n) - 1);
    uint8_t *const bytes = (uint8_t *)out + index;
    __m512i m[4], y[4];
    QUADS_UNROLL
    for (int p = 0; p < P; p++) {
        m[p] = _mm512_load_si512(mult + APART * p);
        y[p] = acc[p].vector[0];
    }
    zmm_requantize(P, to, m, y);
    if (to->wide) {
        QUADS_UNROLL
        for (int p = 0; p < P; p++) {
            _mm512_mask_storeu_epi32((int32_t *)out + index + QUADS_PLACE(p, near, far), mask,
                                     x86_clamp_wide(to, y[p]));
        }
    } else if (P == 1) {
        _mm_mask_storeu_epi8(bytes, mask, zmm_clamp_16_bytes(to, y[0]));
    } else {
        for (int p = P; p < 4; p++) {
            y[p] = y[p - 2];
        }
        const __m512i all = zmm_clamp_bytes(to, y);
        if (P == 4 && near == QUADS_LANES && far == 2 * QUADS_LANES && n == QUADS_LANES) {
            _mm512_storeu_si512(bytes, all);
            return;
        }
        const __m128i rows[4] = {_mm512_castsi512_si128(all), _mm512_extracti32x4_epi32(all, 1),
                                 _mm512_extracti32x4_epi32(all, 2),
                                 _mm512_extracti32x4_epi32(all, 3)};
        QUADS_UNROLL
        for (int p = 0; p < P; p++) {
            _mm_mask_storeu_epi8(bytes + QUADS_PLACE(p, near, far), mask, rows[p]);
        }
    }
}

/* The lanes of a tile: row 0 and row 1 of its first four columns, then of its last four. */
typedef __m512i gray_acc;

/* 16 bytes at p in each even quarter of a register's halves, 16 bytes at q in each odd quarter. */
QUADS_INLINE __m512i zmm_alternate(const uint8_t *p, const uint8_t *q) {
    return zmm_quarters(q, 0xF0F0, zmm_quarters(p, 0xFFFF, _mm512_setzero_si512()));
}

QUADS_INLINE quad gray_row_quads(const uint8_t *p, const uint8_t *q, uint8_t flip) {
    const __m512i four =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6));
    const __m512i places =
        _mm512_mask_add_epi8(four, 0xFFFFFFFF00000000, four, _mm512_set1_epi8(4));
    return x86_flip(_mm512_shuffle_epi8(zmm_alternate(p, q), places), flip);
}

QUADS_INLINE __m256i zmm_two_rows(const uint8_t *p, const uint8_t *q) {
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)p)),
        _mm_loadu_si128((const __m128i *)(const void *)q), 1);
}

QUADS_INLINE quad gray_column_quads(const uint8_t *const *rows, size_t at, uint8_t flip) {
    const __m256i low = _mm256_unpacklo_epi8(zmm_two_rows(rows[0] + at, rows[1] + at),
                                             zmm_two_rows(rows[1] + at, rows[2] + at));
    const __m256i high = _mm256_unpacklo_epi8(zmm_two_rows(rows[2] + at, rows[3] + at),
                                              zmm_two_rows(rows[3] + at, rows[4] + at));
    const __m512i all = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_unpacklo_epi16(low, high)),
                                           _mm256_unpackhi_epi16(low, high), 1);
    return x86_flip(all, flip);
}

QUADS_INLINE gray_acc gray_acc_zero(void) {
    return _mm512_setzero_si512();
}

QUADS_INLINE quad gray_weights(const uint8_t *p) {
    return quad_load(p, 0);
}

QUADS_INLINE gray_acc gray_acc_dot(gray_acc acc, quad a, quad w) {
    return zmm_dot(acc, a, w);
}

/* The maximum over the two rows of pixels, for two channels. */
QUADS_INLINE __m512i zmm_larger_rows(gray_acc a, gray_acc b) {
    return _mm512_max_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xDD));
}

QUADS_INLINE gray_acc gray_acc_pool(const gray_acc *acc) {
    const __m512 ab = (__m512)zmm_larger_rows(acc[0], acc[1]),
                 cd = (__m512)zmm_larger_rows(acc[2], acc[3]);
    const __m512i y = _mm512_max_epi32((__m512i)_mm512_shuffle_ps(ab, cd, 0x88),
                                       (__m512i)_mm512_shuffle_ps(ab, cd, 0xDD));
    const __m512i turn = _mm512_setr_epi32(0, 8, 2, 10, 1, 9, 3, 11, 4, 12, 6, 14, 5, 13, 7, 15);
    return _mm512_permutexvar_epi32(turn, y);
}

QUADS_INLINE void gray_acc_transpose(const gray_acc *acc, gray_acc *pixels) {
    const __m512i ab0 = _mm512_unpacklo_epi32(acc[0], acc[1]);
    const __m512i ab1 = _mm512_unpackhi_epi32(acc[0], acc[1]);
    const __m512i cd0 = _mm512_unpacklo_epi32(acc[2], acc[3]);
    const __m512i cd1 = _mm512_unpackhi_epi32(acc[2], acc[3]);
    pixels[0] = _mm512_unpacklo_epi64(ab0, cd0);
    pixels[1] = _mm512_unpackhi_epi64(ab0, cd0);
    pixels[2] = _mm512_unpacklo_epi64(ab1, cd1);
    pixels[3] = _mm512_unpackhi_epi64(ab1, cd1);
}

QUADS_INLINE void gray_requantize(const quads_output *to, gray_acc acc, const int32_t *bias,
                                  const int32_t *mult, uint8_t *values) {
    const __m512i b = quad_spread((const uint8_t *)bias, 0),
                  m = quad_spread((const uint8_t *)mult, 0);
    __m512i y = _mm512_add_epi32(acc, b);
    quads_output copy = *to;
    copy.doubled = 0; /* a constant */
    zmm_requantize(1, &copy, &m, &y);
    if (to->wide) {
        _mm512_storeu_si512(values, x86_clamp_wide(to, y));
    } else {
        _mm_storeu_si128((__m128i *)(void *)values, zmm_clamp_16_bytes(&copy, y));
    }
}

#include "dpt_quads.inc"

static int avx512vnni_available(void) {
    return dpt_cpu_has(DPT_CPU_AVX512VNNI);
}

const dpt_backend dpt_avx512vnni = {"avx512vnni", avx512vnni_available, QUADS_PACKING,
                                    QUADS_KERNELS, dpt_run_rows};
#endif
