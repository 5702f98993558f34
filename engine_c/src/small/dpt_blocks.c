/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit cores that multiply one number at a time. Four channels share each activation that is
 * loaded. Weights are packed 128 larger, and signed activations are read 128 larger, so that all
 * bytes are unsigned: Armv6-M (Cortex-M0+) loads only unsigned bytes with an offset in the
 * instruction. The sum of the activations, times 128, corrects the results for the weights; the
 * packed biases correct them for the activations.
 *
 * Three multiplications make the products for four channels. The weights a, b, c, d of an
 * activation x are the word v = a + 2^8 b + 2^16 c + 2^24 d. The kernel sums the products of x with
 * v, with v >> 16, and with a third word. With A = sum(x a), B = sum(x b) and so on, the first two
 * sums are modulo 2^32
 *
 *     all = A + 2^8 B + 2^16 C + 2^24 D    high = C + 2^8 D
 *
 * Armv6-M and Armv7-M (Cortex-M3), which swap the bytes in each half of a word by REV16, take the
 * third sum of v after that; other cores, to which a swap costs more, of b and d, which are v >> 8
 * after a mask:
 *
 *     swapped = B + 2^8 A + 2^16 D + 2^24 C    odd = B + 2^16 D
 *
 * The three give A, B, C and D as long as each is less than 2^24, as the sum of 256 products of
 * unsigned bytes is. From the last: all - 2^16 high is A + 2^8 B, of which the low 16 bits of B, in
 * odd, leave the 24 bits of A; that gives B, odd - B the low 16 bits of D, and high C and D.
 *
 * Assumes little-endian, and packed tables at multiples of 4 bytes, as generated code has them. It
 * reads activations byte by byte: a core may forbid misaligned words. */
#include "dpt_geometry.h"

#ifdef DPT_BLOCKS
#define WINDOW_PANEL      28
#define WINDOW_VALUES     256
#define SMALL_TAPS        128
#define BLOCKS_NAME(name) dpt_blocks_##name
#include "dpt_blocks_8.inc"

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_7M__)
/* dpt_blocks_dot computes acc = from - less + the products of `units` units of activations, at most
 * WINDOW_VALUES, with `blocks` blocks of weights, `next` bytes apart. Of each block it sums `all`,
 * `high` and `swapped` in r4, r5, r6; r0 and r1 are the addresses of weights and activations, r2 is
 * v, r7 is x, r8 the first activation, r9 where the loop begins, r10 from a block's last weights to
 * the next one's first, r11 the next accumulator, r12 the end of the activations. The loop takes 16
 * activations at a time; it is first entered in the middle, with the addresses moved back by the
 * activations that are left out. */
#ifdef __ARM_ARCH_6M__
#define BLOCKS_VALUE(i)                                                                            \
    "ldrb r7, [r1, #" #i "]\n"                                                                     \
    "ldr r2, [r0, #4 * " #i "]\n"                                                                  \
    "lsrs r3, r2, #16\n"                                                                           \
    "muls r3, r7, r3\n"                                                                            \
    "adds r5, r5, r3\n"                                                                            \
    "rev16 r3, r2\n"                                                                               \
    "muls r3, r7, r3\n"                                                                            \
    "adds r6, r6, r3\n"                                                                            \
    "muls r2, r7, r2\n"                                                                            \
    "adds r4, r4, r2\n"
#else
#define BLOCKS_VALUE(i)                                                                            \
    "ldrb r7, [r1, #" #i "]\n"                                                                     \
    "ldr r2, [r0, #4 * " #i "]\n"                                                                  \
    "lsrs r3, r2, #16\n"                                                                           \
    "mla r5, r3, r7, r5\n"                                                                         \
    "rev16 r3, r2\n"                                                                               \
    "mla r6, r3, r7, r6\n"                                                                         \
    "mla r4, r2, r7, r4\n"
#endif

