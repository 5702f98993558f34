/* SPDX-License-Identifier: Apache-2.0 */
/* Cortex-M with the DSP extension (M4, M7, M33): SMLAD adds two 16-bit products to a 32-bit sum.
 *
 * Weights of two channels, a and b, lie together as the 16-bit number h = a + 256 b. Beside
 * A = sum(x a), whose factors SXTB16 takes out of h, the kernel sums T = sum(x h) from h as it is;
 * then sum(x b) = (T - A) / 256. That is one instruction less for every four weights than to take
 * b out too. T may wrap around: T - A = 256 sum(x b) modulo 2^32, and it is less than 2^31 as long
 * as sum(x b) is less than 2^23, which holds for 256 products of at most 255 * 127. */
#include "dpt_internal.h"

#ifdef DPT_DSP
#include <string.h>

#define JOIN 64 /* a 5x5 window of one channel, say */
enum { BATCH = 2, STEP = 4, CONV_BLOCK = 2, DENSE_BLOCK = 4, MOST = 512, WINDOW_SUMS = 0 };

/* For each step, 16-bit values: the even ones of window 0, of window 1, the odd ones likewise. */
typedef struct window {
    uint32_t words[MOST / STEP * 4];
} window;

static inline uint32_t even_bytes(uint32_t v, int type) {
    uint32_t pair;
    if (type == DPT_U8) {
        __asm__("uxtb16 %0, %1" : "=r"(pair) : "r"(v));
    } else {
        __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(v));
    }
    return pair;
}

static inline uint32_t odd_bytes(uint32_t v, int type) {
    uint32_t pair;
    if (type == DPT_U8) {
        __asm__("uxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(v));
    } else {
        __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(v));
    }
    return pair;
}

/* cppcheck-suppress constParameterPointer ; written through `halves` and `to` */
static void window_put(window *x, size_t p, size_t k, const uint8_t *from, size_t n, int type) {
    uint32_t *to = x->words + k / STEP * 4 + p;
    uint16_t *halves = (uint16_t *)(void *)to;
    for (; n > 0 && k % STEP != 0; n--, k++) { /* to a whole step */
        const uint32_t v = from == NULL ? 0 : *from++;
        halves[(k & 1u) * 4 + (k >> 1 & 1u)] = (uint16_t)even_bytes(v, type);
        to += (k & 3u) == 3 ? 4 : 0;
    }
    for (; n >= STEP; n -= STEP, to += 4) {
        uint32_t v = 0;
        if (from != NULL) {
            memcpy(&v, from, sizeof v);
            from += STEP;
        }
        to[0] = even_bytes(v, type);
        to[2] = odd_bytes(v, type);
    }
    halves = (uint16_t *)(void *)to;
    for (k = 0; k < n; k++) {
        const uint32_t v = from == NULL ? 0 : *from++;
        halves[(k & 1u) * 4 + (k >> 1)] = (uint16_t)even_bytes(v, type);
    }
}

static inline int32_t window_sum(const window *x, size_t p) {
    (void)x;
    (void)p;
    return 0;
}

static inline int32_t row_sum(const uint8_t *x, size_t n, int type) {
    (void)x;
    (void)n;
    (void)type;
    return 0;
}

/* Two channels at two windows. r0: weights, r1: the buffer, r2: steps, r3: sums. r4, r5: T of the
 * windows; r6, r7: A. The steps are taken in parts of at most 64, after which T gives sum(x b). */
#define PAIR_STEP                                                                                  \
    "ldm r0!, {r8, r9}\n"                                                                          \
    "ldm r1!, {r10, r11, r12, lr}\n"                                                               \
    "smlad r4, r10, r8, r4\n"                                                                      \
    "smlad r5, r11, r8, r5\n"                                                                      \
    "sxtb16 r8, r8\n"                                                                              \
    "smlad r4, r12, r9, r4\n"                                                                      \
    "smlad r5, lr, r9, r5\n"                                                                       \
    "sxtb16 r9, r9\n"                                                                              \
    "smlad r6, r10, r8, r6\n"                                                                      \
    "smlad r7, r11, r8, r7\n"                                                                      \
    "smlad r6, r12, r9, r6\n"                                                                      \
    "smlad r7, lr, r9, r7\n"

