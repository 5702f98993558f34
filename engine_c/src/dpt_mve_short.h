/* SPDX-License-Identifier: Apache-2.0 */
/* The pooled first layer of a net of one or few channels on Helium: windows of 17 to 32 values
 * without padding. They are collected by gathering loads, and two stay in registers for all
 * channels, so that nothing but weights is loaded: 35 instructions for two windows and four
 * channels, the maximum included. Included by dpt_mve.c, whose layout of weights and requantization
 * it uses. */
#ifndef DPT_MVE_SHORT_H
#define DPT_MVE_SHORT_H

/* A convolution of short windows at work. */
enum { MVE_TAPS = 32 };
typedef struct mve_short_work {
    uint8_t taps[MVE_TAPS]; /* how far the values of a window lie from its corner */
    uint32_t flip, blocks;
    int32_t best[WINDOW_GROUP];
} mve_short_work;

static int mve_is_short(const dpt_op *op) {
    const size_t row = (size_t)op->kernel_w * op->in.c, pitch = (size_t)op->in.w * op->in.c;
    const size_t length = op->kernel_h * row;
    const int padded =
        op->pad_top != 0 || op->pad_left != 0 || op->pad_bottom != 0 || op->pad_right != 0;
    return length > WINDOW_UNIT && length <= MVE_TAPS && (op->kernel_h - 1u) * pitch + row <= 256 &&
           op->pool_w > 1 && !padded;
}

/* The sums of all blocks of channels at the windows of two corners become the larger of both and of
 * what is at `best`. r0: weights, r1 and r2: corners, r3: the rest. Both windows in q0, q1 and q2,
 * q3, their sums in r0, r2, r4, r6 and r8, r10, r12, lr. What `taps` has beyond the values of a
 * window meets weights of 0. */
#define MVE_SHORT_CHANNEL(first, second, sum, next)                                                \
    "vldrb.u8 q4, [r1, #" first "]\n"                                                              \
    "vmladav.s8 " sum ", q0, q4\n"                                                                 \
    "vmladav.s8 " next ", q2, q4\n"                                                                \
    "vldrb.u8 q5, [r1, #" second "]\n"                                                             \
    "vmladava.s8 " sum ", q1, q5\n"                                                                \
    "vmladava.s8 " next ", q3, q5\n"

void dpt_mve_short(const void *w, const uint8_t *corner, const uint8_t *other, mve_short_work *k);
/* clang-format off */
__asm__(".syntax unified\n"
        ".thumb\n"
        ".section .text.dpt_mve_short, \"ax\", %progbits\n"
        ".align 2\n"
        ".global dpt_mve_short\n"
        ".type dpt_mve_short, %function\n"
        "dpt_mve_short:\n"
        "push {r4, r5, r6, r7, r8, r9, r10, lr}\n"
        "vpush {d8, d9, d10, d11}\n"
        "vldrb.u8 q4, [r3]\n"
        "vldrb.u8 q5, [r3, #16]\n"
        "ldrd r4, r7, [r3, #32]\n"
        "vldrb.u8 q0, [r1, q4]\n"
        "vldrb.u8 q1, [r1, q5]\n"
        "vldrb.u8 q2, [r2, q4]\n"
        "vldrb.u8 q3, [r2, q5]\n"
        "vdup.8 q4, r4\n"
        "veor q0, q0, q4\n"
        "veor q1, q1, q4\n"
        "veor q2, q2, q4\n"
        "veor q3, q3, q4\n"
        "mov r1, r0\n"
        "adds r3, r3, #40\n"
        "1:\n"
        MVE_SHORT_CHANNEL("0", "64", "r0", "r8")
        MVE_SHORT_CHANNEL("16", "80", "r2", "r10")
        MVE_SHORT_CHANNEL("32", "96", "r4", "r12")
        MVE_SHORT_CHANNEL("48", "112", "r6", "lr")
        "vmov q4[2], q4[0], r0, r4\n"
        "vmov q4[3], q4[1], r2, r6\n"
        "vmov q5[2], q5[0], r8, r12\n"
        "vmov q5[3], q5[1], r10, lr\n"
        "vmax.s32 q4, q4, q5\n"
        "vldrw.u32 q5, [r3]\n"
        "vmax.s32 q4, q4, q5\n"
        "vstrw.32 q4, [r3], #16\n"
        "adds r1, r1, #128\n"
        "subs r7, r7, #1\n"
        "bne 1b\n"
        "vpop {d8, d9, d10, d11}\n"
        "pop {r4, r5, r6, r7, r8, r9, r10, pc}\n"
        ".size dpt_mve_short, . - dpt_mve_short\n"
        ".text\n");
/* clang-format on */
typedef char dpt_mve_short_work[offsetof(mve_short_work, best) == 40 ? 1 : -1];

static void mve_short_output(const window_job *l, const uint8_t *corner, size_t index,
                             mve_short_work *k) {
    const dpt_op *op = l->op;
    const uint8_t *w = l->weight;
    for (size_t channel = 0; channel < op->out.c; channel += WINDOW_GROUP) {
        const size_t n = window_least(WINDOW_GROUP, op->out.c - channel);
        k->blocks = (uint32_t)(n + WINDOW_BLOCK - 1) / WINDOW_BLOCK;
        for (size_t c = 0; c < n; c += WINDOW_BLOCK) {
            vstrwq_s32(k->best + c, vdupq_n_s32(INT32_MIN));
        }
        for (size_t y = 0; y < op->pool_h; y++) {
            const size_t step = (size_t)op->stride_w * op->in.c;
            const uint8_t *at = corner + y * op->stride_h * op->in.w * op->in.c;
            const uint8_t *last = at + (op->pool_w - 1u) * step;
            for (; at <= last; at += 2 * step) {
                dpt_mve_short(w, at, at < last ? at + step : last, k);
            }
        }
        for (size_t c = 0; c < n; c += WINDOW_BLOCK) {
            const int32x4_t bias = vldrwq_s32(l->bias + channel + c);
            vstrwq_s32(k->best + c, vaddq_s32(vldrwq_s32(k->best + c), bias));
        }
        window_store(op, k->best, l->mult + channel, l->out, index + channel, n);
        w += WINDOW_GROUP * l->units * WINDOW_UNIT;
    }
}

static void mve_short_conv(const dpt_op *op, const uint8_t *in, void *out) {
    const size_t row = (size_t)op->kernel_w * op->in.c, pitch = (size_t)op->in.w * op->in.c;
    const size_t across = (size_t)op->pool_w * op->stride_w * op->in.c;
    const size_t down = op->pool_h * op->stride_h * pitch;
    const window_job l = window_job_of(op, in, out, op->kernel_h * row);
    mve_short_work k = {{0}, mve_flip(op->in_type), 0, {0}};
    for (size_t y = 0; y < op->kernel_h; y++) {
        for (size_t i = 0; i < row; i++) {
            k.taps[y * row + i] = (uint8_t)(y * pitch + i);
        }
    }
    for (size_t y = 0, index = 0; y < op->out.h; y++) {
        for (size_t x = 0; x < op->out.w; x++, index += op->out.c) {
            mve_short_output(&l, in + y * down + x * across, index, &k);
        }
    }
}

#endif
