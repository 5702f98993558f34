/* SPDX-License-Identifier: Apache-2.0 */
/* Direct convolution, for every kernel, stride, dilation and number of groups. */
#include "dpk_block.h"
#include "dpk_depthwise.h"
#include "dpk_pairs.h"
#include "dpk_pooled.h"
#include "dpk_product.h"
#include "dpk_tasks.h"
#include "dpk_threads.h"

typedef struct {
    dpk_frame frame;       /* a block of a group of x, with padding */
    size_t rows, columns;  /* of the convolution, before pooling */
    size_t strip_rows;     /* rows of the convolution for one row of y */
    size_t in, out;        /* channels of a group */
    ptrdiff_t plane;       /* floats in a channel of a block of x */
    ptrdiff_t row, dx, dy; /* floats between rows; from result to result, across and down */
} geometry;

static void swap(size_t *a, size_t *b) {
    const size_t before = *a;
    *a = *b;
    *b = before;
}

static void swap_axes(dpk_images *x) {
    const ptrdiff_t step = x->stride_h;
    swap(&x->h, &x->w);
    x->stride_h = x->stride_w;
    x->stride_w = step;
}

/* The convolution of a signal, images of one column, as one of images of one row: neighbouring
 * results of a row are computed together. Of other images, the convolution as it is. */
static dpk_conv2d lay_signals_flat(const dpk_conv2d *given) {
    dpk_conv2d a = *given;
    if (a.x.w > 1 || a.y.w > 1 || a.kernel_w > 1 || a.pool_w > 1 || a.left != 0)
        return a;
    swap_axes(&a.x);
    swap_axes(&a.y);
    swap(&a.kernel_h, &a.kernel_w);
    swap(&a.stride_h, &a.stride_w);
    swap(&a.dilation_h, &a.dilation_w);
    swap(&a.pool_h, &a.pool_w);
    a.left = a.top;
    a.top = 0;
    return a;
}

static geometry measured(const dpk_conv2d *a) {
    const int pooled = a->x_winners == NULL; /* y is, not x */
    geometry s = {.rows = pooled ? a->y.h * a->pool_h : a->y.h,
                  .columns = pooled ? a->y.w * a->pool_w : a->y.w,
                  .strip_rows = pooled ? a->pool_h : 1};
    s.frame = (dpk_frame){(s.rows - 1) * a->stride_h + (a->kernel_h - 1) * a->dilation_h + 1,
                          (s.columns - 1) * a->stride_w + (a->kernel_w - 1) * a->dilation_w + 1,
                          a->top, a->left, 0};
    s.in = a->x.c / a->groups;
    s.out = a->y.c / a->groups;
    s.row = (ptrdiff_t)(s.frame.w * DPK_LANES);
    s.plane = (ptrdiff_t)s.frame.h * s.row;
    s.dx = (ptrdiff_t)(a->stride_w * DPK_LANES);
    s.dy = (ptrdiff_t)a->stride_h * s.row;
    return s;
}

/* Writes the places of the terms of a result in a block of a group, in the order of the weights;
 * returns how many. A term has `taps` taps of a row. */
static size_t set_offsets(const dpk_conv2d *a, const geometry *s, size_t planes, size_t taps,
                          ptrdiff_t *offsets) {
    const ptrdiff_t *first = offsets;
    for (size_t c = 0; c < planes; c++)
        for (size_t u = 0; u < a->kernel_h; u++)
            for (size_t v = 0; v < a->kernel_w; v += taps)
                *offsets++ = (ptrdiff_t)c * s->plane + (ptrdiff_t)(u * a->dilation_h) * s->row +
                             (ptrdiff_t)(v * a->dilation_w * DPK_LANES);
    return (size_t)(offsets - first);
}

/* Computes a row of results of one channel by 3 by 3 weights, which stay in registers. */
static void row_by_nine(const dpk_product *taps, size_t n, const float *x, const float *w,
                        float bias, float *y) {
    const float *top = x, *middle = x + taps->offsets[3], *bottom = x + taps->offsets[6];
    const ptrdiff_t step = taps->offsets[1];
    dpk_vec weight[9];
#pragma GCC unroll 9
    for (int t = 0; t < 9; t++)
        weight[t] = dpk_all(w[t]);
    for (size_t i = 0; i < n; i++, y += DPK_LANES) {
        dpk_vec sum = dpk_all(bias);
#pragma GCC unroll 3
        for (int v = 0; v < 3; v++) {
            sum = dpk_fma(weight[v], dpk_load(top + v * step), sum);
            sum = dpk_fma(weight[3 + v], dpk_load(middle + v * step), sum);
            sum = dpk_fma(weight[6 + v], dpk_load(bottom + v * step), sum);
        }
        dpk_store(y, sum);
        top += taps->x_step;
        middle += taps->x_step;
        bottom += taps->x_step;
    }
}

