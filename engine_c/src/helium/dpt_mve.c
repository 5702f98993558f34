/* SPDX-License-Identifier: Apache-2.0 */
/* Cortex-M with Helium (M55, M85): VMLADAVA adds 16 products of signed bytes to a register with an
 * even number. Unsigned activations are read 128 smaller; the packed biases correct the result.
 *
 * Eight registers hold the accumulators of four channels at two windows: 14 instructions for 128
 * products.
 *
 * Assumes little-endian, packed tables at multiples of 4 bytes, and a start-up that enabled the
 * coprocessors 10 and 11. It needs Helium for integers alone: no floating point. */
#include "dpt_geometry.h"

#ifdef DPT_MVE
#include <arm_mve.h>
#include <string.h>

enum {
    MVE_UNIT = 16, /* values of a window, or of a dense op's input, that are multiplied at once */
    MVE_BLOCK = 4, /* channels of a block of weights */
    MVE_PANEL = 52 /* channels whose accumulators are kept at a time where they leave registers */
};

/* Of functions that are instantiated for a constant argument: TAPS is 1 for a convolution in
 * groups, or with dilation, whose windows are copied tap by tap. */
#define MVE_INLINE static inline __attribute__((always_inline))

/* One op, or group of its channels, on one input of the batch, and where its packed weights lie. */
typedef struct mve_job {
    const dpt_op *op;
    const uint8_t *in;
    void *out;
    const int32_t *bias, *mult;
    const uint8_t *weight;
    size_t length, units; /* of a window: values, units (the last one may be filled up) */
    size_t row, pitch;    /* values in a row (TAPS: a tap) of a window, in a row of the input */
    size_t channels;      /* that are written */
    const uint8_t *pad;   /* padding values of the channels that are read; NULL: 0 */
} mve_job;

/* Places the tables of `channels` outputs, which begin at `packed`. */
static void mve_set_group(mve_job *job, const void *packed, size_t channels) {
    const size_t written = (channels + MVE_BLOCK - 1) / MVE_BLOCK * MVE_BLOCK;
    job->bias = packed;
    job->mult = job->bias + written;
    job->weight = (const uint8_t *)(job->mult + written);
    job->channels = channels;
}

static mve_job mve_job_of(const dpt_op *op, const uint8_t *in, void *out, size_t length) {
    DPT_ASSERT(op->packed != NULL && (uintptr_t)op->packed % sizeof(int32_t) == 0);
    mve_job job;
    job.op = op;
    job.in = in;
    job.out = out;
    job.length = length;
    job.units = (length + MVE_UNIT - 1) / MVE_UNIT;
    job.row = (size_t)op->kernel_w * op->in.c;
    job.pitch = (size_t)op->in.w * op->in.c;
    job.pad = op->pad;
    mve_set_group(&job, op->packed, op->out.c);
    return job;
}

/* The first group of a convolution in groups, or the only one of a convolution with dilation. */
static mve_job mve_first_group(const dpt_op *op, const uint8_t *in) {
    const size_t groups = op->kind == DPT_GROUPED ? op->groups : 1, row = op->in.c / groups;
    mve_job job = mve_job_of(op, in, NULL, (size_t)op->kernel_h * op->kernel_w * row);
    job.row = row;
    mve_set_group(&job, op->packed, op->out.c / groups);
    return job;
}

/* Each group is packed as a convolution of its own channels. */
static void mve_next_group(mve_job *job) {
    const size_t blocks = (job->channels + MVE_BLOCK - 1) / MVE_BLOCK;
    const size_t size = blocks * MVE_BLOCK * job->units * MVE_UNIT;
    mve_set_group(job, job->weight + size, job->channels);
    job->in += job->row;
    job->pad += job->pad == NULL ? 0 : job->row;
}

static inline uint8_t mve_flip(int type) {
    return type == DPT_U8 ? 0x80 : 0;
}

/* Copies n bytes, each with the bits of `flip` flipped. The loop predicates its last bytes. */
/* cppcheck-suppress constParameterPointer ; the assembly writes to the buffer */
static inline void mve_copy(uint8_t *to, const uint8_t *from, size_t n, uint8x16_t flip) {
    __asm__ volatile("wlstp.8 lr, %2, 2f\n"
                     "1:\n\t"
                     "vldrb.u8 q0, [%0], #16\n\t"
                     "veor q0, q0, %q3\n\t"
                     "vstrb.8 q0, [%1], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+&r"(from), "+&r"(to)
                     : "r"(n), "w"(flip)
                     : "q0", "lr", "memory");
}

