/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the backends for small devices: a few windows of the input are copied to a buffer
 * on the stack, in the form that the multiplying instruction reads, and meet the channels of a
 * group there. The stack that a run takes depends on the backend alone, not on the model: longer
 * windows are copied and multiplied part by part, more channels group by group.
 *
 * Included once by each such backend, after it has defined:
 *
 *     BATCH, MOST                    the buffer has room for MOST values of BATCH windows
 *     GROUP                          channels whose sums are kept at a time: whole blocks
 *     STEP                           values of a window multiplied at once; MOST is whole steps
 *     BLOCK, DENSE                   channels of a block of weights; of those that a dense op takes
 *                                    at a time, one or two blocks
 *     window                         the buffer
 *     window_put(x, p, k, from, n, type)     n values of window p, from number k on, come from
 *                                    `from`, or are real zeros where that is NULL; k begins at 0
 *     window_whole(x, p, from, op)   all values of window p, which has at most MOST, from its
 *                                    corner in a plane that it lies in
 *     window_dot(w, next, x, steps, blocks, from, apart, sums)      the channels of some blocks,
 *                                    `next` bytes apart, at all windows: sums[p * GROUP + channel]
 *                                    = from[p * apart + channel] + products
 *     row_sum(x, n, type, sums)      what the sums of a block of a dense op have beside bias and
 *                                    products
 *     row_dot(w, next, x, steps, type, sums)     adds the products of DENSE channels, of which the
 *                                    second block is `next` bytes behind, with the input as it is
 *     finish(op, sums, mult, out, index, n)  requantizes n channels and stores them
 *     LARGEST_OF                     if defined: it has largest_of(best, sums) in vectors
 *
 * Weights are packed by the exporter (pybridge/drypoint/program/_packing.py says how). */
#ifndef DPT_WINDOW_H
#define DPT_WINDOW_H

#include "dpt_internal.h"

#include <string.h>

#define WINDOW_NOINLINE __attribute__((noinline)) /* a function with registers of its own */

/* One op on one plane. */
typedef struct window_job {
    const dpt_op *op;
    const uint8_t *in;
    void *out;
    const int32_t *bias, *mult;
    const uint8_t *weight;
    size_t length, units; /* of the reduction: values, steps */
} window_job;

static window_job window_job_of(const dpt_op *op, const uint8_t *in, void *out, size_t length) {
    DPT_ASSERT(op->packed != NULL && (uintptr_t)op->packed % sizeof(int32_t) == 0);
    const size_t channels = ((size_t)op->out.c + WINDOW_BLOCK - 1) / WINDOW_BLOCK * WINDOW_BLOCK;
    const int32_t *bias = op->packed;
    const uint8_t *weight = (const uint8_t *)(bias + 2 * channels);
    const size_t units = (length + WINDOW_UNIT - 1) / WINDOW_UNIT;
    const window_job l = {op, in, out, bias, bias + channels, weight, length, units};
    return l;
}

static inline size_t window_least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Where a window lies: its corner in the input, and its place in the pooling window and in a row of
 * those. */
typedef struct window_cursor {
    int32_t top, left;
    uint32_t py, px, x;
} window_cursor;

/* A part of a window: n values, from value `begin` of row `row` on. */
typedef struct window_part {
    size_t row, begin, n;
} window_part;

/* A convolution at work: nearly all of its stack. */
typedef struct window_work {
    window_job l;
    size_t row, pitch;           /* values in a row of a window, of the input */
    int32_t last_top, last_left; /* the last corner of a window without padding */
    window_cursor at;            /* the next window */
    window_part of;
    size_t index, missing; /* the output at work, and how many windows it still needs */
    int32_t acc[(1 + WINDOW_COUNT) * WINDOW_GROUP];
    window_buffer x;
} window_work;

static void window_advance(window_cursor *at, const dpt_op *op) {
    at->left += op->stride_w;
    if (++at->px == op->pool_w) {
        at->px = 0;
        at->left -= op->pool_w * op->stride_w;
        at->top += op->stride_h;
        if (++at->py == op->pool_h) {
            at->py = 0;
            at->top -= op->pool_h * op->stride_h;
            at->left += op->pool_w * op->stride_w;
            if (++at->x == op->out.w) {
                at->x = 0;
                at->top += op->pool_h * op->stride_h;
                at->left = -op->pad_left;
            }
        }
    }
}

/* `value`, at least `low` and at most `high`. */
static inline size_t window_clamp(size_t value, size_t low, size_t high) {
    return value < low ? low : value > high ? high : value;
}

