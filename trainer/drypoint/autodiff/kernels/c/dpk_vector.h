/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of floats in GCC's and Clang's notation, as wide as the instruction set of this file. */
#ifndef DPK_VECTOR_H
#define DPK_VECTOR_H

#include "dpk_kernels.h"

#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_FMA) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define DPK_LANES 16
#elif defined(__AVX2__)
#define DPK_LANES 8
#else
#define DPK_LANES 4
#endif

/* dpk_name_isa: each instruction set has its own copy of every function that is not static. */
#define DPK_JOIN_(name, isa) dpk_##name##_##isa
#define DPK_JOIN(name, isa)  DPK_JOIN_(name, isa)
#define DPK(name)            DPK_JOIN(name, DPK_ISA)

#define DPK_INLINE static inline __attribute__((always_inline))

typedef float dpk_vec __attribute__((vector_size(4 * DPK_LANES)));
typedef int32_t dpk_ivec __attribute__((vector_size(4 * DPK_LANES)));
typedef uint8_t dpk_bytes __attribute__((vector_size(DPK_LANES)));
typedef float dpk_unaligned __attribute__((vector_size(4 * DPK_LANES), aligned(4), may_alias));

DPK_INLINE dpk_vec dpk_load(const float *x) {
    return *(const dpk_unaligned *)x;
}

DPK_INLINE void dpk_store(float *x, dpk_vec v) {
    *(dpk_unaligned *)x = v;
}

/* x in every lane; x - 0 is x for all x. */
DPK_INLINE dpk_vec dpk_all(float x) {
    return x - (dpk_vec){0};
}

/* a * b + c, rounded once if the instruction set has fused multiply-adds. Explicit, since a
 * compiler fuses some loops and not others, and tiles of two sizes would then differ. */
DPK_INLINE dpk_vec dpk_fma(dpk_vec a, dpk_vec b, dpk_vec c) {
#if DPK_LANES == 16
    return (dpk_vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif DPK_LANES == 8
    return (dpk_vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_FEATURE_FMA) && defined(__aarch64__)
    return (dpk_vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/* Whether the instruction set multiplies pairs of integers of 16 bits: dpk_pairs.h. */
enum { DPK_HAS_PAIRS = DPK_LANES >= 8 };

/* The weight x in every lane: a float, or the bits of a pair. */
DPK_INLINE dpk_vec dpk_weight(const float *x, const int pairs) {
    if (!pairs)
        return dpk_all(*x);
    int32_t bits;
    memcpy(&bits, x, sizeof bits);
    return (dpk_vec)(bits - (dpk_ivec){0});
}

/* c + a * b of floats; or c, an integer of 32 bits, plus both products of the pairs in a and b. */
DPK_INLINE dpk_vec dpk_multiply_add(dpk_vec a, dpk_vec b, dpk_vec c, const int pairs) {
    if (!pairs)
        return dpk_fma(a, b, c);
    dpk_vec sum = c;
#if DPK_LANES == 16
    sum = (dpk_vec)_mm512_add_epi32((__m512i)c, _mm512_madd_epi16((__m512i)a, (__m512i)b));
    __asm__("" : "+v"(sum)); /* GCC 12 keeps each sum twice, as integers and as floats, without */
#elif DPK_LANES == 8
    sum = (dpk_vec)_mm256_add_epi32((__m256i)c, _mm256_madd_epi16((__m256i)a, (__m256i)b));
    __asm__("" : "+x"(sum));
#endif
    return sum;
}

/* The sum as floats. */
DPK_INLINE dpk_vec dpk_sum_of(dpk_vec sum, const int pairs) {
    return pairs ? __builtin_convertvector((dpk_ivec)sum, dpk_vec) : sum;
}

/* A vector of at most eight floats: half of a longer vector. */
#if DPK_LANES == 16
enum { DPK_SHORT = 8 };
typedef float dpk_short __attribute__((vector_size(32)));
typedef float dpk_short_unaligned __attribute__((vector_size(32), aligned(4), may_alias));
#else
enum { DPK_SHORT = DPK_LANES };
typedef dpk_vec dpk_short;
typedef dpk_unaligned dpk_short_unaligned;
#endif

DPK_INLINE dpk_short dpk_fma_short(float a, const float *x, dpk_short c) {
    const dpk_short b = *(const dpk_short_unaligned *)x;
#if DPK_LANES == 16
    return (dpk_short)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)c);
#else
    return dpk_fma(dpk_all(a), b, c);
#endif
}

/* Bytes as lanes; and lanes, 0..255, as bytes. By the instructions for it where there are any: GCC
 * 12 makes __builtin_convertvector one lane after the other. */
DPK_INLINE dpk_ivec dpk_from_bytes(dpk_bytes v) {
#if DPK_LANES == 16
    return (dpk_ivec)_mm512_cvtepu8_epi32((__m128i)v);
#elif DPK_LANES == 8
    return (dpk_ivec)_mm256_cvtepu8_epi32(_mm_set_epi64x(0, (long long)v));
#else
    return __builtin_convertvector(v, dpk_ivec);
#endif
}

DPK_INLINE dpk_bytes dpk_to_bytes(dpk_ivec v) {
#if DPK_LANES == 16
    return (dpk_bytes)_mm512_cvtepi32_epi8((__m512i)v);
#elif DPK_LANES == 8
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128((__m256i)v),
                                           _mm256_extracti128_si256((__m256i)v, 1));
    return (dpk_bytes)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
#else
    return __builtin_convertvector(v, dpk_bytes);
#endif
}

