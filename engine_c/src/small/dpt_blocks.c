/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit cores that multiply one number at a time. Four channels share each activation that is
 * loaded. Weights are packed 128 larger, and signed activations are read 128 larger, so that all
 * bytes are unsigned: Armv6-M (Cortex-M0+) loads only unsigned bytes with an offset in the
 * instruction. The sum of the activations, times 128, corrects the results for the weights; the
 * packed biases correct them for the activations.
 *
 * Armv6-M and Armv7-M (Cortex-M3) need three multiplications for four channels. The weights a, b,
 * c, d of an activation x are the word v = a + 2^8 b + 2^16 c + 2^24 d. The kernel sums the
 * products of x with v, with v >> 16, and with v after its bytes are swapped in each half (REV16).
 * With A = sum(x a), B = sum(x b) and so on, these are modulo 2^32
 *
 *     all = A + 2^8 B + 2^16 C + 2^24 D    high = C + 2^8 D
 *     swapped = B + 2^8 A + 2^16 D + 2^24 C
 *
 * The three give A, B, C and D as long as each is less than 2^24, as the sum of 256 products of
 * unsigned bytes is.
 *
 * Assumes little-endian, and packed tables at multiples of 4 bytes, as generated code has them. It
 * reads activations byte by byte: a core may forbid misaligned words. */
#include "dpt_geometry.h"

#ifdef DPT_BLOCKS
#include "dpt_blocks_window.inc"

#define WINDOW_COUNT  1
#define WINDOW_VALUES 256
#define WINDOW_DENSE  256
typedef uint8_t blocks_value;
#include "dpt_blocks_buffer.inc"

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_7M__)
/* One activation for dpt_blocks_three, which computes `all`, `high` and `swapped` of unsigned
 * activations. It takes weights in r0, activations in r1, units (1 to 64) in r2, and in r3 the
 * address of the three results, kept in r4, r5, r6. Then r2 is v, r7 is x, and r12 the end of the
 * activations. The loop takes 16 activations at a time; it is first entered in the middle, with the
 * addresses moved back by the activations that are left out. */
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

void dpt_blocks_three(const void *w, const void *x, size_t units, uint32_t *acc);
/* clang-format off */
__asm__(DPT_THUMB("dpt_blocks_three")
        "push {r3, r4, r5, r6, r7, lr}\n"
        "lsls r3, r2, #2\n"
        "adds r3, r3, r1\n"
        "mov r12, r3\n"
        "rsbs r2, r2, #0\n"
        "movs r3, #3\n"
        "ands r2, r2, r3\n" /* units of the loop that are left out */
        "lsls r3, r2, #4\n"
        "subs r0, r0, r3\n"
        "lsls r3, r2, #2\n"
        "subs r1, r1, r3\n"
        "ldr r3, 4f\n"
        "muls r2, r3, r2\n"
        "adr r3, 1f\n"
        "adds r2, r2, r3\n"
        "adds r2, r2, #1\n" /* Thumb */
        "movs r4, #0\n"
        "movs r5, #0\n"
        "movs r6, #0\n"
        "bx r2\n"
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
        "pop {r3}\n"
        "stm r3!, {r4, r5, r6}\n"
        "pop {r4, r5, r6, r7, pc}\n"
        ".align 2\n"
        "4: .word 2b - 1b\n"
        DPT_THUMB_END("dpt_blocks_three"));
/* clang-format on */

/* Adds the products of at most WINDOW_VALUES activations to the accumulators of four channels. */
static inline void blocks_add_products(const uint8_t *w, const uint8_t *x, size_t units,
                                       uint32_t *acc) {
    uint32_t of[3];
    dpt_blocks_three(w, x, units, of);
    const uint32_t high = of[1], swapped = of[2], low = of[0] - (high << 16); /* A + 2^8 B */
    uint32_t a = low - (swapped << 8); /* A - 2^16 A, modulo 2^24 */
    a = (a + (a << 16)) & 0xFFFFFFu;
    const uint32_t b = (low - a) >> 8;
    uint32_t c = high - ((swapped - b - (a << 8)) >> 8); /* C - 2^16 C, modulo 2^24 */
    c = (c + (c << 16)) & 0xFFFFFFu;
    acc[0] += a;
    acc[1] += b;
    acc[2] += c;
    acc[3] += (high - c) >> 8;
}
#else
static void blocks_add_products(const uint8_t *w, const uint8_t *x, size_t units, uint32_t *acc) {
    uint32_t a = acc[0], b = acc[1], c = acc[2], d = acc[3];
    for (; units > 0; units--, x += WINDOW_UNIT, w += WINDOW_UNIT * WINDOW_BLOCK) {
        for (size_t k = 0; k < WINDOW_UNIT; k++) { /* a constant count is unrolled */
            const uint32_t v = x[k];
            a += v * w[WINDOW_BLOCK * k];
            b += v * w[WINDOW_BLOCK * k + 1];
            c += v * w[WINDOW_BLOCK * k + 2];
            d += v * w[WINDOW_BLOCK * k + 3];
#ifdef __xtensa__
            /* In this order: gcc would load all weights first, for which it has no registers. */
            __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d) : : "memory");
#endif
        }
    }
    acc[0] = a;
    acc[1] = b;
    acc[2] = c;
    acc[3] = d;
}
#endif

