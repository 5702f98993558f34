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
 * 2^23 - 1. In a window 128 sum(x) is subtracted first, so that |A| <= 144 * 255 * 127 < 2^23. In
 * the rows of a dense op A includes 128 sum(x), and 128 * 255 * 255 < 2^23.
 *
 * Assumes little-endian, packed tables at multiples of 4 bytes, and LDR and STR at any address:
 * CCR.UNALIGN_TRP is 0, and the memory is Normal. It writes the Q and GE flags, which belong to no
 * caller. */
#include "dpt_geometry.h"

#ifdef DPT_DSP
#include "dpt_dsp_window.inc"

#define WINDOW_DENSE            128 /* values that dpt_dsp_dense_u8 and _i8 multiply, at most */
#define WINDOW_COPY             WINDOW_UNIT
#define window_dense_flip(type) 0u

/* Copies a unit from r1 to r0 and adds its bytes to r6. r3 is the flip, r7 is 0. */
#define DSP_PUT_UNIT                                                                               \
    "ldr r4, [r1], #4\n"                                                                           \
    "eors r4, r3\n"                                                                                \
    "usada8 r6, r4, r7, r6\n"                                                                      \
    "uxtb16 r5, r4, ror #8\n"                                                                      \
    "uxtb16 r4, r4\n"                                                                              \
    "str r5, [r0, #8]\n"                                                                           \
    "str r4, [r0], #16\n"

/* dpt_dsp_put. */
/* clang-format off */
__asm__(DPT_THUMB("dpt_dsp_put")
        "push {r4, r5, r6, r7}\n"
        "movs r6, #0\n"
        "movs r7, #0\n"
        DSP_LOOP(DSP_PUT_UNIT, DSP_PUT_UNIT)
        "mov r0, r6\n"
        "pop {r4, r5, r6, r7}\n"
        "bx lr\n"
        DPT_THUMB_END("dpt_dsp_put"));
/* clang-format on */

/* dpt_dsp_put_taps. r2 is the flip, r6 and r7 the sums, r8 is 0, lr the end of a tap; on the stack,
 * `size` and the end of the addresses. */
/* clang-format off */
__asm__(DPT_THUMB("dpt_dsp_put_taps")
        "push {r0, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
        "ldrd lr, r12, [sp, #40]\n"
        "add r2, r1, r2, lsl #3\n"
        "str r2, [sp, #44]\n"
        "mov r2, r12\n"
        "add lr, lr, r3\n"
        "adds r0, #8\n"
        "movs r6, #0\n"
        "movs r7, #0\n"
        "mov r8, #0\n"
        "1:\n"
        "ldm r1!, {r4, r5}\n"
        "2:\n"
        "ldr r9, [r4, r3]\n"
        "ldr r10, [r5, r3]\n"
        "eor r9, r9, r2\n"
        "eor r10, r10, r2\n"
        "usada8 r6, r9, r8, r6\n"
        "usada8 r7, r10, r8, r7\n"
        "uxtb16 r11, r9, ror #8\n"
        "uxtb16 r12, r10, ror #8\n"
        "uxtb16 r9, r9\n"
        "uxtb16 r10, r10\n"
        "stm r0!, {r9, r10, r11, r12}\n"
        "adds r3, #4\n"
        "cmp r3, lr\n"
        "bne 2b\n"
        "ldrd r9, r10, [sp, #40]\n"
        "subs r3, r3, r9\n"
        "cmp r1, r10\n"
        "bne 1b\n"
        "pop {r0}\n"
        "sub r6, r8, r6, lsl #7\n"
        "sub r7, r8, r7, lsl #7\n"
        "strd r6, r7, [r0]\n"
        "pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
        DPT_THUMB_END("dpt_dsp_put_taps"));
/* clang-format on */

/* Computes b + 256 c of two weights of four channels from r9 and r10, in r10. lr has a mask. */
#define DSP_MIDDLE                                                                                 \
    "and r10, lr, r10, lsl #8\n"                                                                   \
    "sxtab16 r10, r10, r9, ror #8\n"

/* Computes A, B, C, D from t, u, v (all but A times 2^8) in r9 to r12, adds the accumulators at r0
 * and writes the results to r1. `more` adds to A, in r9. Destroys r2, r3, r4, lr. */
#define DSP_FOUND(t, u, v, more)                                                                   \
    "sub r9, " #t ", " #v ", lsl #8\n"                                                             \
    "add r9, r9, " #u ", lsl #16\n"                                                                \
    "sbfx r9, r9, #0, #24\n"                                                                       \
    "sub r10, " #t ", r9\n"                                                                        \
    "sub r11, " #v ", r10, asr #8\n"                                                               \
    "sub r12, " #u ", r11, asr #8\n"                                                               \
    "ldm r0, {r2, r3, r4, lr}\n" more "add r9, r9, r2\n"                                           \
    "add r10, r3, r10, asr #8\n"                                                                   \
    "add r11, r4, r11, asr #8\n"                                                                   \
    "add r12, lr, r12, asr #8\n"                                                                   \
    "stm r1, {r9, r10, r11, r12}\n"

