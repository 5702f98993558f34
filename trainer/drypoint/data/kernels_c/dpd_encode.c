/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding: bytes to floats, channels first. */
#include "dpd_vector.h"

#include <string.h>

/* Four at a time, each copied as four bytes: by registers for integers, of which a CPU stores two a
 * cycle where it stores one of floats. */
static void look_up(size_t n, size_t stride, const uint8_t *restrict in,
                    const float *restrict table, float *restrict out) {
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++) {
            memcpy(out + i + k, table + in[(i + k) * stride], sizeof *out);
        }
    }
    for (; i < n; i++) {
        memcpy(out + i, table + in[i * stride], sizeof *out);
    }
}

#if defined(__AVX512BW__)

/* 16 of the 32 floats in two vectors, or of the 256 in 16 of them: by the lower bits of the pixels
 * in each part of the table, and one bit chooses between two parts. */
DPD_INLINE __m512 of_32(__m512i pixels, const __m512 *table) {
    return _mm512_permutex2var_ps(table[0], pixels, table[1]);
}

DPD_INLINE __m512 of_64(__m512i pixels, const __m512 *table, __mmask16 upper) {
    return _mm512_mask_mov_ps(of_32(pixels, table), upper, of_32(pixels, table + 2));
}

DPD_INLINE __m512 of_256(__m512i pixels, const __m512 *table) {
    const __mmask16 bit5 = _mm512_test_epi32_mask(pixels, _mm512_set1_epi32(32));
    const __mmask16 bit6 = _mm512_test_epi32_mask(pixels, _mm512_set1_epi32(64));
    const __mmask16 bit7 = _mm512_test_epi32_mask(pixels, _mm512_set1_epi32(128));
    const __m512 low =
        _mm512_mask_mov_ps(of_64(pixels, table, bit5), bit6, of_64(pixels, table + 4, bit5));
    const __m512 high =
        _mm512_mask_mov_ps(of_64(pixels, table + 8, bit5), bit6, of_64(pixels, table + 12, bit5));
    return _mm512_mask_mov_ps(low, bit7, high);
}

static void look_all_up(size_t n, const uint8_t *restrict in, const float *restrict table,
                        float *restrict out) {
    __m512 parts[16];
    size_t i = 0;
    for (size_t part = 0; part < 16; part++) {
        parts[part] = _mm512_loadu_ps(table + 16 * part);
    }
    for (; i + 16 <= n; i += 16) {
        __m128i bytes;
        memcpy(&bytes, in + i, sizeof bytes);
        _mm512_storeu_ps(out + i, of_256(_mm512_cvtepu8_epi32(bytes), parts));
    }
    look_up(n - i, 1, in + i, table, out + i);
}

#endif

dpd_encode DPD(encode);

void DPD(encode)(size_t n, size_t size, size_t channels, const uint8_t *pixels, const float *table,
                 float *out) {
#if defined(__AVX512BW__)
    if (channels == 1) {
        look_all_up(n * size, pixels, table, out);
        return;
    }
#endif
    for (size_t image = 0; image < n; image++) {
        for (size_t c = 0; c < channels; c++) {
            look_up(size, channels, pixels + image * size * channels + c, table + 256 * c, out);
            out += size;
        }
    }
}