/* In each row: real zeros, then values, then zeros. */
WINDOW_NOINLINE static void window_gather_padded(window_work *k, const window_cursor *at,
                                                 size_t p) {
    const dpt_op *op = k->l.op;
    const size_t low = at->left < 0 ? (size_t)-at->left * op->in.c : 0;
    const size_t high = at->left < op->in.w ? (size_t)(op->in.w - at->left) * op->in.c : 0;
    int32_t y = at->top + (int32_t)k->of.row;
    size_t begin = k->of.begin;
    for (size_t done = 0; done < k->of.n; y++) {
        const size_t end = window_least(k->row, begin + k->of.n - done);
        const int missed = y < 0 || y >= op->in.h;
        const size_t first = missed ? end : window_clamp(low, begin, end);
        const size_t last = missed ? end : window_clamp(high, first, end);
        window_put(&k->x, p, done, NULL, first - begin, op->in_type);
        if (last > first) {
            const size_t across = (size_t)(at->left * op->in.c + (int32_t)first);
            window_put(&k->x, p, done + first - begin, k->l.in + (size_t)y * k->pitch + across,
                       last - first, op->in_type);
        }
        window_put(&k->x, p, done + last - begin, NULL, end - last, op->in_type);
        done += end - begin;
        begin = 0;
    }
}

/* The part `of` of the window at the cursor becomes window p of the buffer. */
WINDOW_NOINLINE static void window_gather(window_work *k, const window_cursor *at, size_t p) {
    const dpt_op *op = k->l.op;
    if (at->top < 0 || at->top > k->last_top || at->left < 0 || at->left > k->last_left) {
        window_gather_padded(k, at, p);
        return;
    }
    const uint8_t *from = k->l.in + (size_t)at->top * k->pitch + (size_t)at->left * op->in.c;
    if (k->of.n == k->l.length) {
        window_whole(&k->x, p, from, op);
        return;
    }
    size_t n = k->row - k->of.begin;
    from += k->of.row * k->pitch + k->of.begin;
    for (size_t done = 0; done < k->of.n; done += n, from += k->pitch - k->row + n, n = k->row) {
        n = window_least(n, k->of.n - done);
        window_put(&k->x, p, done, from, n, op->in_type);
    }
}

/* The next n windows, at most BATCH, come to the buffer, or a part of each. */
static inline void window_gather_next(window_work *k, size_t n) {
    for (size_t p = 0; p < n; p++) {
        window_gather(k, &k->at, p);
        window_advance(&k->at, k->l.op);
    }
}

/* They meet some blocks of channels. */
static inline void window_multiply(window_work *k, size_t n, const int32_t *bias, const uint8_t *w,
                                   size_t blocks, int32_t *acc) {
    const size_t next = k->l.units * WINDOW_UNIT * WINDOW_BLOCK;
    if (k->l.length <= WINDOW_VALUES) {
        window_gather_next(k, n);
        window_dot(w, next, &k->x, k->l.units, blocks, bias, 0, acc);
        return;
    }
    const window_cursor at = k->at;
    const int32_t *from = bias;
    const window_part none = {0, 0, 0};
    k->of = none;
    for (size_t left = k->l.length; left > 0; left -= k->of.n) {
        k->of.n = window_least(WINDOW_VALUES, left);
        k->at = at;
        window_gather_next(k, n);
        window_dot(w, next, &k->x, (k->of.n + WINDOW_UNIT - 1) / WINDOW_UNIT, blocks, from,
                   from == acc ? WINDOW_GROUP : 0, acc);
        from = acc;
        w += WINDOW_VALUES * WINDOW_BLOCK;
        for (k->of.begin += k->of.n; k->of.begin >= k->row; k->of.begin -= k->row) {
            k->of.row++;
        }
    }
}

#ifndef WINDOW_MAX
static inline void window_max(int32_t *best, const int32_t *acc) {
    for (size_t c = 0; c < WINDOW_BLOCK; c++) {
        best[c] = acc[c] > best[c] ? acc[c] : best[c];
    }
}
#endif

/* What is at `best` or, if larger, in one of the n windows at `sums`, channel by channel. */
WINDOW_NOINLINE static void window_keep_max(int32_t *best, const int32_t *acc, size_t n,
                                            size_t blocks) {
    for (; n > 0; n--, acc += WINDOW_GROUP) {
        for (size_t c = 0; c < blocks * WINDOW_BLOCK; c += WINDOW_BLOCK) {
            window_max(best + c, acc + c);
        }
    }
}

/* Pooling comes before requantization, which is monotone (NUMERICS.md section 3). The first of the
 * sums are the best so far of the output at work, if it has any, those of n more windows follow. */