/* Writes n bytes, lanes of `value`. */
/* cppcheck-suppress constParameterPointer ; the assembly writes to the buffer */
static inline void mve_set(uint8_t *to, size_t n, uint8x16_t value) {
    __asm__ volatile("wlstp.8 lr, %1, 2f\n"
                     "1:\n\t"
                     "vstrb.8 %q2, [%0], #16\n\t"
                     "letp lr, 1b\n"
                     "2:"
                     : "+&r"(to)
                     : "r"(n), "w"(value)
                     : "lr", "memory");
}

/* Copies rows of a window that lies in the input. */
static inline void mve_copy_rows(size_t rows, size_t row, size_t pitch, const uint8_t *from,
                                 uint8_t *to, uint8x16_t flip) {
    for (; rows > 0; rows--, to += row, from += pitch) {
        mve_copy(to, from, row, flip);
    }
}

/* Fills n bytes with padding, from channel `c` on: the values of each channel, or 0. */
static void mve_pad(const dpt_op *op, size_t c, size_t n, uint8_t *to, uint8x16_t flip) {
    if (op->pad == NULL || op->in.c == 1) {
        mve_set(to, n, veorq_u8(vdupq_n_u8(op->pad != NULL ? *op->pad : 0), flip));
        return;
    }
    const size_t left = dpt_min(op->in.c - c, n);
    mve_copy(to, op->pad + c, left, flip);
    size_t done = dpt_min(op->in.c, n);
    mve_copy(to + left, op->pad, done - left, flip);
    for (size_t some; done < n; done += some) { /* doubles what is done */
        some = dpt_min(done, n - done);
        mve_copy(to + done, to, some, vdupq_n_u8(0));
    }
}

/* Copies n values of the window at (top, left), from number `begin` on: the part of each row that
 * lies in the input, into padding. */
static __attribute__((noinline)) DPT_IN_FAST void
mve_gather(const mve_job *job, int32_t top, int32_t left, size_t begin, size_t n, uint8_t *to) {
    const dpt_op *op = job->op;
    const size_t c = op->in.c;
    const uint8x16_t flip = vdupq_n_u8(mve_flip(op->in.type));
    if (top >= 0 && top + op->kernel_h <= op->in.h && left >= 0 &&
        left + op->kernel_w <= op->in.w && n == job->length) {
        const uint8_t *from = job->in + (size_t)top * job->pitch + (size_t)left * c;
        mve_copy_rows(op->kernel_h, job->row, job->pitch, from, to, flip);
        return;
    }
    const size_t low = left < 0 ? (size_t)-left * c : 0;
    const size_t high = left < op->in.w ? (size_t)(op->in.w - left) * c : 0;
    mve_pad(op, begin % c, n, to, flip);
    for (top += (int32_t)(begin / job->row), begin %= job->row; n > 0; top++, begin = 0) {
        const size_t end = dpt_min(job->row, begin + n);
        const size_t first = low > begin ? low : begin, last = dpt_min(high, end);
        if (top >= 0 && top < op->in.h && first < last) {
            const int32_t at = top * (int32_t)job->pitch + left * (int32_t)c;
            mve_copy(to + (first - begin), job->in + (at + (int32_t)first), last - first, flip);
        }
        n -= end - begin;
        to += end - begin;
    }
}

/* Copies `rows` rows of n taps of `size` bytes, at most 16. A tap lies `across` bytes behind the
 * tap before it, and the first of a row `across` + `gap` bytes behind the last of the row before
 * it; in the copy, `left_out` bytes are left out between two rows. */
/* cppcheck-suppress constParameterPointer ; the assembly writes to the buffer */
static inline void mve_copy_taps(uint8_t *to, const uint8_t *from, size_t rows, size_t n,
                                 size_t across, size_t gap, size_t size, size_t left_out,
                                 uint8x16_t flip) {
    for (; rows > 0; rows--, from += gap, to += left_out) {
        __asm__ volatile("vctp.8 %[size]\n\t"
                         "dls lr, %[n]\n"
                         "1:\n\t"
                         "vpsttt\n\t"
                         "vldrbt.u8 q0, [%[from]]\n\t"
                         "veort q0, q0, %q[flip]\n\t"
                         "vstrbt.8 q0, [%[to]]\n\t"
                         "add %[from], %[from], %[across]\n\t"
                         "add %[to], %[to], %[size]\n\t"
                         "le lr, 1b\n"
                         : [from] "+&r"(from), [to] "+&r"(to)
                         : [n] "r"(n), [size] "r"(size), [across] "r"(across), [flip] "w"(flip)
                         : "q0", "p0", "lr", "cc", "memory");
    }
}

