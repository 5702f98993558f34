/* SPDX-License-Identifier: Apache-2.0 */
/* The plain kernels: NUMERICS.md section 3, as directly as C says it. Every other backend is tested
 * against these, and these against the NumPy reference.
 *
 * Assumes what dpt_internal.h checks: any byte order, and any alignment but that of int32 outputs.
 */
#include "dpt_geometry.h"

/* The sum of n products of activations and weights of 8 bits; `type` says how to read the former.
 */
static inline int32_t dot(int type, const uint8_t *x, const int8_t *w, size_t n) {
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

/* The same for weights of any bits, from number `first` of the row `row` on. `first` is below 4
 * where weights have 4 or 2 bits, so that 32 bits hold the indexes. */
static int32_t dot_bits(const dpt_op *op, const uint8_t *x, const int8_t *row, size_t first,
                        size_t n) {
    if (op->weight_bits == 8) {
        return dot(op->in.type, x, row + first, n);
    }
    int32_t acc = 0;
    for (size_t i = 0; i < n; i++) {
        acc += dpt_value(op->in.type, x, i) * dpt_weight(row, first + i, op->weight_bits);
    }
    return acc;
}

/* Where a window lies in the input. The corner's coordinates fit easily: windows fit the padded
 * input, whose sides are below 2^18. */
typedef struct window_corner {
    int32_t top, left;
} window_corner;

/* The window at position (y, x) of a convolution's plane or of a pool's output. */
static window_corner window_at(const dpt_op *op, int32_t y, int32_t x) {
    const window_corner w = {y * op->stride_h - op->pad_top, x * op->stride_w - op->pad_left};
    return w;
}

/* The index of the pixel at (row, column) times the channels, or SIZE_MAX on the padding. */
static size_t pixel_at(const dpt_op *op, int32_t row, int32_t column) {
    if (row < 0 || row >= op->in.h || column < 0 || column >= op->in.w) {
        return SIZE_MAX;
    }
    return ((size_t)row * op->in.w + (size_t)column) * op->in.c;
}

/* What tap (ky, kx) of a window reads, channel c: the input, or its padding. */
static int32_t tap(const dpt_op *op, const void *in, window_corner w, int32_t ky, int32_t kx,
                   size_t c) {
    const size_t pixel =
        pixel_at(op, w.top + ky * (int32_t)op->dilation_h, w.left + kx * (int32_t)op->dilation_w);
    if (pixel != SIZE_MAX) {
        return dpt_value(op->in.type, in, pixel + c);
    }
    return op->pad != NULL ? dpt_value(op->in.type, op->pad, c) : 0;
}

/* The sum of the taps on the padding of the window at (top, left), which read padding values. */
static int32_t padding_total(const dpt_op *op, const int8_t *weight, int32_t top, int32_t left) {
    int32_t acc = 0;
    for (int32_t y = top; y < top + op->kernel_h; y++) {
        for (int32_t x = left; x < left + op->kernel_w; x++, weight += op->in.c) {
            if (y < 0 || y >= op->in.h || x < 0 || x >= op->in.w) {
                for (size_t c = 0; c < op->in.c; c++) {
                    acc += dpt_value(op->in.type, op->pad, c) * weight[c];
                }
            }
        }
    }
    return acc;
}

/* The sum of the products of a window and the weights of output channel o, without bias: of an
 * undilated convolution with weights of 8 bits. Rows and columns of the kernel that lie on padding
 * without values are left out: they would add 0. The columns that remain are one run of bytes in
 * the input as in the weights. */
DPT_NOINLINE static int32_t conv_sum(const dpt_op *op, const void *in, window_corner w, size_t o) {
    const int8_t *weight = op->weight + o * op->kernel_h * op->kernel_w * op->in.c;
    const int32_t first = dpt_larger(0, -w.left),
                  end = dpt_smaller(op->kernel_w, op->in.w - w.left);
    int32_t acc = op->pad == NULL ? 0 : padding_total(op, weight, w.top, w.left);
    if (first >= end) {
        return acc;
    }
    for (int32_t ky = dpt_larger(0, -w.top); ky < dpt_smaller(op->kernel_h, op->in.h - w.top);
         ky++) {
        size_t from = ((size_t)(w.top + ky) * op->in.w + (size_t)(w.left + first)) * op->in.c;
        size_t tap_at = ((size_t)ky * op->kernel_w + (size_t)first) * op->in.c;
        acc += dot(op->in.type, (const uint8_t *)in + from, weight + tap_at,
                   (size_t)(end - first) * op->in.c);
    }
    return acc;
}

/* Tap by tap, of any convolution but a depthwise one. */
static int32_t grouped_sum(const dpt_op *op, const void *in, window_corner w, size_t o) {
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
                const uint8_t *x = padded ? op->pad : (const uint8_t *)in + pixel;
                acc += dot_bits(op, x + first, row + (size_t)(done >> log2), (size_t)(done & last),
                                channels);
            }
        }
    }
    return acc;
}

