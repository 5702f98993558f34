/* SPDX-License-Identifier: Apache-2.0 */
/* The plain kernels: NUMERICS.md section 3, as directly as C says it. Every other backend is tested
 * against these, and these against the NumPy reference. */
#include "dpt_internal.h"

/* The sum of n products of an activation row and a weight row; `type` says how to read the row. */
static int32_t dot(int type, const uint8_t *x, const int8_t *w, size_t n) {
    int32_t acc = 0;
    if (type == DPT_U8) {
        for (size_t i = 0; i < n; i++) {
            acc += (int32_t)x[i] * w[i];
        }
    } else {
        const int8_t *signed_x = (const int8_t *)x;
        for (size_t i = 0; i < n; i++) {
            acc += (int32_t)signed_x[i] * w[i];
        }
    }
    return acc;
}

static int32_t value(int type, const void *x, size_t index) {
    return type == DPT_U8 ? ((const uint8_t *)x)[index] : ((const int8_t *)x)[index];
}

static int32_t not_negative(int32_t v) {
    return v > 0 ? v : 0;
}

static int32_t at_most(int32_t limit, int32_t v) {
    return v < limit ? v : limit;
}

/* The sum of the window at (y, x) of the convolution's plane, without bias. Rows and columns of the
 * kernel that lie on the padding are left out: they would add 0. The columns that remain are one
 * run of bytes in the input as in the weights. Coordinates fit easily: |y * stride - pad| < 2^25.
 */
static int32_t window_total(const dpt_op *op, const uint8_t *in, const int8_t *weight, int32_t y,
                            int32_t x) {
    const int32_t top = y * op->stride_h - op->pad_top, left = x * op->stride_w - op->pad_left;
    const int32_t first = not_negative(-left), end = at_most(op->kernel_w, op->in.w - left);
    int32_t acc = 0;
    if (first >= end) {
        return 0;
    }
    for (int32_t ky = not_negative(-top); ky < at_most(op->kernel_h, op->in.h - top); ky++) {
        size_t from = ((size_t)(top + ky) * op->in.w + (size_t)(left + first)) * op->in.c;
        size_t tap = ((size_t)ky * op->kernel_w + (size_t)first) * op->in.c;
        acc += dot(op->in_type, in + from, weight + tap, (size_t)(end - first) * op->in.c);
    }
    return acc;
}

/* Pooling comes before bias and requantization: both are monotone, so the maximum may go first. */
static void conv(const dpt_op *op, const void *in, void *out) {
    const size_t weights = (size_t)op->kernel_h * op->kernel_w * op->in.c; /* of one channel */
    size_t index = 0;
    for (int32_t y = 0; y < op->out.h; y++) {
        for (int32_t x = 0; x < op->out.w; x++) {
            for (size_t o = 0; o < op->out.c; o++) {
                const int8_t *weight = op->weight + o * weights;
                int32_t acc = INT32_MIN;
                for (int32_t py = 0; py < op->pool_h; py++) {
                    for (int32_t px = 0; px < op->pool_w; px++) {
                        int32_t sum =
                            window_total(op, in, weight, y * op->pool_h + py, x * op->pool_w + px);
                        acc = sum > acc ? sum : acc;
                    }
                }
                acc += dpt_i32(op->bias + 4 * o);
                dpt_store(op, out, index++, dpt_requantize(op, acc, dpt_i32(op->mult + 4 * o)));
            }
        }
    }
}

/* The total of the same window in one group, whose channels are the first of `in`: a run of bytes
 * for each place of the kernel. */
static int32_t grouped_total(const dpt_op *op, const uint8_t *in, const int8_t *weight, int32_t y,
                             int32_t x) {
    const int32_t top = y * op->stride_h - op->pad_top, left = x * op->stride_w - op->pad_left;
    const size_t channels = op->in.c / op->groups;
    int32_t acc = 0;
    for (int32_t ky = not_negative(-top); ky < at_most(op->kernel_h, op->in.h - top); ky++) {
        for (int32_t kx = not_negative(-left); kx < at_most(op->kernel_w, op->in.w - left); kx++) {
            const size_t from = (size_t)(top + ky) * op->in.w + (size_t)(left + kx);
            const size_t tap = (size_t)ky * op->kernel_w + (size_t)kx;
            acc += dot(op->in_type, in + from * op->in.c, weight + tap * channels, channels);
        }
    }
    return acc;
}

