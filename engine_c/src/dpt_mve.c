/* SPDX-License-Identifier: Apache-2.0 */
/* Cortex-M with Helium (M55, M85): VMLADAVA adds 16 products of signed bytes to a register.
 * Unsigned activations are read 128 smaller; the biases make up for it. */
#include "dpt_internal.h"

#ifdef DPT_MVE
#include <arm_mve.h>
#include <string.h>

enum { BATCH = 4, STEP = 16, CONV_BLOCK = 3, DENSE_BLOCK = 4, MOST = 512, WINDOW_SUMS = 0 };

typedef struct window {
    uint8_t bytes[BATCH][MOST];
} window;

static inline uint8_t flip_of(int type) {
    return type == DPT_U8 ? 0x80 : 0;
}

/* cppcheck-suppress constParameterPointer ; written by the assembler */
static inline void window_put(window *x, size_t p, size_t k, const uint8_t *from, size_t n,
                              int type) {
    uint8_t *to = x->bytes[p] + k;
    if (from == NULL) {
        memset(to, flip_of(type), n);
        return;
    }
    __asm__ volatile("vdup.8 q1, %3\n\t"
                     "wlstp.8 lr, %2, 2f\n"
                     "1:\n\t"
                     "vldrb.u8 q0, [%0], #16\n\t"
                     "veor q0, q0, q1\n\t"
                     "vstrb.8 q0, [%1], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+r"(from), "+r"(to)
                     : "r"(n), "r"(flip_of(type))
                     : "q0", "q1", "lr", "memory");
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

/* Three channels at two windows. r0: weights, r1 and r2: the windows, r3: steps, at least 1; on the
 * stack: the sums. VMLADAVA adds to even registers only. */
void dpt_mve_three(const void *w, const void *x, const void *next, size_t steps, int32_t *sums);
__asm__(".syntax unified\n"
        ".thumb\n"
        ".section .text.dpt_mve_three, \"ax\", %progbits\n"
        ".align 2\n"
        ".global dpt_mve_three\n"
        ".type dpt_mve_three, %function\n"
        "dpt_mve_three:\n"
        "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
        "ldr r11, [sp, #40]\n"
        "mov r5, r0\n"
        "mov r7, r1\n"
        "mov r9, r2\n"
        "ldr r0, [r11]\n"
        "ldr r2, [r11, #4]\n"
        "ldr r4, [r11, #8]\n"
        "ldr r6, [r11, #48]\n"
        "ldr r8, [r11, #52]\n"
        "ldr r10, [r11, #56]\n"
        "dls lr, r3\n"
        "1:\n"
        "vldrb.u8 q0, [r5], #16\n"
        "vldrb.u8 q3, [r7], #16\n"
        "vmladava.s8 r0, q3, q0\n"
        "vldrb.u8 q1, [r5], #16\n"
        "vmladava.s8 r2, q3, q1\n"
        "vldrb.u8 q2, [r5], #16\n"
        "vmladava.s8 r4, q3, q2\n"
        "vldrb.u8 q3, [r9], #16\n"
        "vmladava.s8 r6, q3, q0\n"
        "vmladava.s8 r8, q3, q1\n"
        "vmladava.s8 r10, q3, q2\n"
        "le lr, 1b\n"
        "str r0, [r11]\n"
        "str r2, [r11, #4]\n"
        "str r4, [r11, #8]\n"
        "str r6, [r11, #48]\n"
        "str r8, [r11, #52]\n"
        "str r10, [r11, #56]\n"
        "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
        ".size dpt_mve_three, . - dpt_mve_three\n"
        ".text\n");

static inline void window_dot(const uint8_t *w, const window *x, size_t steps, size_t n,
                              int32_t *sums) {
    for (size_t p = 0; p < n; p += 2) {
        dpt_mve_three(w, x->bytes[p], x->bytes[p + 1], steps, sums + p * 12);
    }
}

/* Four channels at one row. r0: weights, r1: the row, r2: steps, r3: what flips its bytes; on the
 * stack: the sums. */
void dpt_mve_four(const void *w, const void *x, size_t steps, uint32_t flip, int32_t *sums);
__asm__(".syntax unified\n"
        ".thumb\n"
        ".section .text.dpt_mve_four, \"ax\", %progbits\n"
        ".align 2\n"
        ".global dpt_mve_four\n"
        ".type dpt_mve_four, %function\n"
        "dpt_mve_four:\n"
        "push {r4, r5, r6, r7, r8, r9, r10, lr}\n"
        "ldr r5, [sp, #32]\n"
        "vdup.8 q3, r3\n"
        "ldr r4, [r5]\n"
        "ldr r6, [r5, #4]\n"
        "ldr r8, [r5, #8]\n"
        "ldr r10, [r5, #12]\n"
        "wls lr, r2, 2f\n"
        "1:\n"
        "vldrb.u8 q0, [r1], #16\n"
        "vldrb.u8 q1, [r0], #16\n"
        "veor q0, q0, q3\n"
        "vldrb.u8 q2, [r0], #16\n"
        "vmladava.s8 r4, q0, q1\n"
        "vldrb.u8 q1, [r0], #16\n"
        "vmladava.s8 r6, q0, q2\n"
        "vldrb.u8 q2, [r0], #16\n"
        "vmladava.s8 r8, q0, q1\n"
        "vmladava.s8 r10, q0, q2\n"
        "le lr, 1b\n"
        "2:\n"
        "str r4, [r5]\n"
        "str r6, [r5, #4]\n"
        "str r8, [r5, #8]\n"
        "str r10, [r5, #12]\n"
        "pop {r4, r5, r6, r7, r8, r9, r10, pc}\n"
        ".size dpt_mve_four, . - dpt_mve_four\n"
        ".text\n");

static inline void row_dot(const uint8_t *w, const uint8_t *x, size_t steps, int type,
                           int32_t *sums) {
    dpt_mve_four(w, x, steps, flip_of(type), sums);
}

/* VRMULH is the rounding rule: (2^32 times the quotient rounds up at a half). */
static void finish(const dpt_op *op, const int32_t *sums, const int32_t *mult, void *out,
                   size_t index, size_t n, int merge) {
    const int32x4_t lo = vdupq_n_s32(op->lo), hi = vdupq_n_s32(op->hi);
    for (size_t i = 0; i < n; i += 4) {
        const mve_pred16_t left = vctp32q((uint32_t)(n - i));
        const int32x4_t sum = vshlq_r_s32(vldrwq_z_s32(sums + i, left), op->shift);
        int32x4_t y = vrmulhq_s32(sum, vldrwq_z_s32(mult + i, left));
        y = vminq_s32(vmaxq_s32(y, lo), hi);
        if (op->out_type == DPT_I32) {
            int32_t *to = (int32_t *)out + index + i;
            vstrwq_p_s32(to, merge ? vmaxq_s32(y, vldrwq_z_s32(to, left)) : y, left);
        } else if (op->out_type == DPT_I8) {
            int8_t *to = (int8_t *)out + index + i;
            vstrbq_p_s32(to, merge ? vmaxq_s32(y, vldrbq_z_s32(to, left)) : y, left);
        } else {
            uint8_t *to = (uint8_t *)out + index + i;
            const uint32x4_t v = vreinterpretq_u32_s32(y);
            vstrbq_p_u32(to, merge ? vmaxq_u32(v, vldrbq_z_u32(to, left)) : v, left);
        }
    }
}

#include "dpt_window.h"

static int available(void) {
    return 1;
}

void dpt_mve_conv(const dpt_op *op, const void *in, void *out, size_t n) {
    window_conv(op, in, out, n);
}

void dpt_mve_dense(const dpt_op *op, const void *in, void *out, size_t n) {
    window_dense(op, in, out, n);
}

const dpt_backend dpt_mve = {
    "mve",         available,          DPT_PACKING_MVE,    dpt_mve_conv,
    dpt_mve_dense, dpt_scalar_maxpool, dpt_scalar_avgpool,
};
#else
typedef int dpt_mve_is_empty; /* C has no empty files */
#endif
