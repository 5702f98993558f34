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

#define APART __attribute__((noinline)) /* a function with registers of its own */

/* One op on one plane. */
typedef struct layer {
    const dpt_op *op;
    const uint8_t *in;
    void *out;
    const int32_t *bias, *mult;
    const uint8_t *weight;
    size_t length, steps; /* of the reduction: values, steps */
} layer;

static layer layer_of(const dpt_op *op, const uint8_t *in, void *out, size_t length) {
    DPT_ASSERT(op->packed != NULL && (uintptr_t)op->packed % sizeof(int32_t) == 0);
    const size_t channels = ((size_t)op->out.c + BLOCK - 1) / BLOCK * BLOCK;
    const int32_t *bias = op->packed;
    const uint8_t *weight = (const uint8_t *)(bias + 2 * channels);
    const size_t steps = (length + STEP - 1) / STEP;
    const layer l = {op, in, out, bias, bias + channels, weight, length, steps};
    return l;
}

static inline size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Where a window lies: its corner in the input, and its place in the pooling window and in a row of
 * those. */
typedef struct cursor {
    int32_t top, left;
    uint32_t py, px, x;
} cursor;

/* A part of a window: n values, from value `begin` of row `row` on. */
typedef struct part {
    size_t row, begin, n;
} part;

/* A convolution at work: nearly all of its stack. */
typedef struct work {
    layer l;
    size_t row, pitch;           /* values in a row of a window, of the input */
    int32_t last_top, last_left; /* the last corner of a window without padding */
    cursor at;                   /* the next window */
    part of;
    size_t index, missing; /* the output at work, and how many windows it still needs */
    int32_t sums[(1 + BATCH) * GROUP];
    window x;
} work;

