/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-512 with VNNI: 16 channels in one register, 64 products an instruction (vpdpbusd). */
#include "dpt_internal.h"

#ifdef DPT_X86
#include <immintrin.h>

#define DPT_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define LANES      16
#define STRIP      1
#define NARROW     1
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
VECTOR void sums_finish(const dpt_op *op, sums acc, const int32_t *bias, const int32_t *mult,
                        void *out, size_t index, size_t n) {
    const __m512i half = _mm512_set1_epi64((int64_t)1 << 31), m = _mm512_load_si512(mult);
    const __mmask16 mask = (__mmask16)((1u << n) - 1);
    acc = _mm512_add_epi32(acc, _mm512_load_si512(bias));
    acc = _mm512_sll_epi32(acc, _mm_cvtsi32_si128(op->shift));
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(acc, m), half);
    const __m512i odd = _mm512_add_epi64(
        _mm512_mul_epi32(_mm512_srli_epi64(acc, 32), _mm512_srli_epi64(m, 32)), half);
    __m512i y = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
    y = _mm512_max_epi32(y, _mm512_set1_epi32(op->lo));
    y = _mm512_min_epi32(y, _mm512_set1_epi32(op->hi));
    if (op->out_type == DPT_I32) {
        _mm512_mask_storeu_epi32((int32_t *)out + index, mask, y);
    } else {
        _mm_mask_storeu_epi8((uint8_t *)out + index, mask, _mm512_cvtepi32_epi8(y));
    }
}

#include "dpt_quads.h"

static int available(void) {
    return dpt_cpu_has(DPT_CPU_AVX512VNNI);
}

const dpt_backend dpt_avx512vnni = {
    "avx512vnni",       available,          LAYOUT, quads_conv, quads_dense,
    dpt_scalar_maxpool, dpt_scalar_avgpool,
};
#else
typedef int dpt_avx512vnni_is_empty; /* C has no empty files */
#endif
