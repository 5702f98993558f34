/* SPDX-License-Identifier: Apache-2.0 */
/* What the two 256-bit backends share: sums of 16 channels in two registers, and their finish; and
 * planes (dpt_planes.h) of two rows of 4 pixels. */
#include <immintrin.h>

#include <string.h>

typedef struct quads_acc {
    __m256i half[2];
} quads_acc;

#define QUADS_INLINE static inline __attribute__((always_inline)) QUADS_TARGET

QUADS_INLINE __m256i ymm_broadcast(const uint8_t *p) {
    int32_t value;
    memcpy(&value, p, 4);
    return _mm256_set1_epi32(value);
}

QUADS_INLINE __m256i ymm_spread(const uint8_t *p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)p));
}

QUADS_INLINE quads_acc quads_acc_zero(void) {
    const quads_acc zero = {{_mm256_setzero_si256(), _mm256_setzero_si256()}};
    return zero;
}

QUADS_INLINE quads_acc quads_acc_add(quads_acc a, quads_acc b) {
    a.half[0] = _mm256_add_epi32(a.half[0], b.half[0]);
    a.half[1] = _mm256_add_epi32(a.half[1], b.half[1]);
    return a;
}

/* Pairs of places are added crosswise, twice: then the lanes of a channel are its sums at the four
 * places. */
QUADS_INLINE __m256i ymm_crosswise(__m256i a, __m256i b, __m256i c, __m256i d) {
    const __m256i ab = _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    const __m256i cd = _mm256_add_epi32(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
    return _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
}

QUADS_INLINE void quads_acc_from_narrow(quads_acc *s) {
    const __m256i low = ymm_crosswise(s[0].half[0], s[1].half[0], s[2].half[0], s[3].half[0]);
    const __m256i high = ymm_crosswise(s[0].half[1], s[1].half[1], s[2].half[1], s[3].half[1]);
    for (int i = 0; i < 4; i++) {
        const __m256i lane =
            _mm256_add_epi32(_mm256_setr_epi32(0, 4, 0, 4, 0, 4, 0, 4), _mm256_set1_epi32(i));
        s[i].half[0] = _mm256_unpacklo_epi64(_mm256_permutevar8x32_epi32(low, lane),
                                             _mm256_permutevar8x32_epi32(high, lane));
        s[i].half[1] = s[i].half[0]; /* not used */
    }
}

QUADS_INLINE quads_acc quads_acc_max(quads_acc a, quads_acc b) {
    a.half[0] = _mm256_max_epi32(a.half[0], b.half[0]);
    a.half[1] = _mm256_max_epi32(a.half[1], b.half[1]);
    return a;
}

/* NUMERICS.md section 2 in 8 lanes: even and odd lanes are multiplied apart, since a product has 64
 * bits; the odd products' high halves lie in the odd lanes already. */
QUADS_INLINE __m256i ymm_requantize(const dpt_op *op, __m256i acc, __m256i bias, __m256i m) {
    const __m256i half = _mm256_set1_epi64x((int64_t)1 << 31);
    acc = _mm256_add_epi32(acc, bias);
    acc = _mm256_sll_epi32(acc, _mm_cvtsi32_si128(op->shift));
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(acc, m), half);
    const __m256i odd = _mm256_add_epi64(
        _mm256_mul_epi32(_mm256_srli_epi64(acc, 32), _mm256_srli_epi64(m, 32)), half);
    __m256i y = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
    y = _mm256_max_epi32(y, _mm256_set1_epi32(op->lo));
    return _mm256_min_epi32(y, _mm256_set1_epi32(op->hi));
}