/* a where the mask is all ones, b where it is 0. */
DPK_INLINE dpk_vec dpk_select(dpk_ivec mask, dpk_vec a, dpk_vec b) {
    return (dpk_vec)(((dpk_ivec)a & mask) | ((dpk_ivec)b & ~mask));
}

/* v clipped to 0 .. most. A NaN stays. */
DPK_INLINE dpk_vec dpk_clip(dpk_vec v, float most) {
#if DPK_LANES == 16
    return (dpk_vec)_mm512_min_ps(_mm512_set1_ps(most),
                                  _mm512_max_ps(_mm512_setzero_ps(), (__m512)v));
#else
    return dpk_select(v > most, dpk_all(most), dpk_select(v <= 0, (dpk_vec){0}, v));
#endif
}

/* a where 0 < v < most, else 0. */
DPK_INLINE dpk_vec dpk_inside(dpk_vec v, float most, dpk_vec a) {
#if DPK_LANES == 16
    const __mmask16 above = _mm512_cmp_ps_mask((__m512)v, _mm512_setzero_ps(), _CMP_GT_OQ);
    return (dpk_vec)_mm512_maskz_mov_ps(
        _mm512_mask_cmp_ps_mask(above, (__m512)v, _mm512_set1_ps(most), _CMP_LT_OQ), (__m512)a);
#else
    const dpk_ivec above = v > 0, below = v < most;
    return dpk_select(above & below, a, (dpk_vec){0});
#endif
}

/* Replaces the maximum by v, and its number by k, where v is larger. The first of equal elements
 * stays; so does a NaN, which shows that training diverged. */
DPK_INLINE void dpk_keep_larger(dpk_vec v, int32_t k, dpk_vec *best, dpk_ivec *won) {
#if DPK_LANES == 16 /* with masks, of which GCC makes vectors elsewhere */
    const __m512 y = (__m512)*best;
    const __mmask16 larger =
        _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(y, y, _CMP_ORD_Q), (__m512)v, y, _CMP_NLE_UQ);
    *best = (dpk_vec)_mm512_mask_mov_ps(y, larger, (__m512)v);
    *won = (dpk_ivec)_mm512_mask_mov_epi32((__m512i)*won, larger, _mm512_set1_epi32(k));
#else
    const dpk_ivec above = v > *best, nan = v != v, larger = above | nan;
    *best = dpk_select(larger, v, *best);
    *won = (*won & ~larger) | (larger & k);
#endif
}

/* The ReLU of the maximum; where it gives 0, the number becomes 255. A NaN stays. */
DPK_INLINE void dpk_keep_positive(dpk_vec *best, dpk_ivec *won) {
    const dpk_ivec off = *best <= 0;
    *best = dpk_select(off, (dpk_vec){0}, *best);
    *won |= off & 255;
}