static void grouped(const dpt_op *op, const void *in, void *out) {
    const size_t channels = op->in.c / op->groups, each = op->out.c / op->groups; /* of a group */
    const size_t weights = (size_t)op->kernel_h * op->kernel_w * channels;
    size_t index = 0;
    for (int32_t y = 0; y < op->out.h; y++) {
        for (int32_t x = 0; x < op->out.w; x++) {
            for (size_t o = 0; o < op->out.c; o++) {
                const uint8_t *group = (const uint8_t *)in + o / each * channels;
                int32_t acc = INT32_MIN;
                for (int32_t p = 0; p < op->pool_h * op->pool_w; p++) {
                    int32_t sum = grouped_total(op, group, op->weight + o * weights,
                                                y * op->pool_h + p / op->pool_w,
                                                x * op->pool_w + p % op->pool_w);
                    acc = sum > acc ? sum : acc;
                }
                acc += dpt_i32(op->bias + 4 * o);
                dpt_store(op, out, index++, dpt_requantize(op, acc, dpt_i32(op->mult + 4 * o)));
            }
        }
    }
}

static void dense(const dpt_op *op, const void *in, void *out) {
    const size_t n = dpt_elements(op->in);
    for (size_t o = 0; o < op->out.c; o++) {
        int32_t acc = dot(op->in_type, in, op->weight + o * n, n) + dpt_i32(op->bias + 4 * o);
        dpt_store(op, out, o, dpt_requantize(op, acc, dpt_i32(op->mult + 4 * o)));
    }
}

static void maxpool(const dpt_op *op, const void *in, void *out) {
    size_t index = 0;
    for (size_t y = 0; y < op->out.h; y++) {
        for (size_t x = 0; x < op->out.w; x++) {
            for (size_t c = 0; c < op->out.c; c++) {
                int32_t best = INT32_MIN;
                for (size_t ky = 0; ky < op->kernel_h; ky++) {
                    for (size_t kx = 0; kx < op->kernel_w; kx++) {
                        size_t row = y * op->stride_h + ky, column = x * op->stride_w + kx;
                        int32_t v =
                            value(op->in_type, in, (row * op->in.w + column) * op->in.c + c);
                        best = v > best ? v : best;
                    }
                }
                dpt_store(op, out, index++, best);
            }
        }
    }
}

static void avgpool(const dpt_op *op, const void *in, void *out) {
    const int32_t mult = dpt_i32(op->mult);
    size_t index = 0;
    for (size_t y = 0; y < op->out.h; y++) {
        for (size_t x = 0; x < op->out.w; x++) {
            for (size_t c = 0; c < op->out.c; c++) {
                int32_t sum = 0;
                for (size_t ky = 0; ky < op->kernel_h; ky++) {
                    for (size_t kx = 0; kx < op->kernel_w; kx++) {
                        size_t row = y * op->stride_h + ky, column = x * op->stride_w + kx;
                        sum += value(op->in_type, in, (row * op->in.w + column) * op->in.c + c);
                    }
                }
                dpt_store(op, out, index++, dpt_requantize(op, sum, mult));
            }
        }
    }
}

static void each(void (*kernel)(const dpt_op *, const void *, void *), const dpt_op *op,
                 const void *in, void *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        kernel(op, (const uint8_t *)in + i * dpt_elements(op->in), dpt_output(op, out, i));
    }
}

void dpt_scalar_conv(const dpt_op *op, const void *in, void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_CONV && op->weight != NULL && op->bias != NULL && op->mult != NULL);
    each(conv, op, in, out, n);
}

void dpt_scalar_grouped(const dpt_op *op, const void *in, void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_GROUPED && op->weight != NULL && op->bias != NULL &&
               op->mult != NULL);
    each(grouped, op, in, out, n);
}

void dpt_scalar_dense(const dpt_op *op, const void *in, void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_DENSE && op->weight != NULL && op->bias != NULL && op->mult != NULL);
    each(dense, op, in, out, n);
}

void dpt_scalar_maxpool(const dpt_op *op, const void *in, void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_MAXPOOL && op->in.c == op->out.c);
    each(maxpool, op, in, out, n);
}

void dpt_scalar_avgpool(const dpt_op *op, const void *in, void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_AVGPOOL && op->in.c == op->out.c && op->mult != NULL);
    each(avgpool, op, in, out, n);
}

static int always(void) {
    return 1;
}

const dpt_backend dpt_scalar = {"scalar",        always,           0,
                                dpt_scalar_conv, dpt_scalar_dense, DPT_PLAIN_KERNELS};