/* Computes [q][strip_rows][columns][lane] for output channels o .. o + q - 1. */
static void strip_of(const dpk_conv2d *a, const geometry *s, const dpk_product *taps,
                     const float *x, size_t o, size_t q, float *strip) {
    const size_t n_tiles = dpk_groups(s->columns, DPK_P);
    const float *weight = a->weight + o * taps->n_terms;
    if (!taps->pairs && s->in == 1 && q == 1 && a->kernel_h == 3 && a->kernel_w == 3) {
        for (size_t row = 0; row < s->strip_rows; row++)
            row_by_nine(taps, s->columns, x + (ptrdiff_t)row * s->dy, weight,
                        a->bias ? a->bias[o] : 0, strip + row * s->columns * DPK_LANES);
        return;
    }
    for (size_t row = 0; row < s->strip_rows; row++)
        for (size_t tile = 0; tile < n_tiles; tile++) {
            const size_t begin = dpk_begin(s->columns, tile, n_tiles);
            DPK(product)(taps, dpk_begin(s->columns, tile + 1, n_tiles) - begin, q,
                         x + (ptrdiff_t)row * s->dy + (ptrdiff_t)begin * s->dx, weight,
                         a->bias ? a->bias + o : NULL,
                         strip + (row * s->columns + begin) * DPK_LANES);
        }
}

/* Whether the results of the convolution are y, whose images lie in the lanes of a vector. */
static int is_in_place(const dpk_conv2d *a, const geometry *s) {
    const int pools = a->x_winners == NULL && a->pool_h * a->pool_w > 1;
    return !pools && !a->relu && a->winners == NULL && a->y.stride_n == 1 && s->out > 1;
}

/* Computes the results of a group in a whole block; y points to the first. Tiles of columns come
 * first: what they read of x stays in the first cache while all channels use it. */
static void block_in_place(const dpk_conv2d *a, const geometry *s, const dpk_product *taps,
                           const float *x, size_t first, float *y) {
    const size_t n_tiles = dpk_groups(s->columns, DPK_P), n_channels = dpk_groups(s->out, DPK_Q);
    dpk_product terms = *taps;
    terms.y_row = a->y.stride_c;
    terms.y_step = a->y.stride_w;
    for (size_t i = 0; i < s->rows * n_tiles; i++) {
        const size_t row = i / n_tiles, begin = dpk_begin(s->columns, i % n_tiles, n_tiles);
        const size_t p = dpk_begin(s->columns, i % n_tiles + 1, n_tiles) - begin;
        const float *from = x + (ptrdiff_t)row * s->dy + (ptrdiff_t)begin * s->dx;
        float *to = y + (ptrdiff_t)row * a->y.stride_h + (ptrdiff_t)begin * a->y.stride_w;
        for (size_t k = 0; k < n_channels; k++) {
            const size_t o = dpk_begin(s->out, k, n_channels);
            DPK(product)(&terms, p, dpk_begin(s->out, k + 1, n_channels) - o, from,
                         a->weight + (first + o) * taps->n_terms,
                         a->bias ? a->bias + first + o : NULL, to + (ptrdiff_t)o * a->y.stride_c);
        }
    }
}

/* Computes all results of q output channels of a block with 2x2 pooling. */
static void pooled_rows(const dpk_conv2d *a, const geometry *s, const dpk_product *taps,
                        const float *x, size_t b, size_t o, size_t q) {
    const dpk_pooled row = {.n_terms = taps->n_terms,
                            .offsets = taps->offsets,
                            .dx = s->dx,
                            .dy = s->dy,
                            .n_windows = a->y.w,
                            .n_images = dpk_count(a->y.n, b),
                            .pairs = taps->pairs,
                            .relu = a->relu,
                            .y_step = a->y.stride_w,
                            .y_plane = a->y.stride_c,
                            .winners_step = a->y.n,
                            .winners_plane = a->y.h * a->y.w * a->y.n};
    float *y = a->y.data + (ptrdiff_t)(b * DPK_LANES) + (ptrdiff_t)o * a->y.stride_c;
    uint8_t *winners = a->winners ? a->winners + b * DPK_LANES + o * row.winners_plane : NULL;
    for (size_t i = 0; i < a->y.h; i++) {
        DPK(pooled)(&row, q, x + (ptrdiff_t)(2 * i) * s->dy, a->weight + o * taps->n_terms,
                    a->bias ? a->bias + o : NULL, y, winners);
        y += a->y.stride_h;
        winners += winners == NULL ? 0 : a->y.w * a->y.n;
    }
}

