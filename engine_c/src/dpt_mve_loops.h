/* SPDX-License-Identifier: Apache-2.0 */
/* The multiplying loops of the Helium backend, in assembler: eight sums in the eight even registers
 * leave the odd ones for addresses, and no compiler has been found to see that. Included by
 * dpt_mve.c. */
#ifndef DPT_MVE_LOOPS_H
#define DPT_MVE_LOOPS_H

/* Blocks of four channels at two windows, one after the other. */
typedef struct mve_pair_work {
    const uint8_t *x;    /* window 0; window 1 follows MOST behind */
    size_t units;        /* at least 1 */
    size_t gap;          /* bytes of weights from what a block needs to the next */
    size_t blocks;       /* at least 1; counted down */
    const int32_t *from; /* where the sums of window 0 come from, then those of window 1 */
    const int32_t *from_next;
    int32_t *acc; /* where they go to, those of window 1 GROUP behind */
} mve_pair_work;

/* r5: the work; r9: weights; r1 and r3: windows; r7: steps; the sums of window 0 in r0, r2, r4, r6,
 * of window 1 in r8, r10, r12, lr. */
#define MVE_PAIR_UNIT                                                                              \
    "vldrb.u8 q0, [r1], #16\n"                                                                     \
    "vldrb.u8 q2, [r9], #16\n"                                                                     \
    "vmladava.s8 r0, q0, q2\n"                                                                     \
    "vldrb.u8 q1, [r3], #16\n"                                                                     \
    "vmladava.s8 r8, q1, q2\n"                                                                     \
    "vldrb.u8 q3, [r9], #16\n"                                                                     \
    "vmladava.s8 r2, q0, q3\n"                                                                     \
    "vldrb.u8 q2, [r9], #16\n"                                                                     \
    "vmladava.s8 r10, q1, q3\n"                                                                    \
    "vmladava.s8 r4, q0, q2\n"                                                                     \
    "vldrb.u8 q3, [r9], #16\n"                                                                     \
    "vmladava.s8 r12, q1, q2\n"                                                                    \
    "vmladava.s8 r6, q0, q3\n"                                                                     \
    "vmladava.s8 lr, q1, q3\n"

void dpt_mve_pairs(const void *w, mve_pair_work *k);
/* clang-format off */
__asm__(".syntax unified\n"
        ".thumb\n"
        ".section .text.dpt_mve_pairs, \"ax\", %progbits\n"
        ".align 2\n"
        ".global dpt_mve_pairs\n"
        ".type dpt_mve_pairs, %function\n"
        "dpt_mve_pairs:\n"
        "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
        "mov r9, r0\n"
        "mov r5, r1\n"
        "0:\n"
        "ldr r11, [r5, #16]\n"
        "ldrd r0, r2, [r11]\n"
        "ldrd r4, r6, [r11, #8]\n"
        "add r11, r11, #16\n"
        "str r11, [r5, #16]\n"
        "ldr r11, [r5, #20]\n"
        "ldrd r8, r10, [r11]\n"
        "ldrd r12, lr, [r11, #8]\n"
        "add r11, r11, #16\n"
        "str r11, [r5, #20]\n"
        "ldrd r1, r7, [r5]\n"
        "add r3, r1, #512\n"
        "ands r11, r7, #3\n"
        "beq 2f\n"
        "1:\n"
        MVE_PAIR_UNIT
        "subs r11, r11, #1\n"
        "bne 1b\n"
        "2:\n"
        "lsrs r7, r7, #2\n"
        "beq 4f\n"
        "3:\n"
        MVE_PAIR_UNIT MVE_PAIR_UNIT MVE_PAIR_UNIT MVE_PAIR_UNIT
        "subs r7, r7, #1\n"
        "bne 3b\n"
        "4:\n"
        "ldr r11, [r5, #24]\n"
        "strd r8, r10, [r11, #208]\n"
        "strd r12, lr, [r11, #216]\n"
        "strd r4, r6, [r11, #8]\n"
        "strd r0, r2, [r11], #16\n"
        "str r11, [r5, #24]\n"
        "ldrd r7, r11, [r5, #8]\n"
        "add r9, r9, r7\n"
        "subs r11, r11, #1\n"
        "str r11, [r5, #12]\n"
        "bne 0b\n"
        "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
        ".size dpt_mve_pairs, . - dpt_mve_pairs\n"
        ".text\n");