/* The sum of the lanes, by halves: the order depends on the width of the vector only. */
DPK_INLINE float dpk_sum(dpk_vec v) {
    float x[DPK_LANES];
    for (size_t i = 0; i < DPK_LANES; i++)
        x[i] = v[i];
    for (size_t half = DPK_LANES / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++)
            x[i] += x[i + half];
    return x[0];
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define DPK_HAS_SHUFFLES
#endif
#endif

#ifdef DPK_HAS_SHUFFLES
#if DPK_LANES == 16
#define DPK_HALVES_LOW  (0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define DPK_HALVES_HIGH (8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#define DPK_PAIRS_LOW   (0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define DPK_PAIRS_HIGH  (2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define DPK_EVEN        (0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30)
#define DPK_ODD         (1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31)
#elif DPK_LANES == 8
#define DPK_PAIRS_LOW  (0, 1, 8, 9, 4, 5, 12, 13)
#define DPK_PAIRS_HIGH (2, 3, 10, 11, 6, 7, 14, 15)
#define DPK_EVEN       (0, 2, 8, 10, 4, 6, 12, 14)
#define DPK_ODD        (1, 3, 9, 11, 5, 7, 13, 15)
#else
#define DPK_PAIRS_LOW  (0, 1, 4, 5)
#define DPK_PAIRS_HIGH (2, 3, 6, 7)
#define DPK_EVEN       (0, 2, 4, 6)
#define DPK_ODD        (1, 3, 5, 7)
#endif
#endif

/* Lane i of the result is the sum of the lanes of v[i], in the order of dpk_sum: pairs of vectors
 * are folded into one, until one is left. Whole quads of lanes first, so that the last two folds
 * stay within quads, which costs one cheap instruction each. */
DPK_INLINE dpk_vec dpk_sums(const dpk_vec *v) {
#ifdef DPK_HAS_SHUFFLES
#define DPK_LIST(...) __VA_ARGS__
#define DPK_FOLD(a, b, low, high)                                                                  \
    (__builtin_shufflevector(a, b, DPK_LIST low) + __builtin_shufflevector(a, b, DPK_LIST high))
    dpk_vec t[4]; /* t[p] has in its quad q the partial sums of v[4 * q + p] */
#pragma GCC unroll 4
    for (int p = 0; p < 4; p++) {
#if DPK_LANES == 16
        const dpk_vec first = DPK_FOLD(v[p], v[4 + p], DPK_HALVES_LOW, DPK_HALVES_HIGH);
        const dpk_vec second = DPK_FOLD(v[8 + p], v[12 + p], DPK_HALVES_LOW, DPK_HALVES_HIGH);
        t[p] = DPK_FOLD(first, second, (0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27),
                        (4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31));
#elif DPK_LANES == 8
        t[p] = DPK_FOLD(v[p], v[4 + p], (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15));
#else
        t[p] = v[p];
#endif
    }
    const dpk_vec first = DPK_FOLD(t[0], t[1], DPK_PAIRS_LOW, DPK_PAIRS_HIGH);
    const dpk_vec second = DPK_FOLD(t[2], t[3], DPK_PAIRS_LOW, DPK_PAIRS_HIGH);
    return DPK_FOLD(first, second, DPK_EVEN, DPK_ODD);
#else
    dpk_vec sums = {0};
    for (int i = 0; i < DPK_LANES; i++)
        sums[i] = dpk_sum(v[i]);
    return sums;
#endif
}

/* DPK_LANES vectors, `x_step` floats apart, as the columns of a square become its rows, `y_step`
 * apart: log2(DPK_LANES) times, each vector is interleaved with the one half of them further on. */
DPK_INLINE void dpk_transpose(const float *x, ptrdiff_t x_step, float *y, ptrdiff_t y_step) {
#ifdef DPK_HAS_SHUFFLES
#if DPK_LANES == 16
#define DPK_LOW  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define DPK_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif DPK_LANES == 8
#define DPK_LOW  0, 8, 1, 9, 2, 10, 3, 11
#define DPK_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define DPK_LOW  0, 4, 1, 5
#define DPK_HIGH 2, 6, 3, 7
#endif
    dpk_vec v[DPK_LANES], t[DPK_LANES];
#pragma GCC unroll 16
    for (int i = 0; i < DPK_LANES; i++)
        v[i] = dpk_load(x + i * x_step);
#pragma GCC unroll 4
    for (int done = 1; done < DPK_LANES; done *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < DPK_LANES / 2; i++) {
            t[2 * i] = __builtin_shufflevector(v[i], v[i + DPK_LANES / 2], DPK_LOW);
            t[2 * i + 1] = __builtin_shufflevector(v[i], v[i + DPK_LANES / 2], DPK_HIGH);
        }
#pragma GCC unroll 16
        for (int i = 0; i < DPK_LANES; i++)
            v[i] = t[i];
    }
#pragma GCC unroll 16
    for (int i = 0; i < DPK_LANES; i++)
        dpk_store(y + i * y_step, v[i]);
#undef DPK_LOW
#undef DPK_HIGH
#else
    for (int i = 0; i < DPK_LANES; i++)
        for (int j = 0; j < DPK_LANES; j++)
            y[j * y_step + i] = x[i * x_step + j];
#endif
}

/* Appends the lanes of the mask to two arrays, in order; returns the number of lanes. Both arrays
 * need room for a whole vector. */
DPK_INLINE size_t dpk_append(dpk_ivec mask, dpk_ivec a, int32_t *to_a, dpk_vec b, float *to_b) {
#if DPK_LANES == 16
    /* Compressed in the register: with memory for its destination the instruction takes a hundred
     * cycles on some CPUs. */
    const __mmask16 lanes = _mm512_movepi32_mask((__m512i)mask);
    _mm512_storeu_si512(to_a, _mm512_maskz_compress_epi32(lanes, (__m512i)a));
    _mm512_storeu_ps(to_b, _mm512_maskz_compress_ps(lanes, (__m512)b));
    return (size_t)__builtin_popcount(lanes);
#else
    size_t n = 0;
    for (size_t i = 0; i < DPK_LANES; i++) { /* without a branch, which nobody could predict */
        to_a[n] = a[i];
        to_b[n] = b[i];
        n += mask[i] & 1;
    }
    return n;
#endif
}

/* The begin of part p of n parts of `count` items; the begin of part n is the end. */
DPK_INLINE size_t dpk_begin(size_t count, size_t part, size_t n_parts) {
    return count * part / n_parts;
}

DPK_INLINE size_t dpk_min(size_t a, size_t b) {
    return a < b ? a : b;
}

DPK_INLINE size_t dpk_max(size_t a, size_t b) {
    return a > b ? a : b;
}

/* The number of groups of at most `most` items for n items. */
DPK_INLINE size_t dpk_groups(size_t n, size_t most) {
    return (n + most - 1) / most;
}

#endif