/* Prefetches part b of n_blocks of n_channels channels from c on. The images of a batch lie side by
 * side, so a block reads a part of every line of a plane; the lines come from memory in order. */
static void expect(const dpk_images *x, size_t c, size_t n_channels, size_t b, size_t n_blocks) {
    if (c + n_channels > x->c || x->stride_n != 1)
        return;
    const float *from = x->data + (ptrdiff_t)c * x->stride_c;
    const size_t n = n_channels * x->h * x->w * x->n, end = dpk_begin(n, b + 1, n_blocks);
    for (size_t i = dpk_begin(n, b, n_blocks); i < end; i += 16)
        __builtin_prefetch(from + i, 0, 2);
}

int DPK(conv2d)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_conv2d flat = lay_signals_flat(arguments), *a = &flat;
    if (DPK(is_depthwise)(a))
        return DPK(depthwise)(a, part, n_parts);
    const geometry s = measured(a);
    const size_t n_blocks = dpk_groups(a->y.n, DPK_LANES),
                 n_taps = s.in * a->kernel_h * a->kernel_w;
    const size_t strip_size = s.strip_rows * s.columns * DPK_LANES;
    const size_t block_size = s.in * (size_t)s.plane, n_weights = a->exact ? a->y.c * n_taps : 0;
    float *x = dpk_scratch(block_size + DPK_Q * strip_size + 4 * n_taps + n_weights);
    if (x == NULL)
        return 1;
    float *strip = x + block_size;
    void *rest = strip + DPK_Q * strip_size;
    ptrdiff_t *offsets = rest, *pair_offsets = offsets + n_taps;
    void *pair_weights = pair_offsets + n_taps;
    const dpk_product taps = {.n_terms = set_offsets(a, &s, s.in, 1, offsets),
                              .offsets = offsets,
                              .x_step = s.dx,
                              .w_row = (ptrdiff_t)n_taps,
                              .w_term = 1,
                              .y_row = (ptrdiff_t)strip_size,
                              .y_step = DPK_LANES};
    dpk_conv2d paired = *a;
    paired.weight = pair_weights;
    dpk_product pair_taps = taps;
    pair_taps.n_terms =
        set_offsets(a, &s, dpk_pair_planes(s.in), dpk_pair_taps(s.in), pair_offsets);
    pair_taps.offsets = pair_offsets;
    pair_taps.w_row = (ptrdiff_t)pair_taps.n_terms;
    pair_taps.pairs = DPK(pair_weights)(a, pair_weights);
    const int pooled = a->x_winners == NULL && a->pool_h == 2 && a->pool_w == 2;
    const int in_place = is_in_place(a, &s);
    const size_t n_tiles = dpk_groups(s.out, pooled ? DPK_POOLED_Q : DPK_Q),
                 last = dpk_begin(a->groups * n_blocks, part + 1, n_parts);
    for (size_t i = dpk_begin(a->groups * n_blocks, part, n_parts); i < last; i++) {
        const size_t group = i / n_blocks, b = i % n_blocks, c = group * s.in;
        if (a->x_winners)
            DPK(unpool)(&a->x, a->x_winners, b, c, s.in, a->pool_h, a->pool_w, &s.frame, x);
        else
            DPK(images_to_block)(&a->x, b, c, s.in, &s.frame, x);
        if (a->groups > 1) {
            expect(&a->x, c + s.in, s.in, b, n_blocks);
            expect(&a->y, (group + 1) * s.out, s.out, b, n_blocks);
        }
        const int by_pairs = pair_taps.pairs && DPK(pair_block)(s.in, &s.frame, a->dilation_w, x);
        const dpk_conv2d *call = by_pairs ? &paired : a;
        const dpk_product *terms = by_pairs ? &pair_taps : &taps;
        if (in_place && dpk_count(a->y.n, b) == DPK_LANES) {
            const size_t o = group * s.out;
            block_in_place(call, &s, terms, x, o,
                           a->y.data + (ptrdiff_t)(b * DPK_LANES) + (ptrdiff_t)o * a->y.stride_c);
            continue;
        }
        for (size_t tile = 0; tile < n_tiles; tile++) {
            const size_t inside = dpk_begin(s.out, tile, n_tiles);
            const size_t q = dpk_begin(s.out, tile + 1, n_tiles) - inside;
            const size_t o = group * s.out + inside;
            if (pooled) {
                pooled_rows(call, &s, terms, x, b, o, q);
                continue;
            }
            for (size_t row = 0; row < a->y.h; row++) {
                strip_of(call, &s, terms, x + (ptrdiff_t)(row * s.strip_rows) * s.dy, o, q, strip);
                for (size_t k = 0; k < q; k++) {
                    const dpk_part done = {b, o + k, row, 0, 1, a->y.w};
                    DPK(relu_and_pool)(a, strip + k * strip_size, s.columns, &done);
                }
            }
        }
    }
    return 0;
}

