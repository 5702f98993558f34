/* SPDX-License-Identifier: Apache-2.0 */
/* SSE4.1: the multiplications of dpt_avx2.c in 128-bit registers.
 *
 * Assumes SSE4.1, which dpt_cpu.c checks, and weights at multiples of 16 bytes (dpt_pack.h). */
#include "dpt_internal.h"

#ifdef DPT_SSE41
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_sse41_##kind /* dpt_sse41_conv, ... */

#define QUADS_TARGET     __attribute__((target("sse4.1")))
#define QUADS_OUTPUTS    4
#define QUADS_LANES      16
#define QUADS_CHUNK      1
#define QUADS_NARROW     1
#define QUADS_CHAINS(B)  2
#define QUADS_FLIPS      DPT_FLIPS_I8
#define QUADS_BLOCKS     1
#define QUADS_WINDOWS(B) 4

#include <smmintrin.h>

#define X86_VECTOR          __m128i
#define X86(name)           _mm_##name
#define X86_SI(name)        _mm_##name##_si128
#define X86_SET_64          _mm_set1_epi64x
#define X86_MADD(acc, s, w) X86(add_epi32)(acc, X86(madd_epi16)(s, w))

/* Four bytes in 4 lanes, flipped. */
QUADS_INLINE __m128i x86_wide(const uint8_t *p, uint8_t flip) {
    int32_t value;
    memcpy(&value, p, 4);
    const __m128i flips = _mm_set1_epi8((char)flip);
    return _mm_cvtepu8_epi32(_mm_xor_si128(_mm_cvtsi32_si128(value), flips));
}

QUADS_INLINE __m128i x86_turn(__m128i a) {
    return a;
}

#include "dpt_x86.inc"

/* The four activations of each lane as 16-bit pairs: the even-numbered, the odd-numbered. */
typedef struct quad {
    __m128i even, odd;
} quad;

typedef struct quads_weights {
    quad quarter[4];
} quads_weights;

QUADS_INLINE quad sse41_widen(__m128i a) {
    const quad q = {_mm_and_si128(a, _mm_set1_epi16(0xFF)), _mm_srli_epi16(a, 8)};
    return q;
}

QUADS_INLINE quad quad_load(const uint8_t *p, uint8_t flip) {
    int32_t value;
    memcpy(&value, p, 4);
    return sse41_widen(x86_flip(_mm_set1_epi32(value), flip));
}

QUADS_INLINE quad quad_spread(const uint8_t *p, uint8_t flip) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    return sse41_widen(x86_flip(bytes, flip));
}

QUADS_INLINE quads_weights columns_weights(const int SECOND, const uint8_t *p) {
    quads_weights w;
    for (int i = 0; i < 4; i++) {
        const __m128i bytes = _mm_load_si128((const __m128i *)(const void *)(p + 16 * i));
        const __m128i v = SECOND ? _mm_slli_epi32(bytes, 8) : bytes;
        w.quarter[i].even = _mm_srai_epi16(_mm_slli_epi16(v, 8), 8);
        w.quarter[i].odd = _mm_srai_epi16(v, 8);
    }
    return w;
}

QUADS_INLINE quads_weights quads_weights_load(const uint8_t *p) {
    return columns_weights(0, p);
}

/* Two pairs of products of at most 255 * 127 each: far inside 32 bits. */
QUADS_INLINE __m128i sse41_add_products(__m128i acc, quad a, quad w) {
    const __m128i even = _mm_madd_epi16(a.even, w.even), odd = _mm_madd_epi16(a.odd, w.odd);
    return _mm_add_epi32(acc, _mm_add_epi32(even, odd));
}

QUADS_INLINE quads_acc quads_acc_dot(quads_acc acc, quad a, quads_weights w) {
    for (int i = 0; i < 4; i++) {
        acc.vector[i] = sse41_add_products(acc.vector[i], a, w.quarter[i]);
    }
    return acc;
}

#define columns_interleave columns_interleave_wide

