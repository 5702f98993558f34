/* SPDX-License-Identifier: Apache-2.0 */
/* The Neon backends with a dot product, DOT(acc, weights, activations, lane) and DOTQ of a whole
 * register: it multiplies the quads of 4 channels by one quad of a strip of four. */
#ifndef DPT_NEONLANE_H
#define DPT_NEONLANE_H

#define QUADS_CHUNK 4
#include "dpt_neon.h"

#define QUADS_BLOCKS     5
#define QUADS_WINDOWS(B) ((B) <= 2 ? 8 : 4) /* 16 or up to 20 of the 32 registers for sums */

typedef int32x4_t quads_acc;
typedef int8x16_t quads_chunk;

QUADS_INLINE quads_chunk quads_chunk_load(const uint8_t *p) {
    return vreinterpretq_s8_u8(vld1q_u8(p));
}

QUADS_INLINE quads_chunk quads_chunk_flip(quads_chunk a) {
    return veorq_s8(a, vdupq_n_s8(-128));
}

QUADS_INLINE quads_acc quads_acc_zero(void) {
    return vdupq_n_s32(0);
}

QUADS_INLINE quads_acc quads_acc_dot(quads_acc acc, quad a, quads_weights w) {
    return DOT(acc, w, a, 0);
}

QUADS_INLINE quads_acc quads_acc_dot_chunk(quads_acc acc, quads_chunk a, quads_chunk_weights w) {
    acc = DOTQ(acc, w.quad[0], a, 0);
    acc = DOTQ(acc, w.quad[1], a, 1);
    acc = DOTQ(acc, w.quad[2], a, 2);
    return DOTQ(acc, w.quad[3], a, 3);
}

QUADS_INLINE quads_acc quads_acc_max(quads_acc a, quads_acc b) {
    return vmaxq_s32(a, b);
}

QUADS_INLINE void quads_acc_store(const dpt_op *op, quads_acc acc, const int32_t *bias,
                                  const int32_t *mult, void *out, size_t index, size_t n) {
    neon_store(op, acc, bias, mult, out, index, n);
}

#include "dpt_quads.h"

#endif
