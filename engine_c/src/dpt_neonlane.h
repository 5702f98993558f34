/* SPDX-License-Identifier: Apache-2.0 */
/* The Neon backends with a dot product, DOT(acc, weights, activations, lane) and DOTQ of a whole
 * register: it multiplies the quads of 4 channels by one quad of a strip of four. */
#ifndef DPT_NEONLANE_H
#define DPT_NEONLANE_H

#define STRIP 4
#include "dpt_neon.h"

#define PACKING   5
#define PLACES(B) ((B) <= 2 ? 8 : 4) /* 16 or up to 20 of the 32 registers for sums */

typedef int32x4_t sums;
typedef int8x16_t strip;

VECTOR strip strip_load(const uint8_t *p) {
    return vreinterpretq_s8_u8(vld1q_u8(p));
}

VECTOR strip strip_flip(strip a) {
    return veorq_s8(a, vdupq_n_s8(-128));
}

VECTOR sums sums_zero(void) {
    return vdupq_n_s32(0);
}

VECTOR sums sums_dot(sums acc, quad a, lanes w) {
    return DOT(acc, w, a, 0);
}

VECTOR sums sums_dot_strip(sums acc, strip a, strip_lanes w) {
    acc = DOTQ(acc, w.quad[0], a, 0);
    acc = DOTQ(acc, w.quad[1], a, 1);
    acc = DOTQ(acc, w.quad[2], a, 2);
    return DOTQ(acc, w.quad[3], a, 3);
}

VECTOR sums sums_max(sums a, sums b) {
    return vmaxq_s32(a, b);
}

VECTOR void sums_finish(const dpt_op *op, sums acc, const int32_t *bias, const int32_t *mult,
                        void *out, size_t index, size_t n) {
    store4(op, acc, bias, mult, out, index, n);
}

#include "dpt_quads.h"

#endif