QUADS_INLINE quads_acc columns_dot(quads_acc acc, const uint8_t *quads, quads_weights weights) {
    for (int i = 0; i < 4; i++) {
        const __m128i *at = (const __m128i *)(const void *)(quads + 16 * i);
        acc.vector[i] =
            sse41_add_products(acc.vector[i], sse41_widen(_mm_loadu_si128(at)), weights.quarter[i]);
    }
    return acc;
}

QUADS_INLINE void quads_acc_from_narrow(quads_acc *s) {
    for (int p = 0; p < 4; p++) {
        const __m128i ab = _mm_hadd_epi32(s[p].vector[0], s[p].vector[1]);
        const __m128i cd = _mm_hadd_epi32(s[p].vector[2], s[p].vector[3]);
        s[p].vector[0] = _mm_hadd_epi32(ab, cd);
    }
}

/* NUMERICS.md section 2 in 4 lanes, without the clamp. Even and odd lanes are multiplied
 * separately, since a product has 64 bits. The result is in the high halves, to which the zero
 * point is added together with the rounding. */
QUADS_INLINE __m128i sse41_requantize(const quads_output *to, __m128i acc, __m128i m) {
    acc = _mm_sll_epi32(acc, to->shift);
    const __m128i even = _mm_add_epi64(_mm_mul_epi32(acc, m), to->half);
    const __m128i odd =
        _mm_add_epi64(_mm_mul_epi32(_mm_srli_epi64(acc, 32), _mm_srli_epi64(m, 32)), to->half);
    return _mm_blend_epi16(_mm_srli_epi64(even, 32), odd, 0xCC);
}

/* Saturation to the range of bytes changes nothing, since the clamp is within it. */
QUADS_INLINE void sse41_store(const quads_output *to, __m128i *y, void *out, size_t index,
                              size_t n) {
    int32_t copy[QUADS_LANES];
    if (to->wide) {
        int32_t *const wide = (int32_t *)out + index, *const values =
                                                          n == QUADS_LANES ? wide : copy;
        for (int i = 0; i < 4; i++) {
            y[i] = x86_clamp_wide(to, y[i]);
            _mm_storeu_si128((__m128i *)(void *)(values + 4 * i), y[i]);
        }
        if (values == copy) {
            memcpy(wide, copy, n * sizeof copy[0]);
        }
        return;
    }
    __m128i bytes = _mm_packs_epi16(_mm_packs_epi32(y[0], y[1]), _mm_packs_epi32(y[2], y[3]));
    bytes = _mm_xor_si128(_mm_min_epi8(_mm_max_epi8(bytes, to->lo), to->hi), to->flip);
    if (n == QUADS_LANES) {
        _mm_storeu_si128((__m128i *)(void *)((uint8_t *)out + index), bytes);
    } else {
        _mm_storeu_si128((__m128i *)(void *)copy, bytes);
        memcpy((uint8_t *)out + index, copy, n);
    }
}

/* Not inlined, since it is long and is called from many places. */
static __attribute__((noinline)) QUADS_TARGET void
quads_output_store(int P, const quads_output *to, const quads_acc *acc, const int32_t *mult,
                   int APART, void *out, size_t index, size_t near, size_t far, size_t n) {
    for (int p = 0; p < P; p++) {
        __m128i y[4];
        for (int i = 0; i < 4; i++) {
            const int at = APART * p + 4 * i;
            const __m128i m = _mm_load_si128((const __m128i *)(const void *)(mult + at));
            y[i] = sse41_requantize(to, acc[p].vector[i], m);
        }
        sse41_store(to, y, out, index + QUADS_PLACE(p, near, far), n);
    }
}

#include "dpt_quads.inc"

static int sse41_available(void) {
    return dpt_cpu_has(DPT_CPU_SSE41);
}

const dpt_backend dpt_sse41 = {"sse41", sse41_available, QUADS_PACKING, QUADS_KERNELS,
                               dpt_run_rows};
#endif