WINDOW_NOINLINE static void window_pool(window_work *k, size_t n, size_t channel, size_t channels) {
    const size_t area = (size_t)k->l.op->pool_h * k->l.op->pool_w;
    size_t begun = k->missing != area;
    for (int32_t *best = k->acc; n > 0; begun = 0) {
        const size_t some = window_least(n, k->missing);
        window_keep_max(best, best + WINDOW_GROUP, some - 1 + begun,
                        (channels + WINDOW_BLOCK - 1) / WINDOW_BLOCK);
        n -= some;
        k->missing -= some;
        if (k->missing == 0) {
            window_store(k->l.op, best, k->l.mult + channel, k->l.out, k->index, channels);
            k->index += k->l.op->out.c;
            k->missing = area;
        } else if (best != k->acc) {
            memcpy(k->acc, best, WINDOW_GROUP * sizeof *best);
        }
        best += (some + begun) * WINDOW_GROUP;
    }
}

/* The channels of a group everywhere. */
WINDOW_NOINLINE static void window_convolve_group(window_work *k, size_t channel) {
    const dpt_op *op = k->l.op;
    const size_t area = (size_t)op->pool_h * op->pool_w;
    const size_t channels = window_least(WINDOW_GROUP, op->out.c - channel);
    const uint8_t *const w = k->l.weight + channel * k->l.units * WINDOW_UNIT;
    const window_cursor begin = {-op->pad_top, -op->pad_left, 0, 0, 0};
    const window_part whole = {0, 0, k->l.length};
    k->at = begin;
    k->of = whole;
    k->index = channel;
    k->missing = area;
    for (size_t n, places = (size_t)op->out.h * op->out.w * area; places > 0; places -= n) {
        n = window_least(WINDOW_COUNT, places);
        window_multiply(k, n, k->l.bias + channel, w, (channels + WINDOW_BLOCK - 1) / WINDOW_BLOCK,
                        k->acc + (k->missing != area) * (size_t)WINDOW_GROUP);
        window_pool(k, n, channel, channels);
    }
}

/* The values that are no whole step are read from a copy. */
static void window_dense_one(const window_job *l) {
    const dpt_op *op = l->op;
    const size_t whole = l->length / WINDOW_UNIT, rest = l->length % WINDOW_UNIT;
    uint8_t last[WINDOW_UNIT] = {0};
    for (size_t i = 0; i < rest; i++) {
        last[i] = l->in[whole * WINDOW_UNIT + i];
    }
    const size_t block = l->units * WINDOW_UNIT * WINDOW_BLOCK; /* bytes of weights */
    int32_t begin[WINDOW_BLOCK];
    window_dense_begin(l->in, l->length, op->in_type, begin);
    const uint8_t *w = l->weight;
    for (size_t channel = 0; channel < op->out.c; channel += WINDOW_DENSE_CHANNELS) {
        const size_t channels = window_least(WINDOW_DENSE_CHANNELS, op->out.c - channel);
        const size_t next =
            channels > WINDOW_BLOCK ? block : 0; /* no second block: the first again */
        int32_t acc[WINDOW_DENSE_CHANNELS];
        for (size_t c = 0; c < WINDOW_DENSE_CHANNELS; c++) {
            acc[c] = (int32_t)((uint32_t)begin[c % WINDOW_BLOCK] + (uint32_t)l->bias[channel + c]);
        }
        window_dense_dot(w, next, l->in, whole, op->in_type, acc);
        if (rest != 0) {
            window_dense_dot(w + whole * WINDOW_UNIT * WINDOW_BLOCK, next, last, 1, op->in_type,
                             acc);
        }
        window_store(op, acc, l->mult + channel, l->out, channel, channels);
        w += WINDOW_DENSE_CHANNELS / WINDOW_BLOCK * block;
    }
}

static void window_conv(const dpt_op *op, const void *in, void *out, size_t n) {
    window_work k;
    k.row = (size_t)op->kernel_w * op->in.c;
    k.pitch = (size_t)op->in.w * op->in.c;
    k.last_top = op->in.h - op->kernel_h;
    k.last_left = op->in.w - op->kernel_w;
    memset(&k.x, 0, sizeof k.x); /* what no window fills meets weights of 0 */
    for (size_t i = 0; i < n; i++) {
        const uint8_t *plane = (const uint8_t *)in + i * dpt_elements(op->in);
        k.l = window_job_of(op, plane, dpt_output(op, out, i), op->kernel_h * k.row);
        for (size_t channel = 0; channel < op->out.c; channel += WINDOW_GROUP) {
            window_convolve_group(&k, channel);
        }
    }
}

static void window_dense(const dpt_op *op, const void *in, void *out, size_t n) {
    const size_t length = dpt_elements(op->in);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *plane = (const uint8_t *)in + i * length;
        const window_job l = window_job_of(op, plane, dpt_output(op, out, i), length);
        window_dense_one(&l);
    }
}

#endif
