/* SPDX-License-Identifier: Apache-2.0 */
/* Neon with the dot product (Armv8.2): SDOT multiplies the quads of 4 channels by one quad of a
 * register that holds a strip of four. Both factors are signed. */
#include "dpt_internal.h"

#ifdef DPT_ARM64
#define DPT_TARGET __attribute__((target("+dotprod")))
#include "dpt_neon.h"

#define FLIPS     FLIPS_U8
#define PACKING   5
#define PLACES(B) ((B) <= 2 ? 8 : 4) /* 16 or up to 20 of the 32 registers for sums */
#define STRIP     4

typedef int32x4_t sums;
typedef int8x8_t quad; /* in the first half */
typedef int8x16_t lanes, strip;

VECTOR quad quad_load(const uint8_t *p) {
    uint32_t value;
    memcpy(&value, p, 4);
    return vcreate_s8(value);
}

VECTOR quad quad_flip(quad a) {
    return veor_s8(a, vdup_n_s8(-128));
}

VECTOR strip strip_load(const uint8_t *p) {
    return vreinterpretq_s8_u8(vld1q_u8(p));
}

VECTOR strip strip_flip(strip a) {
    return veorq_s8(a, vdupq_n_s8(-128));
}

VECTOR lanes lanes_load(const uint8_t *p) {
    return vreinterpretq_s8_u8(vld1q_u8(p));
}

VECTOR sums sums_zero(void) {
    return vdupq_n_s32(0);
}

VECTOR sums sums_dot(sums acc, quad a, lanes w) {
    return vdotq_lane_s32(acc, w, a, 0);
}

VECTOR sums sums_dot_strip(sums acc, strip a, const int q, lanes w) {
    switch (q) {
    case 0:
        return vdotq_laneq_s32(acc, w, a, 0);
    case 1:
        return vdotq_laneq_s32(acc, w, a, 1);
    case 2:
        return vdotq_laneq_s32(acc, w, a, 2);
    default:
        return vdotq_laneq_s32(acc, w, a, 3);
    }
}

VECTOR sums sums_max(sums a, sums b) {
    return vmaxq_s32(a, b);
}

VECTOR void sums_finish(const dpt_op *op, sums acc, const int32_t *bias, const int32_t *mult,
                        void *out, size_t index, size_t n) {
    store4(op, acc, bias, mult, out, index, n);
}

#include "dpt_quads.h"

static int available(void) {
    return dpt_cpu_has(DPT_CPU_NEONDOT);
}

const dpt_backend dpt_neondot = {
    "neondot", available, LAYOUT, quads_conv, quads_dense, dpt_scalar_maxpool, dpt_scalar_avgpool,
};
#else
typedef int dpt_neondot_is_empty; /* C has no empty files */
#endif