static int32_t depthwise_sum(const dpt_op *op, const void *in, window_corner w, size_t o) {
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

typedef int32_t window_sum(const dpt_op *op, const void *in, window_corner w, size_t o);

/* Pooling comes before bias and requantization: both are monotone, so the maximum may go first. */
static void convolve(const dpt_op *op, const void *in, void *out, window_sum *sum) {
    size_t index = 0;
    for (int32_t y = 0; y < op->out.h; y++) {
        for (int32_t x = 0; x < op->out.w; x++) {
            for (size_t o = 0; o < op->out.c; o++) {
                int32_t best = INT32_MIN;
                for (int32_t py = 0; py < op->pool_h; py++) {
                    for (int32_t px = 0; px < op->pool_w; px++) {
                        const window_corner w =
                            window_at(op, y * op->pool_h + py, x * op->pool_w + px);
                        const int32_t acc = sum(op, in, w, o);
                        best = acc > best ? acc : best;
                    }
                }
                best += dpt_i32(op->bias + 4 * o);
                dpt_store(op, out, index++, dpt_requantize(op, best, dpt_i32(op->mult + 4 * o)));
            }
        }
    }
}

static void convolve_each(const dpt_op *op, const void *in, void *out, size_t n, window_sum *sum) {
    DPT_ASSERT(op->weight != NULL && op->bias != NULL && op->mult != NULL);
    for (size_t i = 0; i < n; i++) {
        convolve(op, (const uint8_t *)in + i * dpt_elements(op->in), dpt_output(op, out, i), sum);
    }
}

void dpt_scalar_conv(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_CONV && !dpt_dilated(op) && op->weight_bits == 8);
    convolve_each(op, in[0], out, n, conv_sum);
}

void dpt_scalar_grouped(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_GROUPED || op->kind == DPT_CONV);
    convolve_each(op, in[0], out, n, grouped_sum);
}

void dpt_scalar_depthwise(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_DEPTHWISE && op->out.c % op->in.c == 0);
    convolve_each(op, in[0], out, n, depthwise_sum);
}

void dpt_scalar_dense(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_DENSE && op->weight != NULL && op->bias != NULL && op->mult != NULL);
    const size_t values = dpt_elements(op->in);
    const size_t bytes = (size_t)dpt_row_bytes(values, op->weight_bits);
    const uint8_t *x = in[0];
    for (size_t i = 0; i < n; i++, x += values) {
        for (size_t o = 0; o < op->out.c; o++) {
            const int32_t acc = dot_bits(op, x, op->weight + o * bytes, 0, values);
            const int32_t bias = dpt_i32(op->bias + 4 * o), mult = dpt_i32(op->mult + 4 * o);
            dpt_store(op, out, i * op->out.c + o, dpt_requantize(op, acc + bias, mult));
        }
    }
}

static int32_t largest(const dpt_pool_part *part, size_t c) {
    const uint8_t *row = part->from + c;
    uint32_t best = 0;
    for (size_t y = part->rows; y > 0; y--, row += part->pitch) {
        const uint8_t *pixel = row;
        for (size_t x = part->columns; x > 0; x--, pixel += part->channels) {
            const uint32_t v = *pixel ^ part->flip;
            best = v > best ? v : best;
        }
    }
    return (int32_t)best - (int32_t)part->flip;
}

/* The sums of CHANNELS channels, 1 or 4, from channel c on, each place plus the flip. */
static inline void add_up(const size_t CHANNELS, const dpt_pool_part *part, size_t c,
                          uint32_t *sum) {
    const size_t channels = part->channels;
    const uint8_t *row = part->from + c;
    const uint32_t flip = part->flip;
    uint32_t of[4] = {0};
    for (size_t y = part->rows; y > 0; y--, row += part->pitch) {
        const uint8_t *pixel = row;
        for (size_t x = part->columns; x > 0; x--, pixel += channels) {
            for (size_t i = 0; i < CHANNELS; i++) {
                of[i] += pixel[i] ^ flip;
            }
        }
    }
    for (size_t i = 0; i < CHANNELS; i++) {
        sum[i] = of[i];
    }
}