/* Adds the terms of a block to the gradients of the weights of q output channels. */
static void correlate(const dpk_correlation *sums, size_t n_taps, const ptrdiff_t *offsets,
                      size_t q, const float *g, const float *x, float *y) {
    const size_t n_tiles = dpk_groups(n_taps, q == 1 ? DPK_CP1 : DPK_CP);
    for (size_t tile = 0; tile < n_tiles; tile++) {
        const size_t t = dpk_begin(n_taps, tile, n_tiles);
        DPK(correlation)(sums, dpk_begin(n_taps, tile + 1, n_tiles) - t, q, g, x, offsets + t,
                         y + t, (ptrdiff_t)n_taps);
    }
}

/* An item is a tile of output channels of a group. */
static int weight_gradient(const dpk_conv2d *a, size_t first, size_t last) {
    const geometry s = measured(a);
    const size_t n_blocks = dpk_groups(a->y.n, DPK_LANES),
                 n_taps = s.in * a->kernel_h * a->kernel_w;
    const size_t n_tiles = dpk_groups(s.out, DPK_CQ), area = s.rows * s.columns * DPK_LANES;
    const size_t block_size = s.in * (size_t)s.plane;
    float *x = dpk_scratch(block_size + DPK_CQ * area + 2 * n_taps);
    if (x == NULL)
        return 1;
    float *g = x + block_size;
    void *rest = g + DPK_CQ * area;
    ptrdiff_t *offsets = rest;
    set_offsets(a, &s, s.in, 1, offsets);
    const dpk_frame g_frame = {s.rows, s.columns, 0, 0, 0};
    const dpk_correlation sums = {.n_rows = s.rows,
                                  .n_columns = s.columns,
                                  .g_row = (ptrdiff_t)(s.columns * DPK_LANES),
                                  .g_plane = (ptrdiff_t)area,
                                  .x_row = s.dy,
                                  .x_column = s.dx};
    const size_t stop = dpk_groups(last, n_tiles) * n_blocks;
    for (size_t i = first / n_tiles * n_blocks; i < stop; i++) {
        const size_t group = i / n_blocks, b = i % n_blocks, end = (group + 1) * n_tiles;
        DPK(images_to_block)(&a->x, b, group * s.in, s.in, &s.frame, x);
        if (a->groups > 1) {
            expect(&a->x, (group + 1) * s.in, s.in, b, n_blocks);
            expect(&a->y, (group + 1) * s.out, s.out, b, n_blocks);
        }
        for (size_t tile = dpk_max(first, group * n_tiles); tile < dpk_min(last, end); tile++) {
            const size_t inside = dpk_begin(s.out, tile % n_tiles, n_tiles);
            const size_t q = dpk_begin(s.out, tile % n_tiles + 1, n_tiles) - inside;
            const size_t o = group * s.out + inside;
            if (a->winners)
                DPK(unpool)(&a->y, a->winners, b, o, q, a->pool_h, a->pool_w, &g_frame, g);
            else
                DPK(images_to_block)(&a->y, b, o, q, &g_frame, g);
            correlate(&sums, n_taps, offsets, q, g, x, a->weight + o * n_taps);
        }
    }
    return 0;
}

int DPK(conv2d_weight_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_conv2d flat = lay_signals_flat(arguments), *a = &flat;
    if (DPK(is_depthwise)(a))
        return DPK(depthwise_weight_gradient)(a, part, n_parts);
    const size_t n_items = a->groups * dpk_groups(a->y.c / a->groups, DPK_CQ);
    return dpk_each_term(a, n_items, part, n_parts, weight_gradient);
}
