/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit cores that multiply one number at a time: four channels share each activation. Weights are
 * stored 128 larger and signed activations read 128 larger, so that all bytes are unsigned: ARMv6-M
 * (Cortex-M0+) loads only those with an offset in the instruction. The sum of the activations,
 * times 128, takes the one back, the biases the other. */
#include "dpt_internal.h"

#ifdef DPT_BLOCKS
#include <string.h>

enum { BATCH = 4, STEP = 4, CONV_BLOCK = 4, DENSE_BLOCK = 4, MOST = 512, WINDOW_SUMS = 1 };

typedef struct window {
    uint8_t bytes[BATCH][MOST];
    int32_t sum[BATCH]; /* of the bytes, as they come in order */
} window;

static void window_put(window *x, size_t p, size_t k, const uint8_t *from, size_t n, int type) {
    uint8_t *to = x->bytes[p] + k;
    const uint32_t flip = type == DPT_I8 ? 0x80 : 0;
    uint32_t sum = k == 0 ? 0 : (uint32_t)x->sum[p];
    if (from == NULL) {
        memset(to, (int)flip, n);
        x->sum[p] = (int32_t)(sum + flip * (uint32_t)n);
        return;
    }
    for (; n >= 4; n -= 4, from += 4, to += 4) {
        const uint32_t a = from[0] ^ flip, b = from[1] ^ flip, c = from[2] ^ flip,
                       d = from[3] ^ flip;
        to[0] = (uint8_t)a;
        to[1] = (uint8_t)b;
        to[2] = (uint8_t)c;
        to[3] = (uint8_t)d;
        sum += a + b + c + d;
    }
    for (; n > 0; n--) {
        const uint32_t v = *from++ ^ flip;
        *to++ = (uint8_t)v;
        sum += v;
    }
    x->sum[p] = (int32_t)sum;
}

static inline int32_t window_sum(const window *x, size_t p) {
    return -128 * x->sum[p];
}

static int32_t row_sum(const uint8_t *x, size_t n, int type) {
    const uint8_t flip = type == DPT_I8 ? 0x80 : 0;
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] ^ flip;
    }
    return -128 * sum;
}