/* Four channels at a time: they share the address of a pixel. */
DPT_NOINLINE static void means(const dpt_op *op, const dpt_pool_part *part, void *out,
                               size_t index) {
    const size_t inside = part->rows * part->columns;
    const size_t padded = (size_t)op->kernel_h * op->kernel_w - inside;
    const uint32_t begin = (uint32_t)dpt_i32(op->bias) - part->flip * (uint32_t)inside;
    for (size_t c = 0, n; c < op->out.c; c += n) {
        uint32_t sum[4];
        n = op->out.c - c >= 4 ? 4 : 1;
        if (n == 4) {
            add_up(4, part, c, sum);
        } else {
            add_up(1, part, c, sum);
        }
        for (size_t i = 0; i < n; i++) {
            int32_t acc = (int32_t)(begin + sum[i]);
            if (op->pad != NULL) {
                acc += (int32_t)padded * dpt_value(op->in.type, op->pad, c + i);
            }
            dpt_store(op, out, index++, dpt_requantize(op, acc, dpt_i32(op->mult)));
        }
    }
}

/* A padded place never wins a maximum. */
static void maxima(const dpt_op *op, const dpt_pool_part *part, void *out, size_t index) {
    for (size_t c = 0; c < op->out.c; c++) {
        dpt_store(op, out, index++, largest(part, c));
    }
}

void dpt_scalar_maxpool(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_MAXPOOL);
    dpt_pool(op, in[0], out, n, maxima);
}

void dpt_scalar_avgpool(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_AVGPOOL && op->bias != NULL && op->mult != NULL);
    dpt_pool(op, in[0], out, n, means);
}

/* Ops on single values. They read a value before they write at its place, so that an op may write
 * over its first input. */

void dpt_scalar_add(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_ADD && op->bias != NULL && op->mult != NULL);
    const dpt_op o = *op; /* a copy, which no store to `out` changes */
    const void *const a = in[0], *const b = in[1];
    const int32_t bias = dpt_i32(o.bias), mult = dpt_i32(o.mult);
    for (size_t i = 0, end = n * dpt_elements(o.out); i < end; i++) {
        const int32_t acc = o.factors[0] * dpt_value(o.in.type, a, i) +
                            o.factors[1] * dpt_value(o.in2.type, b, i) + bias;
        dpt_store(&o, out, i, dpt_requantize(&o, acc, mult));
    }
}

/* Each copy is as long as the distance, so that it overlaps nothing. */
void dpt_scalar_history(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_HISTORY && op->in.h == 1 && n == 1);
    const size_t row = dpt_elements(op->in);
    uint8_t *to = out;
    (void)n;
    for (int32_t i = 1; i < op->kernel_h; i++, to += row) {
        memcpy(to, to + row, row);
    }
    memcpy(to, in[0], row);
}

/* The state holds the output: the op that wrote it in the step before is a later one. */
void dpt_scalar_delay(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_DELAY && n == 1);
    (void)op;
    (void)in;
    (void)out;
    (void)n;
}

#include "dpt_scalar_planes.inc"
#include "dpt_scalar_wide.inc"

/* Channels lie innermost, so that no value divides. */
void dpt_scalar_prelu(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_PRELU && op->weight != NULL && op->bias != NULL && op->mult != NULL);
    const int32_t bias = dpt_i32(op->bias), mult = dpt_i32(op->mult);
    for (size_t i = 0, end = n * dpt_elements(op->out); i < end;) {
        for (size_t c = 0; c < op->out.c; c++, i++) {
            const int32_t x = dpt_value(op->in.type, in[0], i) - op->in.zero;
            const int32_t factor = x >= 0 ? op->factors[0] : op->factors[1] * op->weight[c];
            dpt_store(op, out, i, dpt_requantize(op, x * factor + bias, mult));
        }
    }
}

void dpt_scalar_lookup(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    DPT_ASSERT(op->kind == DPT_LOOKUP && op->table != NULL);
    const uint8_t *x = in[0], *table = op->table;
    const size_t end = n * dpt_elements(op->out);
    if (op->out.type == DPT_I32) {
        for (size_t i = 0; i < end; i++) {
            ((int32_t *)out)[i] = dpt_i32(table + 4 * (size_t)x[i]);
        }
        return;
    }
    for (size_t i = 0; i < end; i++) {
        ((uint8_t *)out)[i] = table[x[i]];
    }
}

static void any_conv(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    (op->weight_bits == 8 ? dpt_scalar_conv : dpt_scalar_grouped)(op, in, out, n);
}

const dpt_backend dpt_scalar = {"scalar",
                                dpt_always,
                                0,
                                {[DPT_CONV] = any_conv,
                                 [DPT_DENSE] = dpt_scalar_dense,
                                 [DPT_DEPTHWISE] = dpt_scalar_depthwise,
                                 [DPT_GROUPED] = dpt_scalar_grouped,
                                 DPT_VALUES_KERNELS},
                                dpt_run_rows};
