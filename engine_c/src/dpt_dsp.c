/* SPDX-License-Identifier: Apache-2.0 */
/* Cortex-M with the DSP extension (M4, M7, M33): SMLAD adds two 16-bit products to a 32-bit sum.
 *
 * Four channels take three SMLAD for each two activations. The weights a, b, c, d of the channels
 * are packed as the 16-bit numbers (a + 128) + 256 b and c + 256 d. The kernel sums the products of
 * an activation x with both numbers and with b + 256 c, which takes two instructions to compute.
 * With A = sum(x a), B = sum(x b) and so on, and 128 sum(x) subtracted from the first, these are
 * modulo 2^32
 *
 *     t = A + 2^8 B        u = C + 2^8 D        v = B + 2^8 C
 *     t - 2^8 v + 2^16 u = A + 2^24 D = A modulo 2^24
 *
 * This gives A, then B from t, C from v and D from u, as long as each lies between -2^23 and
 * 2^23 - 1. That holds for WINDOW_VALUES products of bytes, even where A includes 128 sum(x). */
#include "dpt_internal.h"

#ifdef DPT_DSP
#include <string.h>

enum {
    WINDOW_COUNT = 2,
    WINDOW_VALUES = 100,
    WINDOW_GROUP = 28,
    WINDOW_UNIT = 4,
    WINDOW_BLOCK = 4,
    WINDOW_DENSE_CHANNELS = 4
};
enum { DSP_JOIN = 64 }; /* windows of at most so many activations are copied by words first */

/* Activations as 16-bit pairs. Each unit has the even ones of window 0, the even ones of window 1,
 * the odd ones of window 0, the odd ones of window 1. */
typedef struct window_buffer {
    uint32_t less[WINDOW_COUNT]; /* -128 times the sum of a window, which corrects for a + 128 */
    uint32_t words[WINDOW_VALUES / WINDOW_UNIT * 4];
} window_buffer;

/* One number of a pair, which may be written into a word of the buffer. */
typedef uint16_t __attribute__((may_alias)) dsp_half;

/* Bytes 0 and 2, or 1 and 3, of a word of activations as a pair of 16-bit numbers. */
#define DSP_BYTES(name, rotated)                                                                   \
    static inline uint32_t name(uint32_t v, int type) {                                            \
        uint32_t pair;                                                                             \
        if (type == DPT_U8) {                                                                      \
            __asm__("uxtb16 %0, %1" rotated : "=r"(pair) : "r"(v));                                \
        } else {                                                                                   \
            __asm__("sxtb16 %0, %1" rotated : "=r"(pair) : "r"(v));                                \
        }                                                                                          \
        return pair;                                                                               \
    }
DSP_BYTES(dsp_even_bytes, "")
DSP_BYTES(dsp_odd_bytes, ", ror #8")

/* `sum` minus 128 times each of the two activations of a pair. */
static inline uint32_t dsp_less_pair(uint32_t sum, uint32_t pair) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(pair), "r"(0xFF80FF80));
    return sum;
}

/* cppcheck-suppress constParameterPointer ; `halves` and `to` write to the buffer */
static void window_put(window_buffer *x, size_t p, size_t k, const uint8_t *from, size_t n,
                       int type) {
    uint32_t *to = x->words + k / WINDOW_UNIT * 4 + p;
    dsp_half *halves = (dsp_half *)to;
    uint32_t less = k == 0 ? 0 : x->less[p];
    for (; n > 0 && k % WINDOW_UNIT != 0; n--, k++) { /* up to a whole unit */
        const uint32_t v = from == NULL ? 0 : dsp_even_bytes(*from++, type);
        halves[(k & 1u) * 4 + (k >> 1 & 1u)] = (uint16_t)v;
        less = dsp_less_pair(less, v & 0xFFFFu);
        to += (k & 3u) == 3 ? 4 : 0;
    }
    for (const uint32_t *end = to + n / WINDOW_UNIT * 4; to < end; to += 4) {
        uint32_t v = 0;
        if (from != NULL) {
            memcpy(&v, from, sizeof v);
            from += WINDOW_UNIT;
        }
        const uint32_t even = dsp_even_bytes(v, type), odd = dsp_odd_bytes(v, type);
        to[0] = even;
        to[2] = odd;
        less = dsp_less_pair(dsp_less_pair(less, even), odd);
    }
    n %= WINDOW_UNIT;
    halves = (dsp_half *)to;
    for (k = 0; k < n; k++) {
        const uint32_t v = from == NULL ? 0 : dsp_even_bytes(*from++, type);
        halves[(k & 1u) * 4 + (k >> 1)] = (uint16_t)v;
        less = dsp_less_pair(less, v & 0xFFFFu);
    }
    x->less[p] = less;
}

