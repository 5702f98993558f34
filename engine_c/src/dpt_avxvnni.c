/* SPDX-License-Identifier: Apache-2.0 */
/* AVX-VNNI: vpdpbusd in 256-bit registers, 32 products an instruction. */
#include "dpt_internal.h"

#ifdef DPT_X86
#define DPT_TARGET __attribute__((target("avx2,avxvnni")))
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

typedef __m256i quad;

typedef struct lanes {
    __m256i half[2];
} lanes;

VECTOR quad quad_load(const uint8_t *p) {
    return broadcast(p);
}

VECTOR quad quad_spread(const uint8_t *p) {
    return spread(p);
}

VECTOR quad quad_flip(quad a) {
    return _mm256_xor_si256(a, _mm256_set1_epi8((char)0x80));
}

VECTOR lanes lanes_load(const uint8_t *p) {
    const __m256i *halves = (const __m256i *)(const void *)p;
    const lanes w = {{_mm256_load_si256(halves), _mm256_load_si256(halves + 1)}};
    return w;
}

/* In place of _mm256_dpbusd_avx_epi32, around which GCC copies each sum to another register and
 * back. */
VECTOR plane_sums plane_dot(plane_sums acc, quad a, quad w) {
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(a), "x"(w));
    return acc;
}

VECTOR sums sums_dot(sums acc, quad a, lanes w) {
    acc.half[0] = plane_dot(acc.half[0], a, w.half[0]);
    acc.half[1] = plane_dot(acc.half[1], a, w.half[1]);
    return acc;
}

VECTOR quad plane_rows(const uint8_t *p, const uint8_t *q) {
    return bytes_of_rows(p, q);
}

VECTOR quad plane_columns(const uint8_t *const *rows, size_t at) {
    return bytes_of_columns(rows, at);
}

VECTOR quad plane_weights(const uint8_t *p) {
    return broadcast(p);
}

#include "dpt_quads.h"

static int available(void) {
    return dpt_cpu_has(DPT_CPU_AVXVNNI);
}

const dpt_backend dpt_avxvnni = {
    "avxvnni",
    available,
    LAYOUT,
    {[DPT_CONV] = quads_conv, [DPT_DENSE] = quads_dense, DPT_PLAIN_KERNELS}};
#else
typedef int dpt_avxvnni_is_empty; /* C has no empty files */
#endif
