/* SPDX-License-Identifier: Apache-2.0 */
/* Neon of any Armv8-A, and of Armv7-A where the compiler may use it: two quads at a time, whose
 * products share 16 bits. Both factors are signed: two products are at most 2 * 128 * 127 < 2^15.
 */
#include "dpt_internal.h"

#ifdef DPT_NEON
#define QUADS_TARGET
#define QUADS_CHUNK 2
#include "dpt_neon.h"

#define QUADS_FLIPS DPT_FLIPS_U8
#ifdef DPT_ARM64
#define QUADS_BLOCKS     2
#define QUADS_WINDOWS(B) ((B) == 1 ? 8 : 4) /* 16 of the 32 registers for sums */
#else
#define QUADS_BLOCKS     1
#define QUADS_WINDOWS(B) 4 /* 8 of the 16 */
#endif

typedef int8x8_t quads_chunk;

/* Each channel's sum in two parts: channels 0 and 1, channels 2 and 3. */
typedef struct quads_acc {
    int32x4_t low, high;
} quads_acc;

QUADS_INLINE quads_chunk quads_chunk_load(const uint8_t *p) {
    return vreinterpret_s8_u8(vld1_u8(p));
}

QUADS_INLINE quads_chunk quads_chunk_flip(quads_chunk a) {
    return veor_s8(a, vdup_n_s8(-128));
}

/* A quad twice, for two channels. */
QUADS_INLINE int8x8_t twice(int8x8_t a, const int q) {
    const int32x2_t quads = vreinterpret_s32_s8(a);
    return vreinterpret_s8_s32(q == 0 ? vdup_lane_s32(quads, 0) : vdup_lane_s32(quads, 1));
}

QUADS_INLINE quads_acc quads_acc_zero(void) {
    const quads_acc zero = {vdupq_n_s32(0), vdupq_n_s32(0)};
    return zero;
}

QUADS_INLINE quads_acc quads_acc_dot(quads_acc acc, quad a, quads_weights w) {
    const int8x8_t values = twice(a, 0);
    acc.low = vpadalq_s16(acc.low, vmull_s8(vget_low_s8(w), values));
    acc.high = vpadalq_s16(acc.high, vmull_s8(vget_high_s8(w), values));
    return acc;
}

QUADS_INLINE quads_acc quads_acc_dot_chunk(quads_acc acc, quads_chunk a, quads_chunk_weights w) {
    const int8x8_t first = twice(a, 0), second = twice(a, 1);
    const int16x8_t low = vmull_s8(vget_low_s8(w.quad[0]), first);
    const int16x8_t high = vmull_s8(vget_high_s8(w.quad[0]), first);
    acc.low = vpadalq_s16(acc.low, vmlal_s8(low, vget_low_s8(w.quad[1]), second));
    acc.high = vpadalq_s16(acc.high, vmlal_s8(high, vget_high_s8(w.quad[1]), second));
    return acc;
}

QUADS_INLINE int32x4_t whole(quads_acc a) {
#ifdef DPT_ARM64
    return vpaddq_s32(a.low, a.high);
#else
    return vcombine_s32(vpadd_s32(vget_low_s32(a.low), vget_high_s32(a.low)),
                        vpadd_s32(vget_low_s32(a.high), vget_high_s32(a.high)));
#endif
}

/* Sums whose second parts are 0. */
QUADS_INLINE int32x4_t with_zeros(int32x2_t a) {
    return vreinterpretq_s32_u64(vmovl_u32(vreinterpret_u32_s32(a)));
}

QUADS_INLINE quads_acc quads_acc_max(quads_acc a, quads_acc b) {
    const int32x4_t most = vmaxq_s32(whole(a), whole(b));
    const quads_acc s = {with_zeros(vget_low_s32(most)), with_zeros(vget_high_s32(most))};
    return s;
}

QUADS_INLINE void quads_acc_store(const dpt_op *op, quads_acc acc, const int32_t *bias,
                                  const int32_t *mult, void *out, size_t index, size_t n) {
    neon_store(op, whole(acc), bias, mult, out, index, n);
}

#include "dpt_quads.h"

static int neon_available(void) {
    return 1;
}

const dpt_backend dpt_neon = {"neon",     neon_available, QUADS_PACKING,
                              quads_conv, quads_dense,    DPT_PLAIN_KERNELS};
#else
typedef int dpt_neon_is_empty; /* C has no empty files */
#endif