static void window_whole(window_buffer *x, size_t p, const uint8_t *from, const dpt_op *op) {
    const size_t length = (size_t)op->kernel_w * op->in.c, n = op->kernel_h * length;
    const size_t pitch = (size_t)op->in.w * op->in.c;
    if (n > DSP_JOIN || length < 4) {
        for (size_t k = 0; k < n; k += length, from += pitch) {
            window_put(x, p, k, from, length, op->in.type);
        }
        return;
    }
    /* Rows are copied by words to the end of the buffer, behind the bytes that n activations fill.
     * The last word of a row overlaps the word before it. */
    uint8_t *const joined = (uint8_t *)(x->words + WINDOW_VALUES) - DSP_JOIN, *to = joined;
    for (size_t k = 0; k < n; k += length, from += pitch, to += length) {
        for (size_t i = 0; i < length - 4; i += 4) {
            memcpy(to + i, from + i, 4);
            __asm__("" : "+r"(i)); /* or the compiler would call memcpy for the loop */
        }
        memcpy(to + length - 4, from + length - 4, 4);
    }
    window_put(x, p, 0, joined, n, op->in.type);
}

/* Computes b + 256 c of two weights of four channels from r9 and r10, in r10. lr has a mask. */
#define DSP_MIDDLE                                                                                 \
    "and r10, lr, r10, lsl #8\n"                                                                   \
    "sxtab16 r10, r10, r9, ror #8\n"

/* Computes A, B, C, D from t, u, v (all but A times 2^8) in r9 to r12, adds the accumulators at r0
 * and writes the results to r1. Destroys r2, r3, r4, lr. */
#define DSP_FOUND(t, u, v)                                                                         \
    "sub r9, " #t ", " #v ", lsl #8\n"                                                             \
    "add r9, r9, " #u ", lsl #16\n"                                                                \
    "sbfx r9, r9, #0, #24\n"                                                                       \
    "sub r10, " #t ", r9\n"                                                                        \
    "sub r11, " #v ", r10, asr #8\n"                                                               \
    "sub r12, " #u ", r11, asr #8\n"                                                               \
    "ldm r0, {r2, r3, r4, lr}\n"                                                                   \
    "add r9, r9, r2\n"                                                                             \
    "add r10, r3, r10, asr #8\n"                                                                   \
    "add r11, r4, r11, asr #8\n"                                                                   \
    "add r12, lr, r12, asr #8\n"                                                                   \
    "stm r1, {r9, r10, r11, r12}\n"

/* Half a unit of four channels at two windows. dpt_dsp_pair takes weights in r0, the buffer in r1,
 * units (at least 1) in r2, and in r3 the address of the results of window 0; the results of
 * window 1 lie WINDOW_GROUP behind. On the stack: the addresses of the initial accumulators of both
 * windows. Then r3, r4, r5 are t, u, v of window 0, and r6, r7, r8 of window 1. */
#define DSP_HALF_UNIT                                                                              \
    "ldm r0!, {r9, r10}\n"                                                                         \
    "ldm r1!, {r11, r12}\n"                                                                        \
    "smlad r3, r11, r9, r3\n"                                                                      \
    "smlad r6, r12, r9, r6\n"                                                                      \
    "smlad r4, r11, r10, r4\n"                                                                     \
    "smlad r7, r12, r10, r7\n" DSP_MIDDLE "smlad r5, r11, r10, r5\n"                               \
    "smlad r8, r12, r10, r8\n"

void dpt_dsp_pair(const void *w, const void *x, size_t units, int32_t *acc, const int32_t *from,
                  const int32_t *from_next);
/* clang-format off */
__asm__(".syntax unified\n"
        ".thumb\n"
        ".section .text.dpt_dsp_pair, \"ax\", %progbits\n"
        ".align 2\n"
        ".global dpt_dsp_pair\n"
        ".type dpt_dsp_pair, %function\n"
        "dpt_dsp_pair:\n"
        "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
        "ldm r1!, {r3, r6}\n"
        "movs r4, #0\n"
        "movs r5, #0\n"
        "movs r7, #0\n"
        "mov r8, #0\n"
        "mov lr, #0xFF00FF00\n"
        "lsrs r2, r2, #1\n"
        "bcc 1f\n"
        DSP_HALF_UNIT DSP_HALF_UNIT
        "cmp r2, #0\n"
        "beq 2f\n"
        "1:\n"
        DSP_HALF_UNIT DSP_HALF_UNIT DSP_HALF_UNIT DSP_HALF_UNIT
        "subs r2, r2, #1\n"
        "bne 1b\n"
        "2:\n"
        "ldr r0, [sp, #40]\n"
        "ldr r1, [sp]\n"
        DSP_FOUND(r3, r4, r5)
        "ldr r0, [sp, #44]\n"
        "adds r1, r1, #112\n"
        DSP_FOUND(r6, r7, r8)
        "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
        ".size dpt_dsp_pair, . - dpt_dsp_pair\n"
        ".text\n");