/* clang-format off */
__asm__(DPT_THUMB("dpt_blocks_dot")
        "push {r4, r5, r6, r7, lr}\n"
        "mov r4, r8\n"
        "mov r5, r9\n"
        "mov r6, r10\n"
        "mov r7, r11\n"
        "push {r4, r5, r6, r7}\n"
        "lsls r4, r3, #2\n"
        "adds r4, r4, r2\n"
        "mov r12, r4\n"
        "rsbs r4, r3, #0\n"
        "movs r5, #3\n"
        "ands r4, r4, r5\n" /* units of the loop that are left out */
        "adds r3, r3, r4\n"
        "lsls r3, r3, #4\n"
        "subs r1, r1, r3\n"
        "mov r10, r1\n"
        "lsls r5, r4, #4\n"
        "subs r0, r0, r5\n"
        "lsls r5, r4, #2\n"
        "subs r2, r2, r5\n"
        "mov r8, r2\n"
        "ldr r5, 6f\n"
        "muls r4, r5, r4\n"
        "adr r5, 1f\n"
        "adds r4, r4, r5\n"
        "adds r4, r4, #1\n" /* Thumb */
        "mov r9, r4\n"
        "ldr r3, [sp, #48]\n"
        "mov r11, r3\n"
        "ldr r2, [sp, #36]\n"
        "lsls r2, r2, #4\n"
        "adds r2, r2, r3\n"
        "str r2, [sp, #36]\n" /* the end of the accumulators */
        "4:\n"
        "movs r4, #0\n"
        "movs r5, #0\n"
        "movs r6, #0\n"
        "mov r1, r8\n"
        "bx r9\n"
        ".align 2\n"
        "1:\n"
        BLOCKS_VALUE(0) BLOCKS_VALUE(1) BLOCKS_VALUE(2) BLOCKS_VALUE(3)
        "2:\n"
        BLOCKS_VALUE(4) BLOCKS_VALUE(5) BLOCKS_VALUE(6) BLOCKS_VALUE(7)
        BLOCKS_VALUE(8) BLOCKS_VALUE(9) BLOCKS_VALUE(10) BLOCKS_VALUE(11)
        BLOCKS_VALUE(12) BLOCKS_VALUE(13) BLOCKS_VALUE(14) BLOCKS_VALUE(15)
        "adds r0, r0, #64\n"
        "adds r1, r1, #16\n"
        "cmp r1, r12\n"
        "beq 3f\n" /* a conditional jump of Armv6-M does not reach 1 */
        "b 1b\n"
        "3:\n"
        "add r0, r10\n"
        "lsls r1, r5, #16\n"
        "subs r4, r4, r1\n" /* A + 2^8 B */
        "lsls r1, r6, #8\n"
        "subs r1, r4, r1\n" /* A - 2^16 A, modulo 2^24 */
        "lsls r2, r1, #16\n"
        "adds r1, r1, r2\n"
        "lsls r1, r1, #8\n"
        "lsrs r1, r1, #8\n" /* A */
        "subs r4, r4, r1\n"
        "lsrs r4, r4, #8\n" /* B */
        "subs r6, r6, r4\n"
        "lsls r2, r1, #8\n"
        "subs r6, r6, r2\n"
        "lsrs r6, r6, #8\n"
        "subs r6, r5, r6\n" /* C - 2^16 C, modulo 2^24 */
        "lsls r2, r6, #16\n"
        "adds r6, r6, r2\n"
        "lsls r6, r6, #8\n"
        "lsrs r6, r6, #8\n" /* C */
        "subs r7, r5, r6\n"
        "lsrs r7, r7, #8\n" /* D */
        "ldr r2, [sp, #44]\n"
        "ldr r5, [sp, #40]\n"
        "ldm r2!, {r3}\n"
        "subs r3, r3, r5\n"
        "adds r1, r1, r3\n"
        "ldm r2!, {r3}\n"
        "subs r3, r3, r5\n"
        "adds r4, r4, r3\n"
        "ldm r2!, {r3}\n"
        "subs r3, r3, r5\n"
        "adds r6, r6, r3\n"
        "ldm r2!, {r3}\n"
        "subs r3, r3, r5\n"
        "adds r7, r7, r3\n"
        "str r2, [sp, #44]\n"
        "mov r3, r11\n"
        "stm r3!, {r1, r4, r6, r7}\n"
        "mov r11, r3\n"
        "ldr r2, [sp, #36]\n"
        "cmp r3, r2\n"
        "beq 5f\n"
        "b 4b\n"
        "5:\n"
        "pop {r4, r5, r6, r7}\n"
        "mov r8, r4\n"
        "mov r9, r5\n"
        "mov r10, r6\n"
        "mov r11, r7\n"
        "pop {r4, r5, r6, r7, pc}\n"
        ".align 2\n"
        "6: .word 2b - 1b\n"
        DPT_THUMB_END("dpt_blocks_dot"));
/* clang-format on */
#endif

#ifdef __ARM_ARCH_6M__
/* dpt_blocks_bytes. */
/* clang-format off */
__asm__(DPT_THUMB("dpt_blocks_bytes")
        "push {r4, r5, r6, r7, lr}\n"
        "mov r4, r8\n"
        "mov r5, r9\n"
        "mov r6, r10\n"
        "mov r7, r11\n"
        "push {r4, r5, r6, r7}\n"
        "mov r12, r3\n"
        "ldm r2!, {r3, r4, r5, r6, r7}\n"
        "mov r8, r3\n"
        "mov r9, r4\n"
        "mov r10, r5\n"
        "mov r11, r6\n"
        "mov lr, r7\n"
        "movs r7, #0\n"
        "1:\n"
        "ldm r0!, {r2}\n"
        "mov r3, r8\n"
        "lsls r2, r3\n"
        "ldm r1!, {r3}\n"
        "asrs r4, r2, #16\n"
        "adcs r4, r7\n" /* a1 */
        "sxth r2, r2\n"
        "lsrs r5, r3, #16\n" /* m1 */
        "uxth r3, r3\n"
        "lsrs r3, r3, #1\n"
        "mov r6, r2\n"
        "muls r6, r3, r6\n"
        "asrs r6, r6, #15\n"
        "muls r2, r5, r2\n"
        "adds r2, r2, r6\n"
        "asrs r2, r2, #1\n"
        "muls r3, r4, r3\n"
        "adds r2, r2, r3\n"
        "add r2, r9\n"
        "asrs r2, r2, #15\n"
        "muls r4, r5, r4\n"
        "adds r2, r2, r4\n"
        "cmp r2, r10\n"
        "bge 2f\n"
        "mov r2, r10\n"
        "2:\n"
        "cmp r2, r11\n"
        "ble 3f\n"
        "mov r2, r11\n"
        "3:\n"
        "mov r3, r12\n"
        "strb r2, [r3]\n"
        "adds r3, r3, #1\n"
        "mov r12, r3\n"
        "cmp r3, lr\n"
        "bne 1b\n"
        "pop {r4, r5, r6, r7}\n"
        "mov r8, r4\n"
        "mov r9, r5\n"
        "mov r10, r6\n"
        "mov r11, r7\n"
        "pop {r4, r5, r6, r7, pc}\n"
        DPT_THUMB_END("dpt_blocks_bytes"));