void dpt_dsp_pair(const void *w, const void *x, size_t steps, int32_t *sums);
__asm__(".syntax unified\n"
        ".thumb\n"
        ".section .text.dpt_dsp_pair, \"ax\", %progbits\n"
        ".align 2\n"
        ".global dpt_dsp_pair\n"
        ".type dpt_dsp_pair, %function\n"
        "dpt_dsp_pair:\n"
        "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
        "0:\n" /* a part */
        "movs r4, #0\n"
        "movs r5, #0\n"
        "movs r6, #0\n"
        "movs r7, #0\n"
        "mov r3, r2\n"
        "cmp r3, #64\n"
        "it hi\n"
        "movhi r3, #64\n"
        "subs r2, r2, r3\n"
        "subs r3, r3, #4\n"
        "blo 2f\n"
        "1:\n" PAIR_STEP PAIR_STEP PAIR_STEP PAIR_STEP "subs r3, r3, #4\n"
        "bhs 1b\n"
        "2:\n"
        "adds r3, r3, #4\n"
        "beq 4f\n"
        "3:\n" PAIR_STEP "subs r3, r3, #1\n"
        "bne 3b\n"
        "4:\n"
        "ldr r3, [sp]\n"
        "ldrd r8, r9, [r3]\n"
        "ldrd r10, r11, [r3, #48]\n"
        "subs r4, r4, r6\n"
        "subs r5, r5, r7\n"
        "add r8, r8, r6\n"
        "add r9, r9, r4, asr #8\n"
        "add r10, r10, r7\n"
        "add r11, r11, r5, asr #8\n"
        "strd r8, r9, [r3]\n"
        "strd r10, r11, [r3, #48]\n"
        "cmp r2, #0\n"
        "bne 0b\n"
        "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
        ".size dpt_dsp_pair, . - dpt_dsp_pair\n"
        ".text\n");

static inline void window_dot(const uint8_t *w, const window *x, size_t steps, size_t n,
                              int32_t *sums) {
    (void)n;
    dpt_dsp_pair(w, x->words, steps, sums);
}

/* Four channels at one row of bytes. r0: weights, r1: the row, r2: steps, r3: sums; r4, r5: T of
 * the pairs of channels; r6, r7: A. r12: steps of this part. */
#define QUAD_STEP(EXTEND)                                                                          \
    "ldr r8, [r1], #4\n"                                                                           \
    "ldm r0!, {r9, r10, r11, lr}\n" EXTEND " r3, r8\n" EXTEND " r8, r8, ror #8\n"                  \
    "smlad r4, r3, r9, r4\n"                                                                       \
    "sxtb16 r9, r9\n"                                                                              \
    "smlad r5, r3, r11, r5\n"                                                                      \
    "sxtb16 r11, r11\n"                                                                            \
    "smlad r6, r3, r9, r6\n"                                                                       \
    "smlad r7, r3, r11, r7\n"                                                                      \
    "smlad r4, r8, r10, r4\n"                                                                      \
    "sxtb16 r10, r10\n"                                                                            \
    "smlad r5, r8, lr, r5\n"                                                                       \
    "sxtb16 lr, lr\n"                                                                              \
    "smlad r6, r8, r10, r6\n"                                                                      \
    "smlad r7, r8, lr, r7\n"