/* clang-format on */
typedef char dpt_dsp_group_is_28[4 * WINDOW_GROUP == 112 ? 1 : -1];

/* Half a unit of four channels with the input of a dense op. The functions below take weights in
 * r0, the bytes in r1, units in r2, and in r3 the address of the accumulators, to which they add.
 * Then r5, r6, r7 are t, u, v, r4 has two activations, r3 four. */
#define DSP_ROW_HALF(low, high)                                                                    \
    "smlad r5, r4, " #low ", r5\n"                                                                 \
    "smlad r6, r4, " #high ", r6\n"                                                                \
    "and " #high ", lr, " #high ", lsl #8\n"                                                       \
    "sxtab16 " #high ", " #high ", " #low ", ror #8\n"                                             \
    "smlad r7, r4, " #high ", r7\n"

/* clang-format off */
#define DSP_ROW_UNIT(EXTEND)                                                                          \
    "ldr r3, [r1], #4\n"                                                                           \
    "ldm r0!, {r8, r9, r10, r11}\n"                                                                \
    EXTEND " r4, r3\n"                                                                             \
    DSP_ROW_HALF(r8, r9)                                                                              \
    EXTEND " r4, r3, ror #8\n"                                                                     \
    DSP_ROW_HALF(r10, r11)

#define DSP_ROW(name, EXTEND)                                                                        \
    void name(const void *w, const void *x, size_t units, int32_t *acc);                          \
    __asm__(".syntax unified\n"                                                                    \
            ".thumb\n"                                                                             \
            ".section .text." #name ", \"ax\", %progbits\n"                                        \
            ".align 2\n"                                                                           \
            ".global " #name "\n"                                                                  \
            ".type " #name ", %function\n"                                                         \
            #name ":\n"                                                                            \
            "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"                                    \
            "movs r5, #0\n"                                                                        \
            "movs r6, #0\n"                                                                        \
            "movs r7, #0\n"                                                                        \
            "mov lr, #0xFF00FF00\n"                                                                \
            "lsrs r2, r2, #1\n"                                                                    \
            "bcc 1f\n"                                                                             \
            DSP_ROW_UNIT(EXTEND)                                                                      \
            "cmp r2, #0\n"                                                                         \
            "beq 2f\n"                                                                             \
            "1:\n"                                                                                 \
            DSP_ROW_UNIT(EXTEND) DSP_ROW_UNIT(EXTEND)                                                    \
            "subs r2, r2, #1\n"                                                                    \
            "bne 1b\n"                                                                             \
            "2:\n"                                                                                 \
            "ldr r0, [sp]\n"                                                                       \
            "mov r1, r0\n"                                                                         \
            DSP_FOUND(r5, r6, r7)                                                                      \
            "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"                                     \
            ".size " #name ", . - " #name "\n"                                                     \
            ".text\n")
/* clang-format on */

DSP_ROW(dpt_dsp_row_u8, "uxtb16");
DSP_ROW(dpt_dsp_row_i8, "sxtb16");

static void window_dot(const uint8_t *w, size_t next, const window_buffer *x, size_t units,
                       size_t blocks, const int32_t *from, size_t apart, int32_t *acc) {
    for (; blocks > 0; blocks--, from += WINDOW_BLOCK, acc += WINDOW_BLOCK, w += next) {
        dpt_dsp_pair(w, x, units, acc, from, from + apart);
    }
}

static inline void window_dense_begin(const uint8_t *x, size_t n, int type, int32_t *acc) {
    uint32_t less = 0;
    for (size_t i = 0; i < n; i++) {
        less = dsp_less_pair(less, dsp_even_bytes(x[i], type) & 0xFFFFu);
    }
    acc[0] = (int32_t)less;
    acc[1] = acc[2] = acc[3] = 0;
}

static inline void window_dense_dot(const uint8_t *w, size_t next, const uint8_t *x, size_t units,
                                    int type, int32_t *acc) {
    (void)next;
    for (size_t n; units > 0;
         units -= n, w += n * WINDOW_UNIT * WINDOW_BLOCK, x += n * WINDOW_UNIT) {
        n = units < WINDOW_VALUES / WINDOW_UNIT ? units : WINDOW_VALUES / WINDOW_UNIT;
        if (type == DPT_U8) {
            dpt_dsp_row_u8(w, x, n, acc);
        } else {
            dpt_dsp_row_i8(w, x, n, acc);
        }
    }
}