/* Copies n values of the window at (top, left), from number `begin` on, tap by tap. */
static __attribute__((noinline)) DPT_IN_FAST void mve_gather_taps(const mve_job *job, int32_t top,
                                                                  int32_t left, size_t begin,
                                                                  size_t n, uint8_t *to) {
    const dpt_op *op = job->op;
    const uint8x16_t flip = vdupq_n_u8(mve_flip(op->in.type));
    const int32_t first = (int32_t)(begin / job->row), end = left + op->kernel_w * op->dilation_w;
    int32_t y = top + first / op->kernel_w * op->dilation_h;
    int32_t x = left + first % op->kernel_w * op->dilation_w;
    begin %= job->row;
    for (size_t some; n > 0; n -= some, to += some, begin = 0) {
        some = dpt_min(job->row - begin, n);
        if (y >= 0 && y < op->in.h && x >= 0 && x < op->in.w) {
            const uint8_t *pixel = job->in + ((size_t)y * job->pitch + (size_t)x * op->in.c);
            mve_copy(to, pixel + begin, some, flip);
        } else if (job->pad != NULL) {
            mve_copy(to, job->pad + begin, some, flip);
        } else {
            mve_set(to, some, flip);
        }
        x += op->dilation_w;
        if (x == end) {
            x = left;
            y += op->dilation_h;
        }
    }
}

/* The taps of a row, or column, of a kernel that lie in the input: from `first` to before `end`. */
typedef struct mve_span {
    uint16_t first, end;
} mve_span;

/* `taps` taps, `dilation` apart, from `start` on, which may be negative, in an input of `size`. */
static inline mve_span mve_taps_inside(int32_t start, int32_t taps, int32_t dilation,
                                       int32_t size) {
    const int32_t before = start < 0 ? (dilation - 1 - start) / dilation : 0;
    const int32_t until = size > start ? (size - start + dilation - 1) / dilation : 0;
    const int32_t end = until < taps ? until : taps;
    const mve_span span = {(uint16_t)(before < end ? before : end), (uint16_t)end};
    return span;
}

/* Copies a window whose taps have at most 16 bytes: padding, then the taps that lie in the input.
 */
