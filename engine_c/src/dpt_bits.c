/* SPDX-License-Identifier: Apache-2.0 */
/* The plain kernels for weights of 4 and 2 bits: as dpt_scalar.c computes, with each weight
 * unpacked where it is multiplied. BLOB.md section 4 has the layout of the weights. */
#include "dpt_internal.h"

#include "dpt_convolve.inc"

/* The sum of n products: values of `x` from number `at` on, and weights of the row `row` from
 * number `first` on. `first` is below 4, so that 32 bits hold the indexes. */
static int32_t bits_dot(const dpt_op *op, const void *x, size_t at, const int8_t *row, size_t first,
                        size_t n) {
    const uint32_t bits = op->weight_bits;
    int32_t acc = 0;
    for (size_t i = 0; i < n; i++) {
        acc += dpt_value(op->in.type, x, at + i) * dpt_weight(row, first + i, bits);
    }
    return acc;
}

/* Of any convolution but a depthwise one. */
static int32_t bits_conv_sum(const dpt_op *op, const void *in, window_corner w, size_t o) {
    const size_t groups = op->kind == DPT_GROUPED ? op->groups : 1;
    const size_t channels = op->in.c / groups, first = o / (op->out.c / groups) * channels;
    const uint64_t weights = (uint64_t)op->kernel_h * op->kernel_w * channels;
    const int8_t *row = op->weight + o * (size_t)dpt_row_bytes(weights, op->weight_bits);
    const uint32_t log2 = dpt_weights_log2(op->weight_bits), last = (1u << log2) - 1u;
    uint64_t done = 0;
    int32_t acc = 0;
    for (int32_t ky = 0; ky < op->kernel_h; ky++) {
        for (int32_t kx = 0; kx < op->kernel_w; kx++, done += channels) {
            const size_t pixel = pixel_at(op, w.top + ky * (int32_t)op->dilation_h,
                                          w.left + kx * (int32_t)op->dilation_w);
            const int padded = pixel == SIZE_MAX;
            if (!padded || op->pad != NULL) {
                acc += bits_dot(op, padded ? op->pad : in, (padded ? 0 : pixel) + first,
                                row + (size_t)(done >> log2), (size_t)(done & last), channels);
            }
        }
    }
    return acc;
}

static int32_t bits_depthwise_sum(const dpt_op *op, const void *in, window_corner w, size_t o) {
    const size_t c = o / (op->out.c / op->in.c);
    const size_t bytes = (size_t)dpt_row_bytes(op->out.c, op->weight_bits);
    const int8_t *row = op->weight;
    int32_t acc = 0;
    for (int32_t ky = 0; ky < op->kernel_h; ky++) {
        for (int32_t kx = 0; kx < op->kernel_w; kx++, row += bytes) {
            acc += tap(op, in, w, ky, kx, c) * dpt_weight(row, o, op->weight_bits);
        }
    }
    return acc;
}

void dpt_bits_conv(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT((op->kind == DPT_GROUPED || op->kind == DPT_CONV) && op->weight_bits < 8);
    convolve_each(op, in[0], out, n, bits_conv_sum);
}

void dpt_bits_depthwise(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_DEPTHWISE && op->weight_bits < 8);
    convolve_each(op, in[0], out, n, bits_depthwise_sum);
}

void dpt_bits_dense(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_DENSE && op->weight_bits < 8 && op->weight != NULL &&
               op->bias != NULL && op->mult != NULL);
    const size_t values = dpt_elements(op->in);
    const size_t bytes = (size_t)dpt_row_bytes(values, op->weight_bits);
    for (size_t i = 0; i < n; i++) {
        const int8_t *row = op->weight;
        void *to = dpt_output(op, out, i);
        for (size_t o = 0; o < op->out.c; o++, row += bytes) {
            const int32_t acc = bits_dot(op, in[0], i * values, row, 0, values);
            const int32_t bias = dpt_i32(op->bias + 4 * o), mult = dpt_i32(op->mult + 4 * o);
            dpt_store(op, to, o, dpt_requantize(op, acc + bias, mult));
        }
    }
}