/* Half a unit of four channels at two windows. dpt_dsp_pair takes weights in r0, the buffer in r1,
 * units (at least 1) in r2, and in r3 the address of the results of window 0; the results of
 * window 1 lie WINDOW_PANEL behind. On the stack: the addresses of the initial accumulators of both
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
__asm__(DPT_THUMB("dpt_dsp_pair")
        "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
        "ldm r1!, {r3, r6}\n"
        "movs r4, #0\n"
        "movs r5, #0\n"
        "movs r7, #0\n"
        "mov r8, #0\n"
        "mov lr, #0xFF00FF00\n"
        DSP_LOOP(DSP_HALF_UNIT DSP_HALF_UNIT, DSP_HALF_UNIT DSP_HALF_UNIT)
        "ldr r0, [sp, #40]\n"
        "ldr r1, [sp]\n"
        DSP_FOUND(r3, r4, r5, "")
        "ldr r0, [sp, #44]\n"
        "adds r1, r1, #112\n"
        DSP_FOUND(r6, r7, r8, "")
        "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
        DPT_THUMB_END("dpt_dsp_pair"));
/* clang-format on */
DPT_STATIC_ASSERT(dpt_dsp_panel_is_28, 4 * WINDOW_PANEL == 112);

/* Half a unit of four channels with the input of a dense op. The functions below take weights in
 * r0, the bytes in r1, units (at least 1) in r2, and in r3 the address of the results; on the
 * stack the address of the initial accumulators, the address of one more unit or NULL, and what is
 * added to A. Then r5, r6, r7 are t, u, v, r4 has two activations, r3 four, r12 is the address of
 * the further unit. */
#define DSP_DENSE_HALF(low, high)                                                                  \
    "smlad r5, r4, " #low ", r5\n"                                                                 \
    "smlad r6, r4, " #high ", r6\n"                                                                \
    "and " #high ", lr, " #high ", lsl #8\n"                                                       \
    "sxtab16 " #high ", " #high ", " #low ", ror #8\n"                                             \
    "smlad r7, r4, " #high ", r7\n"

/* clang-format off */
#define DSP_DENSE_UNIT(FLIP)                                                                          \
    "ldr r3, [r1], #4\n"                                                                           \
    FLIP \
    "ldm r0!, {r8, r9, r10, r11}\n"                                                                \
    "uxtb16 r4, r3\n"                                                                             \
    DSP_DENSE_HALF(r8, r9)                                                                              \
    "uxtb16 r4, r3, ror #8\n"                                                                     \
    DSP_DENSE_HALF(r10, r11)

/* The end of both functions. */
/* clang-format off */
__asm__(DPT_THUMB("dpt_dsp_dense_end")
        "ldr r0, [sp, #40]\n"
        "ldr r1, [sp]\n"
        DSP_FOUND(r5, r6, r7, "ldr r5, [sp, #48]\n" "add r9, r9, r5\n")
        "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
        DPT_THUMB_END("dpt_dsp_dense_end"));