#define QUADS(name, EXTEND)                                                                        \
    void name(const void *w, const void *x, size_t steps, int32_t *sums);                          \
    __asm__(".syntax unified\n"                                                                    \
            ".thumb\n"                                                                             \
            ".section .text." #name ", \"ax\", %progbits\n"                                        \
            ".align 2\n"                                                                           \
            ".global " #name "\n"                                                                  \
            ".type " #name ", %function\n" #name ":\n"                                             \
            "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"                                    \
            "0:\n"                                                                                 \
            "movs r4, #0\n"                                                                        \
            "movs r5, #0\n"                                                                        \
            "movs r6, #0\n"                                                                        \
            "movs r7, #0\n"                                                                        \
            "mov r12, r2\n"                                                                        \
            "cmp r12, #64\n"                                                                       \
            "it hi\n"                                                                              \
            "movhi r12, #64\n"                                                                     \
            "sub r2, r2, r12\n"                                                                    \
            "subs r12, r12, #2\n"                                                                  \
            "blo 2f\n"                                                                             \
            "1:\n" QUAD_STEP(EXTEND)                                                               \
                QUAD_STEP(EXTEND) "subs r12, r12, #2\n"                                            \
                                  "bhs 1b\n"                                                       \
                                  "2:\n"                                                           \
                                  "adds r12, r12, #2\n"                                            \
                                  "beq 4f\n" QUAD_STEP(                                            \
                                      EXTEND) "4:\n"                                               \
                                              "ldr r3, [sp]\n"                                     \
                                              "ldm r3, {r8, r9, r10, r11}\n"                       \
                                              "subs r4, r4, r6\n"                                  \
                                              "subs r5, r5, r7\n"                                  \
                                              "add r8, r8, r6\n"                                   \
                                              "add r9, r9, r4, asr #8\n"                           \
                                              "add r10, r10, r7\n"                                 \
                                              "add r11, r11, r5, asr #8\n"                         \
                                              "stm r3, {r8, r9, r10, r11}\n"                       \
                                              "cmp r2, #0\n"                                       \
                                              "bne 0b\n"                                           \
                                              "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"   \
                                              ".size " #name ", . - " #name "\n"                   \
                                              ".text\n")

QUADS(dpt_dsp_quads_u8, "uxtb16");
QUADS(dpt_dsp_quads_i8, "sxtb16");

static inline void row_dot(const uint8_t *w, const uint8_t *x, size_t steps, int type,
                           int32_t *sums) {
    if (type == DPT_U8) {
        dpt_dsp_quads_u8(w, x, steps, sums);
    } else {
        dpt_dsp_quads_i8(w, x, steps, sums);
    }
}

static void finish(const dpt_op *op, const int32_t *sums, const int32_t *mult, void *out,
                   size_t index, size_t n, int merge) {
    const int32_t lo = op->lo, hi = op->hi;
    const int shift = op->shift;
    if (op->out_type == DPT_U8 && lo == 0 && hi == 255 && !merge) { /* after a ReLU */
        uint8_t *to = (uint8_t *)out + index;
        for (size_t i = 0; i < n; i++) {
            uint32_t y;
            __asm__("smmulr %0, %1, %2\n\tusat %0, #8, %0"
                    : "=r"(y)
                    : "r"(sums[i] << shift), "r"(mult[i]));
            to[i] = (uint8_t)y;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int32_t y;
        __asm__("smmulr %0, %1, %2" : "=r"(y) : "r"(sums[i] << shift), "r"(mult[i]));
        y = y < lo ? lo : y > hi ? hi : y;
        dpt_store_largest(op, out, index + i, y, merge);
    }
}

#include "dpt_window.h"

static int available(void) {
    return 1;
}

void dpt_dsp_conv(const dpt_op *op, const void *in, void *out, size_t n) {
    window_conv(op, in, out, n);
}

void dpt_dsp_dense(const dpt_op *op, const void *in, void *out, size_t n) {
    window_dense(op, in, out, n);
}

const dpt_backend dpt_dsp = {
    "dsp",         available,          DPT_PACKING_DSP,    dpt_dsp_conv,
    dpt_dsp_dense, dpt_scalar_maxpool, dpt_scalar_avgpool,
};
#else
typedef int dpt_dsp_is_empty; /* C has no empty files */
#endif
