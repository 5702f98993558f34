/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the backends for small devices: windows of the input are copied to a buffer on the
 * stack, in the form that the multiplying instruction reads, and stay there for all channels.
 *
 * Included once by each such backend, after it has defined:
 *
 *     BATCH, STEP                    windows in the buffer; values of a window multiplied at once
 *     CONV_BLOCK, DENSE_BLOCK        channels of a block of weights
 *     window                         the buffer: MOST values of BATCH windows
 *     window_put(x, p, k, from, n, type)     n values of window p, from number k on, come from
 *                                    `from`, or are real zeros where that is NULL
 *     window_dot(w, x, steps, n, sums)       adds the products of a block to sums[p * GROUP + its
 *                                    channels], for the first n windows or more
 *     row_dot(w, x, steps, type, sums)       the same for a dense op, from the input as it is
 *     window_sum(x, p), row_sum(x, n, type)   what all sums of a place take in beside products;
 *     WINDOW_SUMS                    1, or 0 where that is nothing
 *     JOIN                           if defined: windows of so many values are joined to one run of
 *                                    bytes before they are put
 *     finish(op, sums, mult, out, n, merge)  requantizes n channels and stores them; with `merge`
 *                                    the maximum with what is stored already
 *
 * Weights are packed by the exporter (pybridge/drypoint/program/_packing.py says how). Requantized
 * values of a pooling window are merged by maximum: requantization is monotone, so these are the
 * bytes of the maximum of sums (NUMERICS.md section 3). */
#ifndef DPT_WINDOW_H
#define DPT_WINDOW_H

#include "dpt_internal.h"

#include <string.h>

enum { GROUP = 12 }; /* channels whose sums are kept at a time: whole blocks of 2, 3 or 4 */

/* One op on one plane. */
typedef struct layer {
    const dpt_op *op;
    const uint8_t *in;
    void *out;
    const int32_t *bias, *mult;
    const uint8_t *weight;
    size_t length, steps; /* of the reduction: values, steps */
} layer;

static layer layer_of(const dpt_op *op, const uint8_t *in, void *out, size_t length, size_t block) {
    const size_t channels = (op->out.c + block - 1) / block * block;
    const int32_t *bias = op->packed;
    const layer l = {op,
                     in,
                     out,
                     bias,
                     bias + channels,
                     (const uint8_t *)(bias + 2 * channels),
                     length,
                     (length + STEP - 1) / STEP};
    return l;
}

static inline size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Where the next windows lie: the place in the pooling window, and the corner of the latter. */
typedef struct cursor {
    int32_t y, x, py, px;
} cursor;

static void advance(cursor *at, const dpt_op *op) {
    if (++at->px == op->pool_w) {
        at->px = 0;
        if (++at->py == op->pool_h) {
            at->py = 0;
            at->x += op->pool_w;
            if (at->x == op->out.w * op->pool_w) {
                at->x = 0;
                at->y += op->pool_h;
            }
        }
    }
}

/* `value`, at least `low` and at most `high`. */
static inline size_t within(size_t value, size_t low, size_t high) {
    return value < low ? low : value > high ? high : value;
}

/* Values k0 .. k0 + n of the window at the cursor become window p of the buffer. */
static void gather(const layer *l, const cursor *at, size_t k0, size_t n, window *x, size_t p) {
    const dpt_op *op = l->op;
    const int32_t top = (at->y + at->py) * op->stride_h - op->pad_top;
    const int32_t left = (at->x + at->px) * op->stride_w - op->pad_left;
    const size_t length = (size_t)op->kernel_w * op->in.c, pitch = (size_t)op->in.w * op->in.c;
    if (n == l->length && top >= 0 && top + op->kernel_h <= op->in.h && left >= 0 &&
        left + op->kernel_w <= op->in.w) {
        const uint8_t *from = l->in + (size_t)top * pitch + (size_t)left * op->in.c;
#ifdef JOIN
        if (n <= JOIN) {
            uint8_t joined[JOIN], *to = joined;
            for (size_t k = 0; k < n; k += length, from += pitch) {
                size_t i = 0;
                for (; i + 4 <= length; i += 4, to += 4) {
                    memcpy(to, from + i, 4);
                }
                for (; i < length; i++) {
                    *to++ = from[i];
                }
            }
            window_put(x, p, 0, joined, n, op->in_type);
            return;
        }
#endif
        for (size_t k = 0; k < n; k += length) {
            window_put(x, p, k, from, length, op->in_type);
            from += pitch;
        }
        return;
    }
    /* The border, or a part of a window: real zeros, then values, then zeros in each row. */
    const size_t low = left < 0 ? (size_t)-left * op->in.c : 0;
    const size_t high = left < op->in.w ? (size_t)(op->in.w - left) * op->in.c : 0;
    int32_t y = top + (int32_t)(k0 / length);
    size_t begin = k0 % length;
    for (size_t k = 0; k < n; y++) {
        const size_t end = least(length, begin + n - k);
        const int inside = y >= 0 && y < op->in.h;
        const size_t first = inside ? within(low, begin, end) : end;
        const size_t last = inside ? within(high, first, end) : end;
        window_put(x, p, k, NULL, first - begin, op->in_type);
        k += first - begin;
        if (last > first) {
            const size_t across = (size_t)(left * op->in.c + (int32_t)first);
            window_put(x, p, k, l->in + (size_t)y * pitch + across, last - first, op->in_type);
            k += last - first;
        }
        window_put(x, p, k, NULL, end - last, op->in_type);
        k += end - last;
        begin = 0;
    }
}