static void window_store(const dpt_op *op, const int32_t *acc, const int32_t *mult, void *out,
                         size_t index, size_t n) {
    const int32_t lo = op->lo, hi = op->hi, zero = op->out.zero;
    const int shift = op->shift;
    if (op->out.type == DPT_U8 && lo == 0 && hi == 255) { /* after a ReLU */
        uint8_t *to = (uint8_t *)out + index;
        for (size_t i = 0; i < n; i++) {
            uint32_t y;
            __asm__("smmulr %0, %1, %2\n\tusat %0, #8, %0"
                    : "=r"(y)
                    : "r"((uint32_t)acc[i] << shift), "r"(mult[i]));
            to[i] = (uint8_t)y;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int32_t y;
        __asm__("smmlar %0, %1, %2, %3"
                : "=r"(y)
                : "r"((uint32_t)acc[i] << shift), "r"(mult[i]), "r"(zero));
        dpt_store(op, out, index + i, y < lo ? lo : y > hi ? hi : y);
    }
}

#define WINDOW_DENSE
#include "dpt_window.inc"

/* Depthwise convolutions: two taps of a channel are a pair of 16-bit numbers, and so are their
 * weights. */
static inline uint32_t dsp_low_halves(uint32_t x, uint32_t y) {
    uint32_t pair;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(pair) : "r"(x), "r"(y));
    return pair;
}

static inline uint32_t dsp_high_halves(uint32_t x, uint32_t y) {
    uint32_t pair;
    __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(pair) : "r"(x), "r"(y));
    return pair;
}

static inline uint32_t dsp_add_pair(uint32_t sum, uint32_t a, uint32_t w) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(w));
    return sum;
}

#define DEPTHWISE_TARGET
enum { DEPTHWISE_GROUP = 4, DEPTHWISE_UNIT = 2, DEPTHWISE_FEW = 0 };

static inline const uint8_t *depthwise_group(const int SIGNED, const dpt_op *op,
                                             const uint8_t *packed, size_t n,
                                             const uint8_t *const *tap, size_t at, void *out,
                                             size_t index) {
    const int32_t *bias = (const int32_t *)(const void *)packed, *mult = bias + DEPTHWISE_GROUP;
    const uint32_t *w = (const uint32_t *)(const void *)(mult + DEPTHWISE_GROUP);
    const int type = SIGNED ? DPT_I8 : DPT_U8;
    int32_t acc[DEPTHWISE_GROUP];
    uint32_t a0 = (uint32_t)bias[0], a1 = (uint32_t)bias[1], a2 = (uint32_t)bias[2],
             a3 = (uint32_t)bias[3];
    for (size_t i = 0; i < n; i += 2, w += 4) {
        uint32_t x, y;
        memcpy(&x, tap[i] + at, sizeof x);
        memcpy(&y, tap[i + 1] + at, sizeof y);
        const uint32_t even_x = dsp_even_bytes(x, type), odd_x = dsp_odd_bytes(x, type);
        const uint32_t even_y = dsp_even_bytes(y, type), odd_y = dsp_odd_bytes(y, type);
        a0 = dsp_add_pair(a0, dsp_low_halves(even_x, even_y), w[0]);
        a1 = dsp_add_pair(a1, dsp_low_halves(odd_x, odd_y), w[1]);
        a2 = dsp_add_pair(a2, dsp_high_halves(even_x, even_y), w[2]);
        a3 = dsp_add_pair(a3, dsp_high_halves(odd_x, odd_y), w[3]);
    }
    acc[0] = (int32_t)a0;
    acc[1] = (int32_t)a1;
    acc[2] = (int32_t)a2;
    acc[3] = (int32_t)a3;
    window_store(op, acc, mult, out, index, DEPTHWISE_GROUP);
    return (const uint8_t *)w;
}

#include "dpt_depthwise.inc"

static int dsp_available(void) {
    return 1;
}

void dpt_dsp_conv(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    window_conv(op, in[0], out, n);
}

void dpt_dsp_dense(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    window_dense(op, in[0], out, n);
}

void dpt_dsp_depthwise(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    depthwise_each(op, in, out, n);
}

const dpt_backend dpt_dsp = {"dsp",
                             dsp_available,
                             DPT_PACKING_DSP,
                             {[DPT_CONV] = dpt_dsp_conv,
                              [DPT_DENSE] = dpt_dsp_dense,
                              [DPT_DEPTHWISE] = dpt_dsp_depthwise,
                              [DPT_ADD] = dpt_scalar_add,
                              [DPT_MAXPOOL] = dpt_scalar_maxpool,
                              [DPT_AVGPOOL] = dpt_scalar_avgpool,
                              [DPT_CONCAT] = dpt_scalar_concat,
                              [DPT_LOOKUP] = dpt_scalar_lookup,
                              DPT_PLAIN_KERNELS}};
#else
typedef int dpt_dsp_is_empty; /* C has no empty files */
#endif