/* Four channels at one row of bytes; `flip` is what makes them unsigned. */
static void four(const uint8_t *w, const uint8_t *x, size_t steps, uint8_t flip, int32_t *sums) {
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
    for (const uint8_t *end = x + STEP * steps; x < end; x++, w += 4) {
        const int32_t v = *x ^ flip;
        a += v * w[0];
        b += v * w[1];
        c += v * w[2];
        d += v * w[3];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_7M__)
/* The same for rows that are unsigned as they are. r0: weights, r1: the row, r2: steps, r3: sums;
 * r4 - r7: the four, r12: where the row ends. ARMv6-M adds to addresses at the end of 4 or 8
 * values, ARMv7-M while it loads. */
#ifdef __ARM_ARCH_6M__
#define MAC(at, sum) "ldrb r2, [r0, #" #at "]\n muls r2, r3\n adds " #sum ", " #sum ", r2\n"
#define LOAD(at)     "ldrb r3, [r1, #" #at "]\n"
#define MOVED(w, x)  "adds r0, #" #w "\n adds r1, #" #x "\n"
#else
#define MAC(at, sum) "ldrb r2, [r0], #1\n mla " #sum ", r2, r3, " #sum "\n"
#define LOAD(at)     "ldrb r3, [r1], #1\n"
#define MOVED(w, x)
#endif
#define VALUE(at, w0, w1, w2, w3) LOAD(at) MAC(w0, r4) MAC(w1, r5) MAC(w2, r6) MAC(w3, r7)
#define FOUR_VALUES                                                                                \
    VALUE(0, 0, 1, 2, 3) VALUE(1, 4, 5, 6, 7) VALUE(2, 8, 9, 10, 11) VALUE(3, 12, 13, 14, 15)
#define MORE_VALUES                                                                                \
    VALUE(4, 16, 17, 18, 19)                                                                       \
    VALUE(5, 20, 21, 22, 23) VALUE(6, 24, 25, 26, 27) VALUE(7, 28, 29, 30, 31)

void dpt_blocks_four(const void *w, const void *x, size_t steps, int32_t *sums);
__asm__(".syntax unified\n"
        ".thumb\n"
        ".section .text.dpt_blocks_four, \"ax\", %progbits\n"
        ".align 2\n"
        ".global dpt_blocks_four\n"
        ".type dpt_blocks_four, %function\n"
        "dpt_blocks_four:\n"
        "push {r3, r4, r5, r6, r7, lr}\n"
        "ldm r3!, {r4, r5, r6, r7}\n"
        "lsls r3, r2, #2\n"
        "adds r3, r3, r1\n"
        "mov r12, r3\n"
        "lsrs r2, r2, #1\n" /* an odd step goes first */
        "bcs 0f\n"
        "b 2f\n"
        "0:\n" FOUR_VALUES MOVED(16, 4) "b 2f\n"
                                        "1:\n" FOUR_VALUES MORE_VALUES MOVED(
                                            32, 8) "2:\n"
                                                   "cmp r1, r12\n"
                                                   "bne 1b\n"
                                                   "ldr r3, [sp]\n"
                                                   "stm r3!, {r4, r5, r6, r7}\n"
                                                   "pop {r3, r4, r5, r6, r7, pc}\n"
                                                   ".size dpt_blocks_four, . - dpt_blocks_four\n"
                                                   ".text\n");
#else
static void dpt_blocks_four(const uint8_t *w, const uint8_t *x, size_t steps, int32_t *sums) {
    four(w, x, steps, 0, sums);
}
#endif

static inline void window_dot(const uint8_t *w, const window *x, size_t steps, size_t n,
                              int32_t *sums) {
    for (size_t p = 0; p < n; p++) {
        dpt_blocks_four(w, x->bytes[p], steps, sums + p * 12);
    }
}

static inline void row_dot(const uint8_t *w, const uint8_t *x, size_t steps, int type,
                           int32_t *sums) {
    if (type == DPT_U8) {
        dpt_blocks_four(w, x, steps, sums);
    } else {
        four(w, x, steps, 0x80, sums);
    }
}

/* (a * m + 2^31) >> 32 for m >= 0, from products of 16 by 16 bits: what a core without a long
 * multiplication has. The lowest 16 bits of the product cannot carry into the result. */
static inline int32_t high_rounded(int32_t a, int32_t m) {
#ifdef __ARM_ARCH_6M__
    const int32_t a1 = a >> 16, m1 = m >> 16;
    const uint32_t a0 = (uint32_t)a & 0xFFFFu, m0 = (uint32_t)m & 0xFFFFu;
    const int32_t high = a1 * (int32_t)m0, low = (int32_t)(a0 * (uint32_t)m1);
    const uint32_t middle =
        (a0 * m0 >> 16) + ((uint32_t)high & 0xFFFFu) + ((uint32_t)low & 0xFFFFu) + 0x8000u;
    return a1 * m1 + (high >> 16) + (low >> 16) + (int32_t)(middle >> 16);
#else
    return (int32_t)(((int64_t)a * m + ((int64_t)1 << 31)) >> 32);
#endif
}

static void finish(const dpt_op *op, const int32_t *sums, const int32_t *mult, void *out,
                   size_t index, size_t n, int merge) {
    const int32_t lo = op->lo, hi = op->hi, one = (int32_t)(1L << op->shift);
    for (size_t i = 0; i < n; i++) {
        const int32_t y = high_rounded(sums[i] * one, mult[i]);
        dpt_store_largest(op, out, index + i, y < lo ? lo : y > hi ? hi : y, merge);
    }
}

#include "dpt_window.h"

static int available(void) {
    return 1;
}

void dpt_blocks_conv(const dpt_op *op, const void *in, void *out, size_t n) {
    window_conv(op, in, out, n);
}

void dpt_blocks_dense(const dpt_op *op, const void *in, void *out, size_t n) {
    window_dense(op, in, out, n);
}

const dpt_backend dpt_blocks = {
    "blocks",         available,          DPT_PACKING_BLOCKS, dpt_blocks_conv,
    dpt_blocks_dense, dpt_scalar_maxpool, dpt_scalar_avgpool,
};
#else
typedef int dpt_blocks_is_empty; /* C has no empty files */
#endif
