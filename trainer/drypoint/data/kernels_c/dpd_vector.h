/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of 32-bit lanes, as wide as the instruction set of this file; DPD_VECTOR says that there
 * are any. Operations that both widths name alike are V(name). */
#ifndef DRYPOINT_DATA_VECTOR_H
#define DRYPOINT_DATA_VECTOR_H

#include "dpd_isa.h"

#if defined(__AVX2__)
#define DPD_VECTOR
#include <immintrin.h>
#include <string.h>

#if defined(__AVX512BW__)
#define V(name) _mm512_##name
enum { DPD_WIDTH = 16 };
typedef __m512i dpd_vec;
#else
#define V(name) _mm256_##name
enum { DPD_WIDTH = 8 };
typedef __m256i dpd_vec;
#endif

DPD_INLINE dpd_vec dpd_load(const void *from) {
    dpd_vec v;
    memcpy(&v, from, sizeof v);
    return v;
}

DPD_INLINE void dpd_store(void *to, dpd_vec v) {
    memcpy(to, &v, sizeof v);
}

DPD_INLINE __m128i dpd_four_words(const uint32_t *from, __m128i places) {
    const uint64_t a = (uint64_t)_mm_cvtsi128_si64(places);
    const uint64_t b = (uint64_t)_mm_extract_epi64(places, 1);
    __m128i v = _mm_cvtsi32_si128((int)from[(uint32_t)a]);
    v = _mm_insert_epi32(v, (int)from[a >> 32], 1);
    v = _mm_insert_epi32(v, (int)from[(uint32_t)b], 2);
    return _mm_insert_epi32(v, (int)from[b >> 32], 3);
}

DPD_INLINE __m256i dpd_eight_words(const uint32_t *from, __m256i places) {
    return _mm256_set_m128i(dpd_four_words(from, _mm256_extracti128_si256(places, 1)),
                            dpd_four_words(from, _mm256_castsi256_si128(places)));
}

/* The words at places, one by one: gathers of Zen 4 are a tenth slower. */
DPD_INLINE dpd_vec dpd_words(const uint32_t *from, dpd_vec places) {
#if defined(__AVX512BW__)
    const __m256i low = dpd_eight_words(from, _mm512_castsi512_si256(places));
    const __m256i high = dpd_eight_words(from, _mm512_extracti64x4_epi64(places, 1));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
#else
    return dpd_eight_words(from, places);
#endif
}

/* Four lanes, again and again. */
DPD_INLINE dpd_vec dpd_repeated(int32_t a, int32_t b, int32_t c, int32_t d) {
    const __m128i four = _mm_setr_epi32(a, b, c, d);
#if defined(__AVX512BW__)
    return _mm512_broadcast_i32x4(four);
#else
    return _mm256_broadcastsi128_si256(four);
#endif
}

/* Lane i is lane order[i] of v. */
DPD_INLINE dpd_vec dpd_permuted(dpd_vec v, dpd_vec order) {
#if defined(__AVX512BW__)
    return _mm512_permutexvar_epi32(order, v);
#else
    return _mm256_permutevar8x32_epi32(v, order);
#endif
}

/* The third byte of each lane. */
DPD_INLINE void dpd_store_third_bytes(uint8_t *to, dpd_vec v) {
#if defined(__AVX512BW__)
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_srli_epi32(v, 16));
    memcpy(to, &bytes, DPD_WIDTH);
#else
    const __m256i four = _mm256_shuffle_epi8(v, _mm256_set1_epi32(0x0E0A0602));
    const __m128i bytes =
        _mm_unpacklo_epi32(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    _mm_storel_epi64((void *)to, bytes);
#endif
}

#endif
#endif