/* clang-format on */
typedef char dpt_mve_group_is_52[4 * WINDOW_GROUP == 208 ? 1 : -1];
typedef char dpt_mve_window_is_512[WINDOW_VALUES == 512 ? 1 : -1];
typedef char dpt_mve_pair_work_offset[offsetof(mve_pair_work, acc) == 24 ? 1 : -1];

/* Two blocks of four channels at one row. r0 and r1: their weights, r2: the row, r3: steps; on the
 * stack: what flips the row's bytes, the sums. */
#define MVE_EIGHT_UNIT                                                                             \
    "vldrb.u8 q0, [r5], #16\n"                                                                     \
    "vldrb.u8 q1, [r9], #16\n"                                                                     \
    "veor q0, q0, q3\n"                                                                            \
    "vldrb.u8 q2, [r9], #16\n"                                                                     \
    "vmladava.s8 r0, q0, q1\n"                                                                     \
    "vldrb.u8 q1, [r9], #16\n"                                                                     \
    "vmladava.s8 r2, q0, q2\n"                                                                     \
    "vldrb.u8 q2, [r9], #16\n"                                                                     \
    "vmladava.s8 r4, q0, q1\n"                                                                     \
    "vldrb.u8 q1, [r1], #16\n"                                                                     \
    "vmladava.s8 r6, q0, q2\n"                                                                     \
    "vldrb.u8 q2, [r1], #16\n"                                                                     \
    "vmladava.s8 r8, q0, q1\n"                                                                     \
    "vldrb.u8 q1, [r1], #16\n"                                                                     \
    "vmladava.s8 r10, q0, q2\n"                                                                    \
    "vldrb.u8 q2, [r1], #16\n"                                                                     \
    "vmladava.s8 r12, q0, q1\n"                                                                    \
    "vmladava.s8 lr, q0, q2\n"

void dpt_mve_eight(const void *w, const void *next, const void *x, size_t units, uint32_t flip,
                   int32_t *acc);
/* clang-format off */
__asm__(".syntax unified\n"
        ".thumb\n"
        ".section .text.dpt_mve_eight, \"ax\", %progbits\n"
        ".align 2\n"
        ".global dpt_mve_eight\n"
        ".type dpt_mve_eight, %function\n"
        "dpt_mve_eight:\n"
        "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
        "ldrd r7, r11, [sp, #40]\n"
        "vdup.8 q3, r7\n"
        "mov r9, r0\n"
        "mov r5, r2\n"
        "mov r7, r3\n"
        "ldrd r0, r2, [r11]\n"
        "ldrd r4, r6, [r11, #8]\n"
        "ldrd r8, r10, [r11, #16]\n"
        "ldrd r12, lr, [r11, #24]\n"
        "lsrs r7, r7, #1\n"
        "bcc 1f\n"
        MVE_EIGHT_UNIT
        "1:\n"
        "cmp r7, #0\n"
        "beq 3f\n"
        "2:\n"
        MVE_EIGHT_UNIT MVE_EIGHT_UNIT
        "subs r7, r7, #1\n"
        "bne 2b\n"
        "3:\n"
        "strd r0, r2, [r11]\n"
        "strd r4, r6, [r11, #8]\n"
        "strd r8, r10, [r11, #16]\n"
        "strd r12, lr, [r11, #24]\n"
        "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
        ".size dpt_mve_eight, . - dpt_mve_eight\n"
        ".text\n");
/* clang-format on */

#endif