static void advance(cursor *at, const dpt_op *op) {
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
static inline size_t within(size_t value, size_t low, size_t high) {
    return value < low ? low : value > high ? high : value;
}

/* In each row: real zeros, then values, then zeros. */
APART static void gather_at_border(work *k, const cursor *at, size_t p) {
    const dpt_op *op = k->l.op;
    const size_t low = at->left < 0 ? (size_t)-at->left * op->in.c : 0;
    const size_t high = at->left < op->in.w ? (size_t)(op->in.w - at->left) * op->in.c : 0;
    int32_t y = at->top + (int32_t)k->of.row;
    size_t begin = k->of.begin;
    for (size_t done = 0; done < k->of.n; y++) {
        const size_t end = least(k->row, begin + k->of.n - done);
        const int missed = y < 0 || y >= op->in.h;
        const size_t first = missed ? end : within(low, begin, end);
        const size_t last = missed ? end : within(high, first, end);
        window_put(&k->x, p, done, NULL, first - begin, op->in.type);
        if (last > first) {
            const size_t across = (size_t)(at->left * op->in.c + (int32_t)first);
            window_put(&k->x, p, done + first - begin, k->l.in + (size_t)y * k->pitch + across,
                       last - first, op->in.type);
        }
        window_put(&k->x, p, done + last - begin, NULL, end - last, op->in.type);
        done += end - begin;
        begin = 0;
    }
}

/* The part `of` of the window at the cursor becomes window p of the buffer. */
APART static void gather(work *k, const cursor *at, size_t p) {
    const dpt_op *op = k->l.op;
    if (at->top < 0 || at->top > k->last_top || at->left < 0 || at->left > k->last_left) {
        gather_at_border(k, at, p);
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
        n = least(n, k->of.n - done);
        window_put(&k->x, p, done, from, n, op->in.type);
    }
}

/* The next n windows, at most BATCH, come to the buffer, or a part of each. */
static inline void gather_next(work *k, size_t n) {
    for (size_t p = 0; p < n; p++) {
        gather(k, &k->at, p);
        advance(&k->at, k->l.op);
    }
}

/* They meet some blocks of channels. */
static inline void multiply_windows(work *k, size_t n, const int32_t *bias, const uint8_t *w,
                                    size_t blocks, int32_t *sums) {
    const size_t next = k->l.steps * STEP * BLOCK;
    if (k->l.length <= MOST) {
        gather_next(k, n);
        window_dot(w, next, &k->x, k->l.steps, blocks, bias, 0, sums);
        return;
    }
    const cursor at = k->at;
    const int32_t *from = bias;
    const part none = {0, 0, 0};
    k->of = none;
    for (size_t left = k->l.length; left > 0; left -= k->of.n) {
        k->of.n = least(MOST, left);
        k->at = at;
        gather_next(k, n);
        window_dot(w, next, &k->x, (k->of.n + STEP - 1) / STEP, blocks, from,
                   from == sums ? GROUP : 0, sums);
        from = sums;
        w += MOST * BLOCK;
        for (k->of.begin += k->of.n; k->of.begin >= k->row; k->of.begin -= k->row) {
            k->of.row++;
        }
    }
}

#ifndef LARGEST_OF
static inline void largest_of(int32_t *best, const int32_t *sums) {
    for (size_t c = 0; c < BLOCK; c++) {
        best[c] = sums[c] > best[c] ? sums[c] : best[c];
    }
}
#endif

/* What is at `best` or, if larger, in one of the n windows at `sums`, channel by channel. */
APART static void keep_largest(int32_t *best, const int32_t *sums, size_t n, size_t blocks) {
    for (; n > 0; n--, sums += GROUP) {
        for (size_t c = 0; c < blocks * BLOCK; c += BLOCK) {
            largest_of(best + c, sums + c);
        }
    }
}

/* Pooling comes before requantization, which is monotone (NUMERICS.md section 3). The first of the
 * sums are the best so far of the output at work, if it has any, those of n more windows follow. */
APART static void pool(work *k, size_t n, size_t channel, size_t channels) {
    const size_t area = (size_t)k->l.op->pool_h * k->l.op->pool_w;
    size_t begun = k->missing != area;
    for (int32_t *best = k->sums; n > 0; begun = 0) {
        const size_t some = least(n, k->missing);
        keep_largest(best, best + GROUP, some - 1 + begun, (channels + BLOCK - 1) / BLOCK);
        n -= some;
        k->missing -= some;
        if (k->missing == 0) {
            finish(k->l.op, best, k->l.mult + channel, k->l.out, k->index, channels);
            k->index += k->l.op->out.c;
            k->missing = area;
        } else if (best != k->sums) {
            memcpy(k->sums, best, GROUP * sizeof *best);
        }
        best += (some + begun) * GROUP;
    }
}

/* The channels of a group everywhere. */
APART static void convolve(work *k, size_t channel) {
    const dpt_op *op = k->l.op;
    const size_t area = (size_t)op->pool_h * op->pool_w;
    const size_t channels = least(GROUP, op->out.c - channel);
    const uint8_t *const w = k->l.weight + channel * k->l.steps * STEP;
    const cursor begin = {-op->pad_top, -op->pad_left, 0, 0, 0};
    const part whole = {0, 0, k->l.length};
    k->at = begin;
    k->of = whole;
    k->index = channel;
    k->missing = area;
    for (size_t n, places = (size_t)op->out.h * op->out.w * area; places > 0; places -= n) {
        n = least(BATCH, places);
        multiply_windows(k, n, k->l.bias + channel, w, (channels + BLOCK - 1) / BLOCK,
                         k->sums + (k->missing != area) * (size_t)GROUP);
        pool(k, n, channel, channels);
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
    const size_t block = l->steps * STEP * BLOCK; /* bytes of weights */
    int32_t begin[BLOCK];
    row_sum(l->in, l->length, op->in.type, begin);
    const uint8_t *w = l->weight;
    for (size_t channel = 0; channel < op->out.c; channel += DENSE) {
        const size_t channels = least(DENSE, op->out.c - channel);
        const size_t next = channels > BLOCK ? block : 0; /* no second block: the first again */
        int32_t sums[DENSE];
        for (size_t c = 0; c < DENSE; c++) {
            sums[c] = (int32_t)((uint32_t)begin[c % BLOCK] + (uint32_t)l->bias[channel + c]);
        }
        row_dot(w, next, l->in, whole, op->in.type, sums);
        if (rest != 0) {
            row_dot(w + whole * STEP * BLOCK, next, last, 1, op->in.type, sums);
        }
        finish(op, sums, l->mult + channel, l->out, channel, channels);
        w += DENSE / BLOCK * block;
    }
}

static void window_conv(const dpt_op *op, const void *in, void *out, size_t n) {
    work k;
    k.row = (size_t)op->kernel_w * op->in.c;
    k.pitch = (size_t)op->in.w * op->in.c;
    k.last_top = op->in.h - op->kernel_h;
    k.last_left = op->in.w - op->kernel_w;
    memset(&k.x, 0, sizeof k.x); /* what no window fills meets weights of 0 */
    for (size_t i = 0; i < n; i++) {
        const uint8_t *plane = (const uint8_t *)in + i * dpt_elements(op->in);
        k.l = layer_of(op, plane, dpt_output(op, out, i), op->kernel_h * k.row);
        for (size_t channel = 0; channel < op->out.c; channel += GROUP) {
            convolve(&k, channel);
        }
    }
}

static void window_dense(const dpt_op *op, const void *in, void *out, size_t n) {
    const size_t length = dpt_elements(op->in);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *plane = (const uint8_t *)in + i * length;
        const layer l = layer_of(op, plane, dpt_output(op, out, i), length);
        multiply(&l);
    }
}

#endif