/* The sums of `n` windows, done: places of one output are merged, and stored. */
static void store(const layer *l, size_t place, size_t n, size_t channel, int32_t *sums) {
    const size_t area = (size_t)l->op->pool_h * l->op->pool_w;
    const size_t channels = least(GROUP, l->op->out.c - channel);
    for (size_t p = 0; p < n;) {
        const size_t output = (place + p) / area, first = p;
        for (p++; p < n && (place + p) / area == output; p++) {
            for (size_t c = 0; c < GROUP; c++) { /* a constant number is unrolled */
                const int32_t sum = sums[p * GROUP + c];
                sums[first * GROUP + c] =
                    sum > sums[first * GROUP + c] ? sum : sums[first * GROUP + c];
            }
        }
        finish(l->op, sums + first * GROUP, l->mult + channel, l->out,
               output * l->op->out.c + channel, channels, (place + first) % area != 0);
    }
}

static void convolve(const layer *l) {
    const dpt_op *op = l->op;
    const size_t places = (size_t)op->out.h * op->out.w * op->pool_h * op->pool_w;
    cursor at = {0, 0, 0, 0};
    window x;
    memset(&x, 0, sizeof x); /* what no window fills meets weights of 0 */
    for (size_t place = 0; place < places; place += BATCH) {
        const size_t n = least(BATCH, places - place);
        cursor batch[BATCH];
        for (size_t p = 0; p < BATCH; p++) { /* the last place stands in for missing ones */
            batch[p] = at;
            if (place + p + 1 < places) {
                advance(&at, op);
            }
        }
        for (size_t channel = 0; channel < op->out.c; channel += GROUP) {
            int32_t sums[BATCH * GROUP];
            const size_t channels = least(GROUP, op->out.c - channel);
            const size_t blocks = (channels + CONV_BLOCK - 1) / CONV_BLOCK * CONV_BLOCK;
            size_t c = 0;
            for (; c < blocks; c++) {
                const int32_t bias = l->bias[channel + c];
                for (size_t p = 0; p < BATCH; p++) {
                    sums[p * GROUP + c] = bias;
                }
            }
            for (; c < GROUP; c++) {
                for (size_t p = 0; p < BATCH; p++) {
                    sums[p * GROUP + c] = 0;
                }
            }
            for (size_t k = 0; k < l->length; k += MOST) {
                const size_t part = least(MOST, l->length - k), steps = (part + STEP - 1) / STEP;
                if (channel == 0 || l->length > MOST) {
                    for (size_t p = 0; p < n; p++) {
                        gather(l, &batch[p], k, part, &x, p);
                    }
                }
                /* cppcheck-suppress knownConditionTrueFalse ; it depends on the backend */
                for (size_t p = 0; p < n && WINDOW_SUMS; p++) {
                    const int32_t all = window_sum(&x, p);
                    for (c = 0; c < channels; c++) {
                        sums[p * GROUP + c] += all;
                    }
                }
                const uint8_t *w = l->weight + (channel * l->steps + k / STEP * CONV_BLOCK) * STEP;
                for (c = 0; c < channels; c += CONV_BLOCK) {
                    window_dot(w, &x, steps, n, sums + c);
                    w += CONV_BLOCK * l->steps * STEP;
                }
            }
            store(l, place, n, channel, sums);
        }
    }
}

/* The values that are no whole step are read from a copy. */
static void multiply(const layer *l) {
    const dpt_op *op = l->op;
    const size_t whole = l->length / STEP, rest = l->length % STEP;
    uint8_t last[STEP] = {0};
    for (size_t i = 0; i < rest; i++) {
        last[i] = l->in[whole * STEP + i];
    }
    const int32_t all = row_sum(l->in, l->length, op->in_type);
    const uint8_t *w = l->weight;
    for (size_t channel = 0; channel < op->out.c; channel += GROUP) {
        int32_t sums[GROUP];
        const size_t channels = least(GROUP, op->out.c - channel);
        const size_t blocks = (channels + DENSE_BLOCK - 1) / DENSE_BLOCK * DENSE_BLOCK;
        for (size_t c = 0; c < blocks; c++) {
            sums[c] = l->bias[channel + c] + all;
        }
        for (size_t c = 0; c < channels; c += DENSE_BLOCK) {
            row_dot(w, l->in, whole, op->in_type, sums + c);
            if (rest != 0) {
                row_dot(w + DENSE_BLOCK * STEP * whole, last, 1, op->in_type, sums + c);
            }
            w += DENSE_BLOCK * STEP * l->steps;
        }
        finish(op, sums, l->mult + channel, l->out, channel, channels, 0);
    }
}

static void window_conv(const dpt_op *op, const void *in, void *out, size_t n) {
    const size_t length = (size_t)op->kernel_h * op->kernel_w * op->in.c;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *plane = (const uint8_t *)in + i * dpt_elements(op->in);
        const layer l = layer_of(op, plane, dpt_output(op, out, i), length, CONV_BLOCK);
        convolve(&l);
    }
}

static void window_dense(const dpt_op *op, const void *in, void *out, size_t n) {
    const size_t length = dpt_elements(op->in);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *plane = (const uint8_t *)in + i * length;
        const layer l = layer_of(op, plane, dpt_output(op, out, i), length, DENSE_BLOCK);
        multiply(&l);
    }
}

#endif