#define DSP_DENSE(name, FLIP)                                                                        \
    void name(const void *w, const void *x, size_t units, int32_t *acc, const int32_t *from, \
              const void *last, uint32_t less); \
    __asm__(DPT_THUMB(#name)                                                                       \
            "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"                                    \
            "ldr r12, [sp, #44]\n" \
            "movs r5, #0\n" \
            "movs r6, #0\n"                                                                        \
            "movs r7, #0\n"                                                                        \
            "mov lr, #0xFF00FF00\n"                                                                \
            DSP_LOOP(DSP_DENSE_UNIT(FLIP), DSP_DENSE_UNIT(FLIP))                                       \
            "movs r1, r12\n" \
            "beq 3f\n" \
            "mov r12, #0\n" \
            "mov r2, #1\n" \
            "b 2b\n" \
            "3:\n" \
            "b.w dpt_dsp_dense_end\n" \
            DPT_THUMB_END(#name))
/* clang-format on */

DSP_DENSE(dpt_dsp_dense_u8, "");
DSP_DENSE(dpt_dsp_dense_i8, "eor r3, r3, #0x80808080\n");

DSP_INLINE void window_dot(const uint8_t *w, size_t next, const window_buffer *x, size_t units,
                           size_t blocks, const int32_t *from, size_t apart, int32_t *acc) {
    for (; blocks > 0; blocks--, from += WINDOW_BLOCK, acc += WINDOW_BLOCK, w += next) {
        dpt_dsp_pair(w, x, units, acc, from, from + apart);
    }
}

static inline void window_dense_dot(const uint8_t *w, size_t next, const uint8_t *x, size_t units,
                                    const uint8_t *last, size_t blocks, uint32_t sum,
                                    const int32_t *from, int type, int32_t *acc) {
    const uint32_t less = 0 - 128 * sum;
    for (; blocks > 0; blocks--, from += WINDOW_BLOCK, acc += WINDOW_BLOCK, w += next) {
        (type == DPT_U8 ? dpt_dsp_dense_u8 : dpt_dsp_dense_i8)(w, x, units, acc, from, last, less);
    }
}

/* Four accumulators in r4 to r7 (times 2^shift) become bytes in r4. Multipliers are in r8 to r11,
 * the zero point in lr. */
#define DSP_BYTES                                                                                  \
    "smmlar r4, r4, r8, lr\n"                                                                      \
    "smmlar r5, r5, r9, lr\n"                                                                      \
    "smmlar r6, r6, r10, lr\n"                                                                     \
    "smmlar r7, r7, r11, lr\n"                                                                     \
    "usat r4, #8, r4\n"                                                                            \
    "usat r5, #8, r5\n"                                                                            \
    "usat r6, #8, r6\n"                                                                            \
    "usat r7, #8, r7\n"                                                                            \
    "orr r4, r4, r5, lsl #8\n"                                                                     \
    "orr r6, r6, r7, lsl #8\n"                                                                     \
    "orr r4, r4, r6, lsl #16\n"

/* Clamps the bytes in r4 and flips them. Destroys r11. */
#define DSP_CLAMP(lo, hi, flip)                                                                    \
    "usub8 r11, r4, " #lo "\n"                                                                     \
    "sel r4, r4, " #lo "\n"                                                                        \
    "usub8 r11, " #hi ", r4\n"                                                                     \
    "sel r4, r4, " #hi "\n"                                                                        \
    "eor r4, r4, " #flip "\n"

/* dpt_dsp_store. */
/* clang-format off */
__asm__(DPT_THUMB("dpt_dsp_store")
        "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
        "ldrd lr, r12, [r3, #16]\n"
        "1:\n"
        "ldm r0!, {r4, r5, r6, r7}\n"
        "ldm r1!, {r8, r9, r10, r11}\n"
        "lsl r4, r4, r12\n"
        "lsl r5, r5, r12\n"
        "lsl r6, r6, r12\n"
        "lsl r7, r7, r12\n"
        DSP_BYTES
        "ldm r3, {r5, r6, r7, r8}\n"
        DSP_CLAMP(r5, r6, r7)
        "str r4, [r2], #4\n"
        "cmp r2, r8\n"
        "bne 1b\n"
        "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
        DPT_THUMB_END("dpt_dsp_store"));
/* clang-format on */

#include "dpt_window.inc"

#include "dpt_dsp_depthwise.inc"

DPT_KERNEL(dpt_dsp_conv, window_conv)
DPT_KERNEL(dpt_dsp_grouped, window_grouped)
DPT_KERNEL(dpt_dsp_dense, window_dense)
DPT_KERNEL(dpt_dsp_single, dsp_single)
SMALL_DEPTHWISE(dpt_dsp_depthwise, dsp_single)

/* Whether the two ops of a group can compute whole planes in the place of the plane that the first
 * reads: a depthwise convolution in strips of all columns, which unpack rows before they write over
 * them, and a convolution of single pixels, which copies a pixel before it writes its outputs. */
static int dsp_in_place(const dpt_run_state *run, size_t first) {
    const dpt_op *a = &run->model->ops[first], *b = a + 1;
    if (a->marks != DPT_FUSED || b->marks != DPT_IN_PLACE || a->reads[0] == 0 ||
        a->kind != DPT_DEPTHWISE || !dsp_has_strips(a) || b->kind != DPT_CONV || dpt_dilated(b)) {
        return 0;
    }
    const size_t place = run->model->ops[a->reads[0] - 1].out_offset;
    const int planes = a->in.h == a->out.h && a->in.w == a->out.w && b->out.h == a->out.h &&
                       b->out.w == a->out.w && b->out.c == a->out.c && b->out_offset == place;
    const int pixels = b->kernel_h == 1 && b->kernel_w == 1 && b->pool_h == 1 && b->pool_w == 1 &&
                       b->stride_h == 1 && b->stride_w == 1;
    return planes && pixels && a->in.w <= DSP_COLUMNS - 2 && a->in.c % 4 == 0 &&
           a->in.c <= WINDOW_VALUES;
}

size_t dpt_dsp_run_group(const dpt_run_state *run, size_t first) {
    if (!dsp_in_place(run, first)) {
        return dpt_run_rows(run, first);
    }
    for (size_t k = first; k < first + 2; k++) {
        const dpt_op *op = &run->model->ops[k];
        void *plane = dpt_tensor_at(run, first + 2);
        const void *const in[2] = {plane, plane};
        dpt_kernel_of(run->backend, op)(op, in, plane, run->n);
        if (run->trace != NULL) {
            run->trace(run->user, k, 0, plane, dpt_bytes(op->out));
        }
    }
    return first + 1;
}

/* Only tables of generated code name the kernels of few bits. */
const dpt_backend dpt_dsp = {"dsp",
                             dpt_always,
                             DPT_PACKING_DSP,
                             {[DPT_CONV] = dpt_dsp_conv,
                              [DPT_DENSE] = dpt_dsp_dense,
                              [DPT_DEPTHWISE] = dpt_dsp_depthwise,
                              [DPT_GROUPED] = dpt_dsp_grouped,
                              DPT_VALUES_KERNELS},
                             dpt_dsp_run_group};
#endif
