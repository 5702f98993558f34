/* SPDX-License-Identifier: Apache-2.0 */
/* SSE4.1: the multiplications of dpt_avx2.c in 128-bit registers. */
#include "dpt_internal.h"

#ifdef DPT_SSE41
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_sse41_##kind

#define QUADS_TARGET     __attribute__((target("sse4.1")))
#define QUADS_LANES      16
#define QUADS_CHUNK      1
#define QUADS_NARROW     1
#define QUADS_CHAINS(B)  2
#define QUADS_FLIPS      DPT_FLIPS_I8
#define QUADS_BLOCKS     1
#define QUADS_WINDOWS(B) 4
#include "dpt_xmm.inc"

typedef struct quads_acc {
    __m128i quarter[4];
} quads_acc;

/* Four activations of each lane as 16-bit pairs: those with even numbers, those with odd numbers.
 */
typedef struct quad {
    __m128i even, odd;
} quad;

typedef struct quads_weights {
    quad quarter[4];
} quads_weights;

QUADS_INLINE quad sse41_pairs(__m128i a) {
    const quad q = {_mm_and_si128(a, _mm_set1_epi16(0xFF)), _mm_srli_epi16(a, 8)};
    return q;
}

QUADS_INLINE quad quad_load(const uint8_t *p) {
    int32_t value;
    memcpy(&value, p, 4);
    return sse41_pairs(_mm_set1_epi32(value));
}

QUADS_INLINE quad quad_spread(const uint8_t *p) {
    return sse41_pairs(_mm_loadu_si128((const __m128i *)(const void *)p));
}

QUADS_INLINE quad quad_flip(quad a) {
    const __m128i flip = _mm_set1_epi16(0x80);
    const quad q = {_mm_xor_si128(a.even, flip), _mm_xor_si128(a.odd, flip)};
    return q;
}

QUADS_INLINE quads_weights quads_weights_load(const uint8_t *p) {
    quads_weights w;
    for (int i = 0; i < 4; i++) {
        const __m128i v = _mm_load_si128((const __m128i *)(const void *)(p + 16 * i));
        w.quarter[i].even = _mm_srai_epi16(_mm_slli_epi16(v, 8), 8);
        w.quarter[i].odd = _mm_srai_epi16(v, 8);
    }
    return w;
}

QUADS_INLINE quads_acc quads_acc_zero(void) {
    const __m128i zero = _mm_setzero_si128();
    const quads_acc s = {{zero, zero, zero, zero}};
    return s;
}

/* Two pairs of products of at most 255 * 127 each: far inside 32 bits. */
QUADS_INLINE quads_acc quads_acc_dot(quads_acc acc, quad a, quads_weights w) {
    for (int i = 0; i < 4; i++) {
        const __m128i even = _mm_madd_epi16(a.even, w.quarter[i].even);
        const __m128i odd = _mm_madd_epi16(a.odd, w.quarter[i].odd);
        acc.quarter[i] = _mm_add_epi32(acc.quarter[i], _mm_add_epi32(even, odd));
    }
    return acc;
}

/* The bytes of four taps, interleaved channel by channel: 4 channels a register. */
QUADS_INLINE void quads_acc_dot_taps(quads_acc *acc, const uint8_t *const *tap, size_t at,
                                     const int FLIP, const uint8_t *w) {
    const quads_weights weights = quads_weights_load(w);
    __m128i t[4];
    for (int i = 0; i < 4; i++) {
        t[i] = _mm_loadu_si128((const __m128i *)(const void *)(tap[i] + at));
    }
    const __m128i ab = _mm_unpacklo_epi8(t[0], t[1]), cd = _mm_unpacklo_epi8(t[2], t[3]);
    const __m128i ef = _mm_unpackhi_epi8(t[0], t[1]), gh = _mm_unpackhi_epi8(t[2], t[3]);
    const __m128i quads[4] = {_mm_unpacklo_epi16(ab, cd), _mm_unpackhi_epi16(ab, cd),
                              _mm_unpacklo_epi16(ef, gh), _mm_unpackhi_epi16(ef, gh)};
    for (int i = 0; i < 4; i++) {
        quad a = sse41_pairs(quads[i]);
        a = FLIP ? quad_flip(a) : a;
        const __m128i even = _mm_madd_epi16(a.even, weights.quarter[i].even);
        const __m128i odd = _mm_madd_epi16(a.odd, weights.quarter[i].odd);
        acc->quarter[i] = _mm_add_epi32(acc->quarter[i], _mm_add_epi32(even, odd));
    }
}