static __attribute__((noinline)) DPT_IN_FAST void
mve_gather_short_taps(const mve_job *job, int32_t top, int32_t left, uint8_t *to) {
    static const uint8_t zeros[MVE_UNIT] = {0};
    const dpt_op *op = job->op;
    const uint8x16_t flip = vdupq_n_u8(mve_flip(op->in.type));
    const uint8_t *pad = job->pad != NULL ? job->pad : zeros;
    const size_t across = (size_t)op->dilation_w * op->in.c, taps = op->kernel_w;
    const mve_span rows = mve_taps_inside(top, op->kernel_h, op->dilation_h, op->in.h);
    const mve_span columns = mve_taps_inside(left, op->kernel_w, op->dilation_w, op->in.w);
    const size_t n = columns.end - columns.first;
    mve_copy_taps(to, pad, 1, op->kernel_h * taps, 0, 0, job->row, 0, flip);
    if (rows.first < rows.end && n > 0) {
        const int32_t y = top + rows.first * op->dilation_h;
        const int32_t x = left + columns.first * op->dilation_w;
        const uint8_t *from = job->in + (size_t)y * job->pitch + (size_t)x * op->in.c;
        mve_copy_taps(to + (rows.first * taps + columns.first) * job->row, from,
                      rows.end - rows.first, n, across, op->dilation_h * job->pitch - n * across,
                      job->row, (taps - n) * job->row, flip);
    }
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

static void mve_store(const dpt_op *op, const int32_t *acc, const int32_t *mult, void *out,
                      size_t index, size_t n) {
    const int32x4_t lo = vdupq_n_s32(op->lo), hi = vdupq_n_s32(op->hi);
    for (size_t i = 0; i < n; i += 4) {
        const int32x4_t y = mve_requantize(op, vldrwq_s32(acc + i), vldrwq_s32(mult + i), lo, hi);
        mve_put(op, y, out, index + i, vctp32q((uint32_t)(n - i)));
    }
}

/* The multiplier: one unit of two windows and four channels. LOAD_0 and LOAD_1 load the windows at
 * r1 and r3 to q0 and q1. r9: weights; the accumulators of window 0 in r0, r2, r4, r6, of window 1
 * in r8, r10, r12, lr. */
#define MVE_UNIT_OF(ADD, LOAD_0, LOAD_1)                                                           \
    LOAD_0                                                                                         \
    "vldrb.u8 q2, [r9], #16\n" ADD ".s8 r0, q0, q2\n" LOAD_1 ADD ".s8 r8, q1, q2\n"                \
    "vldrb.u8 q3, [r9], #16\n" ADD ".s8 r2, q0, q3\n"                                              \
    "vldrb.u8 q2, [r9], #16\n" ADD ".s8 r10, q1, q3\n" ADD ".s8 r4, q0, q2\n"                      \
    "vldrb.u8 q3, [r9], #16\n" ADD ".s8 r12, q1, q2\n" ADD ".s8 r6, q0, q3\n" ADD                  \
    ".s8 lr, q1, q3\n"
#define MVE_UNIT_OF_TWO(ADD)                                                                       \
    MVE_UNIT_OF(ADD, "vldrb.u8 q0, [r1], #16\n", "vldrb.u8 q1, [r3], #16\n")

#include "dpt_mve_windows.inc"

#include "dpt_mve_short.inc"

#include "dpt_mve_pixels.inc"

#include "dpt_mve_values.inc"

#include "dpt_mve_depthwise.inc"

#include "dpt_mve_taps.inc"

#include "dpt_mve_quads.inc"

#include "dpt_mve_dense.inc"

static void mve_any_windows(const dpt_op *op, const uint8_t *in, uint8_t *out) {
    if (mve_is_short(op)) {
        mve_short_conv(op, in, out);
    } else {
        mve_windows_conv(op, in, out);
    }
}

static void mve_any_groups(const dpt_op *op, const uint8_t *in, uint8_t *out) {
    const size_t groups = op->kind == DPT_GROUPED ? op->groups : 1;
    const size_t length = (size_t)op->kernel_h * op->kernel_w * (op->in.c / groups);
    if (mve_is_quads(op, length)) {
        mve_quads(op, in, out);
    } else if (mve_is_pixels(op, length)) {
        mve_pixels_grouped(op, in, out);
    } else {
        mve_windows_grouped(op, in, out);
    }
}

static void mve_any_conv(const dpt_op *op, const uint8_t *in, uint8_t *out) {
    if (mve_is_pixels(op, (size_t)op->kernel_h * op->kernel_w * op->in.c)) {
        mve_pixels_conv(op, in, out);
    } else {
        mve_any_windows(op, in, out);
    }
}

static void mve_any_depthwise(const dpt_op *op, const uint8_t *in, uint8_t *out) {
    const void *const inputs[2] = {in, NULL};
    if (op->packed == NULL) {
        dpt_scalar_depthwise(op, inputs, out, 1);
    } else if (mve_fits_band(op, op->pool_h, op->pool_w)) {
        mve_depthwise(op, in, out, dpt_pools(op) ? mve_pool_row : NULL);
    } else {
        mve_taps(op, in, out);
    }
}

/* Nothing is pooled, so that a linker leaves mve_pool_row out. */
static void mve_unpooled_depthwise(const dpt_op *op, const uint8_t *in, uint8_t *out) {
    mve_depthwise(op, in, out, NULL);
}

/* Defines a kernel: `plane` computes an input of the batch. */
#define MVE_KERNEL(name, plane)                                                                    \
    DPT_IN_FAST void name(const dpt_op *op, const void *const in[2], void *out, size_t n) {        \
        const uint8_t *from = in[0];                                                               \
        for (size_t i = 0; i < n; i++, from += dpt_elements(op->in)) {                             \
            plane(op, from, dpt_output(op, out, i));                                               \
        }                                                                                          \
    }

MVE_KERNEL(dpt_mve_conv, mve_any_conv)
MVE_KERNEL(dpt_mve_windows, mve_any_windows)
MVE_KERNEL(dpt_mve_pixels, mve_pixels_conv)
MVE_KERNEL(dpt_mve_grouped, mve_any_groups)
MVE_KERNEL(dpt_mve_dense, mve_dense)
MVE_KERNEL(dpt_mve_depthwise, mve_any_depthwise)
MVE_KERNEL(dpt_mve_tiles, mve_unpooled_depthwise)

const dpt_backend dpt_mve = {"mve",
                             dpt_always,
                             DPT_PACKING_MVE,
                             {[DPT_CONV] = dpt_mve_conv,
                              [DPT_DENSE] = dpt_mve_dense,
                              [DPT_DEPTHWISE] = dpt_mve_depthwise,
                              [DPT_ADD] = dpt_mve_add,
                              [DPT_MAXPOOL] = dpt_mve_maxpool,
                              [DPT_AVGPOOL] = dpt_mve_avgpool,
                              [DPT_CONCAT] = dpt_mve_concat,
                              [DPT_LOOKUP] = dpt_mve_lookup,
                              [DPT_GROUPED] = dpt_mve_grouped,
                              [DPT_MUL] = dpt_mve_mul,
                              [DPT_RESIZE] = dpt_mve_resize,
                              DPT_PLAIN_KERNELS},
                             dpt_run_rows};
#endif