/* clang-format on */
#endif

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_7M__)
/* A panel of four channels. The functions take packed panels in r0, the taps' base in r1, the
 * first offset of a tap in r2, the number of taps (at least 1) in r3, and on the stack the address
 * of the accumulators, which they write. Then r4 to r7 are accumulators, r8 is the next offset, r9
 * the base, r10 what lies between an offset and its weights, r11 the end of the offsets. */
#define BLOCKS_TAP(EXTEND, to, at)                                                                 \
    "ldrb r3, [r2, #" #at "]\n" EXTEND "muls r3, r0, r3\n"                                         \
    "adds " #to ", " #to ", r3\n"

/* clang-format off */
#define BLOCKS_TAPS(name, EXTEND)                                                                  \
    __asm__(DPT_THUMB(#name)                                                                       \
            "push {r4, r5, r6, r7, lr}\n"                                                          \
            "mov r4, r8\n"                                                                         \
            "mov r5, r9\n"                                                                         \
            "mov r6, r10\n"                                                                        \
            "mov r7, r11\n"                                                                        \
            "push {r4, r5, r6, r7}\n"                                                              \
            "lsls r3, r3, #2\n"                                                                    \
            "adds r3, r3, r2\n"                                                                    \
            "mov r11, r3\n"                                                                        \
            "mov r8, r2\n"                                                                         \
            "mov r9, r1\n"                                                                         \
            "ldm r0!, {r4, r5, r6, r7}\n"                                                          \
            "subs r0, r0, r2\n"                                                                    \
            "subs r0, r0, #4\n"                                                                    \
            "mov r10, r0\n"                                                                        \
            "1:\n"                                                                                 \
            "mov r0, r8\n"                                                                         \
            "ldm r0!, {r2}\n"                                                                      \
            "mov r8, r0\n"                                                                         \
            "add r2, r9\n"                                                                         \
            "add r0, r10\n"                                                                        \
            "ldr r1, [r0]\n"                                                                       \
            "sxtb r0, r1\n"                                                                        \
            BLOCKS_TAP(EXTEND, r4, 0)                                                              \
            "lsls r0, r1, #16\n"                                                                   \
            "asrs r0, r0, #24\n"                                                                   \
            BLOCKS_TAP(EXTEND, r5, 1)                                                              \
            "lsls r0, r1, #8\n"                                                                    \
            "asrs r0, r0, #24\n"                                                                   \
            BLOCKS_TAP(EXTEND, r6, 2)                                                              \
            "asrs r0, r1, #24\n"                                                                   \
            BLOCKS_TAP(EXTEND, r7, 3)                                                              \
            "cmp r8, r11\n"                                                                        \
            "bne 1b\n"                                                                             \
            "ldr r0, [sp, #36]\n"                                                                  \
            "stm r0!, {r4, r5, r6, r7}\n"                                                          \
            "pop {r4, r5, r6, r7}\n"                                                               \
            "mov r8, r4\n"                                                                         \
            "mov r9, r5\n"                                                                         \
            "mov r10, r6\n"                                                                        \
            "mov r11, r7\n"                                                                        \
            "pop {r4, r5, r6, r7, pc}\n"                                                           \
            DPT_THUMB_END(#name))
/* clang-format on */

BLOCKS_TAPS(dpt_blocks_taps_u8, "");
BLOCKS_TAPS(dpt_blocks_taps_i8, "sxtb r3, r3\n");
#endif

/* Only tables of generated code name the kernels of few bits. */
const dpt_backend dpt_blocks = {"blocks",
                                dpt_always,
                                DPT_PACKING_BLOCKS,
                                {[DPT_CONV] = dpt_blocks_conv,
                                 [DPT_DENSE] = dpt_blocks_dense,
                                 [DPT_DEPTHWISE] = dpt_blocks_depthwise,
                                 [DPT_GROUPED] = dpt_blocks_grouped,
                                 DPT_VALUES_KERNELS},
                                dpt_run_rows};
#endif