/* Four bytes as 32-bit numbers. */
QUADS_INLINE __m128i sse41_four(const uint8_t *p, const int SIGNED) {
    int32_t value;
    memcpy(&value, p, 4);
    const __m128i bytes = _mm_cvtsi32_si128(value);
    return SIGNED ? _mm_cvtepi8_epi32(bytes) : _mm_cvtepu8_epi32(bytes);
}

/* Pairs of 16-bit numbers in 4 lanes of each register. */
QUADS_INLINE quads_acc quads_acc_sum(const uint8_t *a, const uint8_t *b, const int A_SIGNED,
                                     const int B_SIGNED, const uint16_t *factors) {
    const __m128i w = _mm_set1_epi32(factors[0] | (int32_t)factors[1] << 16);
    quads_acc acc;
    for (int i = 0; i < 4; i++) {
        const __m128i x = sse41_four(a + 4 * i, A_SIGNED), y = sse41_four(b + 4 * i, B_SIGNED);
        const __m128i pairs = _mm_blend_epi16(x, _mm_slli_epi32(y, 16), 0xAA);
        acc.quarter[i] = _mm_madd_epi16(pairs, w);
    }
    return acc;
}

QUADS_INLINE quads_acc quads_acc_add(quads_acc a, quads_acc b) {
    for (int i = 0; i < 4; i++) {
        a.quarter[i] = _mm_add_epi32(a.quarter[i], b.quarter[i]);
    }
    return a;
}

QUADS_INLINE void quads_acc_from_narrow(quads_acc *s) {
    for (int p = 0; p < 4; p++) {
        const __m128i ab = _mm_hadd_epi32(s[p].quarter[0], s[p].quarter[1]);
        const __m128i cd = _mm_hadd_epi32(s[p].quarter[2], s[p].quarter[3]);
        s[p].quarter[0] = _mm_hadd_epi32(ab, cd);
    }
}

QUADS_INLINE quads_acc quads_acc_max(quads_acc a, quads_acc b) {
    for (int i = 0; i < 4; i++) {
        a.quarter[i] = _mm_max_epi32(a.quarter[i], b.quarter[i]);
    }
    return a;
}

/* NUMERICS.md section 2, lane by lane: vectors of 64-bit products are no faster with SSE4.1. */
QUADS_INLINE void quads_acc_store(const dpt_op *op, quads_acc acc, const int32_t *bias,
                                  const int32_t *mult, void *out, size_t index, size_t n) {
    int32_t values[16];
    memcpy(values, acc.quarter, sizeof values);
    for (size_t i = 0; i < n; i++) {
        /* Modulo 2^32 the flips' offsets cancel: the result fits an int32. */
        const uint32_t sum = (uint32_t)values[i] + (uint32_t)bias[i];
        int32_t whole;
        memcpy(&whole, &sum, sizeof whole);
        dpt_store(op, out, index + i, dpt_requantize(op, whole, mult[i]));
    }
}

#include "dpt_quads.inc"

static int sse41_available(void) {
    return dpt_cpu_has(DPT_CPU_SSE41);
}

const dpt_backend dpt_sse41 = {"sse41", sse41_available, QUADS_PACKING, QUADS_KERNELS};
#else
typedef int dpt_sse41_is_empty; /* C has no empty files */
#endif