QUADS_INLINE void quads_acc_store(const dpt_op *op, quads_acc acc, const int32_t *bias,
                                  const int32_t *mult, void *out, size_t index, size_t n) {
    const __m256i *b = (const __m256i *)(const void *)bias;
    const __m256i *m = (const __m256i *)(const void *)mult;
    int32_t y[16];
    for (int i = 0; i < 2; i++) {
        _mm256_storeu_si256(
            (__m256i *)(void *)(y + 8 * i),
            ymm_requantize(op, acc.half[i], _mm256_load_si256(b + i), _mm256_load_si256(m + i)));
    }
    if (op->out_type == DPT_I32) {
        memcpy((int32_t *)out + index, y, n * sizeof *y);
        return;
    }
    /* The low byte of each lane: 4 of 16 bytes in each of the four quarters. */
    const __m128i low = _mm_set1_epi32(0x0C080400); /* the first dword is what counts */
    uint8_t bytes[16];
    for (int i = 0; i < 4; i++) {
        const __m128i four = _mm_loadu_si128((const __m128i *)(const void *)(y + 4 * i));
        const int32_t packed = _mm_cvtsi128_si32(_mm_shuffle_epi8(four, low));
        memcpy(bytes + 4 * i, &packed, 4);
    }
    memcpy((uint8_t *)out + index, bytes, n);
}

typedef __m256i planes_acc;

QUADS_INLINE __m256i ymm_two_rows(const uint8_t *p, const uint8_t *q) {
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)p)),
        _mm_loadu_si128((const __m128i *)(const void *)q), 1);
}

QUADS_INLINE __m256i ymm_row_bytes(const uint8_t *p, const uint8_t *q) {
    const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6);
    return _mm256_shuffle_epi8(ymm_two_rows(p, q), _mm256_broadcastsi128_si256(places));
}

QUADS_INLINE __m256i ymm_column_bytes(const uint8_t *const *rows, size_t at) {
    return _mm256_unpacklo_epi16(_mm256_unpacklo_epi8(ymm_two_rows(rows[0] + at, rows[1] + at),
                                                      ymm_two_rows(rows[1] + at, rows[2] + at)),
                                 _mm256_unpacklo_epi8(ymm_two_rows(rows[2] + at, rows[3] + at),
                                                      ymm_two_rows(rows[3] + at, rows[4] + at)));
}

QUADS_INLINE planes_acc planes_acc_zero(void) {
    return _mm256_setzero_si256();
}

/* The larger of the two rows, of two channels. */
QUADS_INLINE __m256i ymm_larger_rows(planes_acc a, planes_acc b) {
    return _mm256_max_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                            _mm256_permute2x128_si256(a, b, 0x31));
}

QUADS_INLINE planes_acc planes_acc_pool(const planes_acc *acc) {
    const __m256 ab = (__m256)ymm_larger_rows(acc[0], acc[1]),
                 cd = (__m256)ymm_larger_rows(acc[2], acc[3]);
    const __m256i y = _mm256_max_epi32((__m256i)_mm256_shuffle_ps(ab, cd, 0x88),
                                       (__m256i)_mm256_shuffle_ps(ab, cd, 0xDD));
    return _mm256_permutevar8x32_epi32(y, _mm256_setr_epi32(0, 4, 2, 6, 1, 5, 3, 7));
}

QUADS_INLINE void planes_acc_transpose(const planes_acc *acc, planes_acc *pixels) {
    const __m256i ab0 = _mm256_unpacklo_epi32(acc[0], acc[1]);
    const __m256i ab1 = _mm256_unpackhi_epi32(acc[0], acc[1]);
    const __m256i cd0 = _mm256_unpacklo_epi32(acc[2], acc[3]);
    const __m256i cd1 = _mm256_unpackhi_epi32(acc[2], acc[3]);
    pixels[0] = _mm256_unpacklo_epi64(ab0, cd0);
    pixels[1] = _mm256_unpackhi_epi64(ab0, cd0);
    pixels[2] = _mm256_unpacklo_epi64(ab1, cd1);
    pixels[3] = _mm256_unpackhi_epi64(ab1, cd1);
}

QUADS_INLINE void planes_requantize(const dpt_op *op, planes_acc acc, const int32_t *bias,
                                    const int32_t *mult, uint8_t *values) {
    const __m256i y = ymm_requantize(op, acc, ymm_spread((const uint8_t *)bias),
                                     ymm_spread((const uint8_t *)mult));
    if (op->out_type == DPT_I32) {
        _mm256_storeu_si256((__m256i *)(void *)values, y);
        return;
    }
    const __m256i low = _mm256_shuffle_epi8(y, _mm256_set1_epi32(0x0C080400));
    const int32_t pixels[2] = {_mm256_cvtsi256_si32(low), _mm256_extract_epi32(low, 4)};
    memcpy(values, pixels, sizeof pixels);
}
