/* SPDX-License-Identifier: Apache-2.0 */
/* Cortex-M with Helium (M55, M85): VMLADAVA adds 16 products of signed bytes to a register with an
 * even number. Unsigned activations are read 128 smaller; the packed biases correct the result.
 *
 * Eight registers hold the accumulators of four channels at two windows: 14 instructions for 128
 * products. */
#include "dpt_internal.h"

#ifdef DPT_MVE
#include <arm_mve.h>
#include <string.h>

enum {
    WINDOW_COUNT = 2,
    WINDOW_VALUES = 512,
    WINDOW_GROUP = 52,
    WINDOW_UNIT = 16,
    WINDOW_BLOCK = 4,
    WINDOW_DENSE_CHANNELS = 8
};

typedef struct window_buffer {
    uint8_t bytes[WINDOW_COUNT][WINDOW_VALUES];
} window_buffer;

static inline uint8_t mve_flip(int type) {
    return type == DPT_U8 ? 0x80 : 0;
}

/* Copies n bytes, each with the bits of `flip` flipped. */
/* cppcheck-suppress constParameterPointer ; the assembly writes to the buffer */
static inline void mve_copy(uint8_t *to, const uint8_t *from, size_t n, uint8_t flip) {
    __asm__ volatile("vdup.8 q1, %3\n\t"
                     "wlstp.8 lr, %2, 2f\n"
                     "1:\n\t"
                     "vldrb.u8 q0, [%0], #16\n\t"
                     "veor q0, q0, q1\n\t"
                     "vstrb.8 q0, [%1], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+r"(from), "+r"(to)
                     : "r"(n), "r"(flip)
                     : "q0", "q1", "lr", "memory");
}

static inline void window_put(window_buffer *x, size_t p, size_t k, const uint8_t *from, size_t n,
                              int type) {
    mve_copy(x->bytes[p] + k, from, n, mve_flip(type));
}

static inline void window_whole(window_buffer *x, size_t p, const uint8_t *from, const dpt_op *op) {
    const size_t row = (size_t)op->kernel_w * op->in.c;
    for (size_t y = 0; y < op->kernel_h; y++) {
        window_put(x, p, y * row, from + y * op->in.w * op->in.c, row, op->in.type);
    }
}

#include "dpt_mve_loops.inc"

static void window_dot(const uint8_t *w, size_t next, const window_buffer *x, size_t units,
                       size_t blocks, const int32_t *from, size_t apart, int32_t *acc) {
    const size_t gap = next - units * WINDOW_UNIT * WINDOW_BLOCK;
    mve_pair_work k = {x->bytes[0], units, gap, blocks, from, from + apart, acc};
    dpt_mve_pairs(w, &k);
}

#define WINDOW_MAX
static inline void window_max(int32_t *best, const int32_t *acc) {
    vstrwq_s32(best, vmaxq_s32(vldrwq_s32(best), vldrwq_s32(acc)));
}

static inline void window_dense_begin(const uint8_t *x, size_t n, int type, int32_t *acc) {
    (void)x;
    (void)n;
    (void)type;
    memset(acc, 0, WINDOW_BLOCK * sizeof *acc);
}

static inline void window_dense_dot(const uint8_t *w, size_t next, const uint8_t *x, size_t units,
                                    int type, int32_t *acc) {
    dpt_mve_eight(w, w + next, x, units, mve_flip(type), acc);
}

/* Four accumulators as stored integers. VRMULH computes the rounding rule of NUMERICS.md section 2.
 */
static inline int32x4_t mve_requantize(const dpt_op *op, int32x4_t acc, int32x4_t mult,
                                       int32x4_t lo, int32x4_t hi) {
    const int32x4_t y = vrmulhq_s32(vshlq_r_s32(acc, op->shift), mult);
    return vminq_s32(vmaxq_s32(vaddq_n_s32(y, op->out.zero), lo), hi);
}

/* Writes the lanes of y as outputs number `index` and following. */
static inline void mve_put(const dpt_op *op, int32x4_t y, void *out, size_t index,
                           mve_pred16_t lanes) {
    if (op->out.type != DPT_I32) {
        vstrbq_p_s32((int8_t *)out + index, y, lanes);
    } else {
        vstrwq_p_s32((int32_t *)out + index, y, lanes);
    }
}

static void window_store(const dpt_op *op, const int32_t *acc, const int32_t *mult, void *out,
                         size_t index, size_t n) {
    const int32x4_t lo = vdupq_n_s32(op->lo), hi = vdupq_n_s32(op->hi);
    for (size_t i = 0; i < n; i += 4) {
        const int32x4_t y = mve_requantize(op, vldrwq_s32(acc + i), vldrwq_s32(mult + i), lo, hi);
        if (op->out.type != DPT_I32 && i + 4 <= n) {
            vstrbq_s32((int8_t *)out + index + i, y);
        } else {
            mve_put(op, y, out, index + i, vctp32q((uint32_t)(n - i)));
        }
    }
}

#include "dpt_window.inc"

#include "dpt_mve_short.inc"

#include "dpt_mve_pixels.inc"

#include "dpt_mve_values.inc"

#include "dpt_mve_depthwise.inc"

static int mve_available(void) {
    return 1;
}

void dpt_mve_windows(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    if (!mve_is_short(op)) {
        window_conv(op, in[0], out, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        mve_short_conv(op, (const uint8_t *)in[0] + i * dpt_elements(op->in),
                       dpt_output(op, out, i));
    }
}

void dpt_mve_pixels(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        mve_pixels_conv(op, (const uint8_t *)in[0] + i * dpt_elements(op->in),
                        dpt_output(op, out, i));
    }
}

void dpt_mve_conv(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    if (mve_is_pixels(op)) {
        dpt_mve_pixels(op, in, out, n);
    } else {
        dpt_mve_windows(op, in, out, n);
    }
}

void dpt_mve_dense(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    window_dense(op, in[0], out, n);
}

void dpt_mve_tiles(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        mve_depthwise(op, (const uint8_t *)in[0] + i * dpt_elements(op->in),
                      dpt_output(op, out, i));
    }
}

void dpt_mve_depthwise(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    if (op->packed != NULL) {
        dpt_mve_tiles(op, in, out, n);
    } else {
        dpt_scalar_depthwise(op, in, out, n);
    }
}

const dpt_backend dpt_mve = {"mve",
                             mve_available,
                             DPT_PACKING_MVE,
                             {[DPT_CONV] = dpt_mve_conv,
                              [DPT_DENSE] = dpt_mve_dense,
                              [DPT_DEPTHWISE] = dpt_mve_depthwise,
                              [DPT_ADD] = dpt_mve_add,
                              [DPT_MAXPOOL] = dpt_mve_maxpool,
                              [DPT_AVGPOOL] = dpt_mve_avgpool,
                              [DPT_CONCAT] = dpt_mve_concat,
                              [DPT_LOOKUP] = dpt_mve_lookup,
                              DPT_PLAIN_KERNELS}};
#else
typedef int dpt_mve_is_empty; /* C has no empty files */
#endif
