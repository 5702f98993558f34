/* SPDX-License-Identifier: Apache-2.0 */
/* What the Neon backends share: blocks of 4 channels, strips of activations as signed bytes. */
#ifndef DPT_NEON_H
#define DPT_NEON_H

#include "dpt_internal.h"

#include <arm_neon.h>
#include <string.h>

#define QUADS_LANES  4
#define QUADS_INLINE static inline __attribute__((always_inline)) QUADS_TARGET

typedef int8x8_t quad; /* in the first half */
typedef int8x16_t quads_weights;

typedef struct quads_chunk_weights {
    quads_weights quad[QUADS_CHUNK];
} quads_chunk_weights;

QUADS_INLINE quad quad_load(const uint8_t *p) {
    uint32_t value;
    memcpy(&value, p, 4);
    return vcreate_s8(value);
}

QUADS_INLINE quad quad_flip(quad a) {
    return veor_s8(a, vdup_n_s8(-128));
}

QUADS_INLINE quads_weights quads_weights_load(const uint8_t *p) {
    return vreinterpretq_s8_u8(vld1q_u8(p));
}

/* NUMERICS.md section 2: vqrdmulh is (2 * a * b + 2^31) >> 32, exact before the shift, so b = m / 2
 * gives the rule; it saturates only where a = b = -2^31, and m / 2 is positive. */
QUADS_INLINE void neon_store(const dpt_op *op, int32x4_t acc, const int32_t *bias,
                             const int32_t *mult, void *out, size_t index, size_t n) {
    acc = vaddq_s32(acc, vld1q_s32(bias)); /* wraps back to the accumulator's value */
    acc = vshlq_s32(acc, vdupq_n_s32(op->shift));
    int32x4_t y = vqrdmulhq_s32(acc, vshrq_n_s32(vld1q_s32(mult), 1));
    y = vminq_s32(vmaxq_s32(y, vdupq_n_s32(op->lo)), vdupq_n_s32(op->hi));
    if (op->out_type == DPT_I32) {
        int32_t *const to = (int32_t *)out + index;
        const int32x2_t end = n < 2 ? vget_low_s32(y) : vget_high_s32(y);
        if (n == QUADS_LANES) {
            vst1q_s32(to, y);
        } else {
            if (n >= 2) {
                vst1_s32(to, vget_low_s32(y));
            }
            if (n % 2 != 0) {
                vst1_lane_s32(to + n - 1, end, 0);
            }
        }
    } else {
        uint8_t *const to = (uint8_t *)out + index;
        const int16x4_t half = vmovn_s32(y);
        const int8x8_t bytes = vmovn_s16(vcombine_s16(half, half));
        const uint32_t word = vget_lane_u32(vreinterpret_u32_s8(bytes), 0);
        if (n == QUADS_LANES) {
            memcpy(to, &word, sizeof word);
        } else {
            for (size_t i = 0; i < n; i++) {
                to[i] = (uint8_t)(word >> 8 * i & 0xFFu);
            }
        }
    }
}

#endif