/* acc = from - less + the products of the activations x with `blocks` blocks of weights. */
#ifdef __thumb__
DPT_NOINLINE /* fewer bytes of stack */
#elif defined(__riscv)
inline
#endif
    DPT_IN_FAST static void blocks_dot(const uint8_t *w, size_t next, const uint8_t *x,
                                       size_t units, size_t blocks, uint32_t less,
                                       const int32_t *from, int32_t *acc) {
    for (uint32_t *to = (uint32_t *)acc; blocks > 0;
         blocks--, from += WINDOW_BLOCK, to += WINDOW_BLOCK) {
        for (size_t c = 0; c < WINDOW_BLOCK; c++) {
            to[c] = (uint32_t)from[c] - less;
        }
        blocks_add_products(w, x, units, to);
        w += next;
    }
}

static inline void window_dot(const uint8_t *w, size_t next, const window_buffer *x, size_t units,
                              size_t blocks, const int32_t *from, size_t apart, int32_t *acc) {
    (void)apart;
    blocks_dot(w, next, x->values, units, blocks, 128 * x->sums[0], from, acc);
}

static inline void window_dense_dot(const uint8_t *w, size_t next, const uint8_t *x, size_t units,
                                    const uint8_t *last, size_t blocks, uint32_t sum,
                                    const int32_t *from, int type, int32_t *acc) {
    (void)type;
    for (; x != NULL; x = last, last = NULL, from = acc, sum = 0) {
        blocks_dot(w, next, x, units, blocks, 128 * sum, from, acc);
        w += units * WINDOW_UNIT * WINDOW_BLOCK;
        units = 1;
    }
}

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

#include "dpt_window.inc"

/* Depthwise convolutions: four channels share the address of a tap, and the word that has their
 * weights. */
enum { SMALL_UNIT = 1 };

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
    void name(const uint8_t *packed, uintptr_t base, const uintptr_t *offset, size_t n,            \
              int32_t *acc);                                                                       \
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
#else
static inline void blocks_taps(const int SIGNED, const uint8_t *packed, uintptr_t base,
                               const uintptr_t *offset, size_t n, int32_t *acc) {
    const int32_t *bias = (const int32_t *)(const void *)packed;
    const int8_t *w = (const int8_t *)(bias + WINDOW_BLOCK);
    int32_t a = bias[0], b = bias[1], c = bias[2], d = bias[3];
    for (size_t i = 0; i < n; i++, w += WINDOW_BLOCK) {
        const uint8_t *u = (const uint8_t *)(base + offset[i]);
        const int8_t *s = (const int8_t *)u;
        a += (SIGNED ? s[0] : u[0]) * w[0];
        b += (SIGNED ? s[1] : u[1]) * w[1];
        c += (SIGNED ? s[2] : u[2]) * w[2];
        d += (SIGNED ? s[3] : u[3]) * w[3];
    }
    acc[0] = a;
    acc[1] = b;
    acc[2] = c;
    acc[3] = d;
}

static void dpt_blocks_taps_u8(const uint8_t *packed, uintptr_t base, const uintptr_t *offset,
                               size_t n, int32_t *acc) {
    blocks_taps(0, packed, base, offset, n, acc);
}

static void dpt_blocks_taps_i8(const uint8_t *packed, uintptr_t base, const uintptr_t *offset,
                               size_t n, int32_t *acc) {
    blocks_taps(1, packed, base, offset, n, acc);
}
#endif

typedef int small_output; /* blocks_store reads the op */
#define small_output_of(op) 0

static const uint8_t *small_run(const dpt_op *op, const small_output *how, const uintptr_t *offset,
                                size_t n, const uint8_t *packed, size_t panels, uintptr_t base,
                                uint8_t *out) {
    (void)how;
    int32_t acc[WINDOW_BLOCK];
    for (; panels > 0; panels--, base += WINDOW_BLOCK, out += WINDOW_BLOCK) {
        const uint8_t *mult = packed + sizeof acc + n * WINDOW_BLOCK;
        if (op->in.type == DPT_I8) {
            dpt_blocks_taps_i8(packed, base, offset, n, acc);
        } else {
            dpt_blocks_taps_u8(packed, base, offset, n, acc);
        }
        blocks_store(op, acc, (const int32_t *)(const void *)mult, out, WINDOW_BLOCK);
        packed = mult + sizeof acc;
    }
    return packed;
}

#include "dpt_depthwise_small.inc"

DPT_KERNEL(dpt_blocks_conv, window_conv)
DPT_KERNEL(dpt_blocks_grouped, window_grouped)
DPT_KERNEL(dpt_blocks_dense, window_dense)
DPT_KERNEL(dpt_blocks_single, small_single)
SMALL_DEPTHWISE(dpt_blocks_depthwise, small_single)

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
