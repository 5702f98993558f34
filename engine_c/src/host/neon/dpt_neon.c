/* SPDX-License-Identifier: Apache-2.0 */
/* Neon of any Armv8-A, and of Armv7-A where the compiler may use it. The products of two quads are
 * added in 16 bits before they go to accumulators of 32: with both factors signed, two products are
 * at most 2 * 128 * 127 < 2^15.
 *
 * Assumes little-endian and Neon (the compiler's flags), and memory that may be read at any
 * address: Normal memory, not Device memory. So do the other Neon backends. */
#include "dpt_internal.h"

#ifdef DPT_NEON
#include "dpt_quads.h"

#define QUADS_NAME(kind) dpt_neon_##kind

#define QUADS_TARGET
#define QUADS_CHUNK 2
#include "dpt_neon.inc"

#define QUADS_FLIPS DPT_FLIPS_U8
#ifdef __aarch64__
#define QUADS_BLOCKS     2
#define QUADS_WINDOWS(B) ((B) == 1 ? 8 : 4) /* 16 of the 32 registers for accumulators */
#else
#define QUADS_BLOCKS     1
#define QUADS_WINDOWS(B) 4 /* 8 of the 16 registers for accumulators */
#endif

typedef int8x8_t quads_chunk;

/* Each channel has two lanes, which are added at the end: channels 0 and 1 in `low`, channels 2 and
 * 3 in `high`. */
typedef struct quads_acc {
    int32x4_t low, high;
} quads_acc;

QUADS_INLINE quads_chunk quads_chunk_load(const uint8_t *p, uint8_t flip) {
    return vreinterpret_s8_u8(veor_u8(vld1_u8(p), vdup_n_u8(flip)));
}

/* Quad q of a chunk in both halves of a register: for two channels. */
QUADS_INLINE int8x8_t neon_twice(int8x8_t a, const int q) {
    const int32x2_t quads = vreinterpret_s32_s8(a);
    return vreinterpret_s8_s32(q == 0 ? vdup_lane_s32(quads, 0) : vdup_lane_s32(quads, 1));
}

QUADS_INLINE quads_acc quads_acc_zero(void) {
    const quads_acc zero = {vdupq_n_s32(0), vdupq_n_s32(0)};
    return zero;
}

QUADS_INLINE quads_acc quads_acc_dot(quads_acc acc, quad a, quads_weights w) {
    const int8x8_t values = neon_twice(a, 0);
    acc.low = vpadalq_s16(acc.low, vmull_s8(vget_low_s8(w), values));
    acc.high = vpadalq_s16(acc.high, vmull_s8(vget_high_s8(w), values));
    return acc;
}

QUADS_INLINE void quads_acc_dot_taps(quads_acc *acc, const uint8_t *const *tap, size_t at,
                                     uint8_t flip, const uint8_t *weights) {
    int8x16_t quads[4];
    neon_tap_quads(tap, at, flip, quads);
    QUADS_UNROLL
    for (int b = 0; b < 4; b++) {
        const int8x16_t a = quads[b], w = quads_weights_load(weights + 16 * b);
        acc[b].low = vpadalq_s16(acc[b].low, vmull_s8(vget_low_s8(w), vget_low_s8(a)));
        acc[b].high = vpadalq_s16(acc[b].high, vmull_s8(vget_high_s8(w), vget_high_s8(a)));
    }
}

QUADS_INLINE quads_acc quads_acc_dot_chunk(quads_acc acc, quads_chunk a, quads_chunk_weights w) {
    const int8x8_t first = neon_twice(a, 0), second = neon_twice(a, 1);
    const int16x8_t low = vmull_s8(vget_low_s8(w.quad[0]), first);
    const int16x8_t high = vmull_s8(vget_high_s8(w.quad[0]), first);
    acc.low = vpadalq_s16(acc.low, vmlal_s8(low, vget_low_s8(w.quad[1]), second));
    acc.high = vpadalq_s16(acc.high, vmlal_s8(high, vget_high_s8(w.quad[1]), second));
    return acc;
}

/* The accumulators with one lane for each channel. */
QUADS_INLINE int32x4_t neon_one_lane(quads_acc a) {
#ifdef __aarch64__
    return vpaddq_s32(a.low, a.high);
#else
    return vcombine_s32(vpadd_s32(vget_low_s32(a.low), vget_high_s32(a.low)),
                        vpadd_s32(vget_low_s32(a.high), vget_high_s32(a.high)));
#endif
}

/* Accumulators of two channels, each with a second lane of 0. */
QUADS_INLINE int32x4_t neon_two_lanes(int32x2_t a) {
    return vreinterpretq_s32_u64(vmovl_u32(vreinterpret_u32_s32(a)));
}

QUADS_INLINE quads_acc quads_acc_sum(const uint8_t *a, const uint8_t *b, const quads_two *t) {
    const int32x4_t sum = neon_sum(a, b, t);
    const quads_acc acc = {neon_two_lanes(vget_low_s32(sum)), neon_two_lanes(vget_high_s32(sum))};
    return acc;
}

QUADS_INLINE quads_acc quads_acc_product(const uint8_t *a, const uint8_t *b, const quads_two *t) {
    const int32x4_t y = neon_product(a, b, t);
    const quads_acc acc = {neon_two_lanes(vget_low_s32(y)), neon_two_lanes(vget_high_s32(y))};
    return acc;
}

QUADS_INLINE quads_acc quads_acc_max(quads_acc a, quads_acc b) {
    const int32x4_t most = vmaxq_s32(neon_one_lane(a), neon_one_lane(b));
    const quads_acc s = {neon_two_lanes(vget_low_s32(most)), neon_two_lanes(vget_high_s32(most))};
    return s;
}

QUADS_INLINE void quads_acc_store(const dpt_op *op, quads_acc acc, const int32_t *bias,
                                  const int32_t *mult, void *out, size_t index, size_t n) {
    neon_store(op, neon_one_lane(acc), bias, mult, out, index, n);
}

#include "dpt_quads.inc"

const dpt_backend dpt_neon = {"neon", dpt_always, QUADS_PACKING, QUADS_KERNELS, dpt_run_rows};
#endif
