/* SPDX-License-Identifier: Apache-2.0 */
/* The gradients of Winograd convolution: transposed maps, with as few multiplications. */
#include "dpk_matrix.h"
#include "dpk_tasks.h"
#include "dpk_threads.h"
#include "dpk_winograd.h"

#include <string.h>

/* Output channels that are transformed together, so that their matrices stay in the cache. */
enum { GROUP = 3 * DPK_Q };

/* Gradients of n output channels in a chunk, out of their pooling, at their points:
 * [point][channel][tile][lane], dpk_matrix_step(n_padded, tiles) apart; planes is scratch for them.
 * Channels from n to n_padded are 0. */
static void gradients_to_points(const dpk_conv2d *a, const dpk_tiling *s, const dpk_chunk *k,
                                size_t b, size_t o, size_t n, size_t n_padded, float *planes,
                                float *points) {
    const size_t width = DPK_TILE * k->w, height = DPK_TILE * k->h;
    const ptrdiff_t top = (ptrdiff_t)(DPK_TILE * k->top), left = (ptrdiff_t)(DPK_TILE * k->left);
    const dpk_frame frame = {height, width, -top, -left, 0};
    dpk_view view;
    if (a->winners || !dpk_viewed(&a->y, b, o, 0, 0, &view)) {
        if (a->winners)
            DPK(unpool)(&a->y, a->winners, b, o, n, a->pool_h, a->pool_w, &frame, planes);
        else
            DPK(images_to_block)(&a->y, b, o, n, &frame, planes);
        const ptrdiff_t row = (ptrdiff_t)(width * DPK_LANES);
        view =
            (dpk_view){planes, (ptrdiff_t)height * row, row, DPK_LANES, top, left, height, width};
    }
    DPK(tiles_to_points)(s, DPK_RESULT, k, n, n_padded, &view, points);
}

/* Adds the products of output channels o .. o + n - 1 to each input channel. */
static void multiply(const dpk_conv2d *a, const dpk_tiling *s, size_t n_tiles, size_t o, size_t n,
                     const ptrdiff_t *offsets, const float *g, float *products) {
    const dpk_product terms = {.n_terms = n,
                               .offsets = offsets,
                               .x_step = DPK_LANES,
                               .w_row = 1,
                               .w_term = (ptrdiff_t)a->x.c,
                               .y_row = (ptrdiff_t)(n_tiles * DPK_LANES),
                               .y_step = DPK_LANES};
    const size_t groups = dpk_groups(a->x.c, DPK_Q);
    for (size_t point = 0; point < s->points; point++)
        for (size_t i = 0; i < groups; i++) {
            const size_t c = dpk_begin(a->x.c, i, groups);
            float *y =
                products + point * dpk_matrix_step(a->x.c, n_tiles) + c * n_tiles * DPK_LANES;
            DPK(product)(&terms, n_tiles, dpk_begin(a->x.c, i + 1, groups) - c,
                         g + point * dpk_matrix_step(n, n_tiles),
                         a->points + (point * a->y.c + o) * a->x.c + c, o == 0 ? NULL : y, y);
        }
}

int DPK(winograd_input_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_conv2d *a = arguments;
    dpk_tiling s = dpk_tiled(a, a->y.h * a->pool_h, a->y.w * a->pool_w, a->top, a->left);
    /* If pooling dropped rows or columns, no result depends on some pixels of x. */
    s.frame.h = dpk_max(s.frame.h, a->x.h + (size_t)a->top);
    s.frame.w = dpk_max(s.frame.w, a->x.w + (size_t)a->left);
    s.row = (ptrdiff_t)(s.frame.w * DPK_LANES);
    s.plane = (ptrdiff_t)s.frame.h * s.row;
    const size_t most = s.chunk_h * s.chunk_w, n_blocks = dpk_groups(a->y.n, DPK_LANES);
    const size_t n_groups = dpk_groups(a->y.c, GROUP);
    const size_t block_size = a->x.c * (size_t)s.plane;
    const size_t plane_size = GROUP * DPK_TILE * DPK_TILE * most * DPK_LANES;
    const size_t g_size = s.points * dpk_matrix_step(GROUP, most);
    const size_t x_size = s.points * dpk_matrix_step(a->x.c, most);
    float *block = dpk_scratch(block_size + plane_size + g_size + x_size + 2 * GROUP);
    if (block == NULL)
        return 1;
    float *planes = block + block_size, *g = planes + plane_size, *products = g + g_size;
    void *rest = products + x_size;
    ptrdiff_t *offsets = rest;
    const size_t end = dpk_begin(n_blocks, part + 1, n_parts);
    for (size_t b = dpk_begin(n_blocks, part, n_parts); b < end; b++) {
        memset(block, 0, 4 * block_size);
        for (size_t i = 0; i < s.chunks_h * s.chunks_w; i++) {
            const dpk_chunk k = dpk_chunk_at(&s, i);
            const size_t n_tiles = k.h * k.w;
            for (size_t o = 0; o < GROUP; o++)
                offsets[o] = (ptrdiff_t)(o * n_tiles * DPK_LANES);
            for (size_t group = 0; group < n_groups; group++) {
                const size_t o = dpk_begin(a->y.c, group, n_groups);
                const size_t n = dpk_begin(a->y.c, group + 1, n_groups) - o;
                gradients_to_points(a, &s, &k, b, o, n, n, planes, g);
                multiply(a, &s, n_tiles, o, n, offsets, g, products);
            }
            for (size_t c = 0; c < a->x.c; c++)
                for (size_t t = 0; t < n_tiles; t++) {
                    const size_t row = DPK_TILE * (k.top + t / k.w);
                    const size_t column = DPK_TILE * (k.left + t % k.w);
                    DPK(transform_back)(DPK_DATA, s.r, products + (c * n_tiles + t) * DPK_LANES,
                                        (ptrdiff_t)dpk_matrix_step(a->x.c, n_tiles),
                                        block + (ptrdiff_t)c * s.plane + (ptrdiff_t)row * s.row +
                                            (ptrdiff_t)(column * DPK_LANES),
                                        s.row, DPK_LANES, 1);
                }
        }
        DPK(block_to_images)(&a->x, b, 0, a->x.c, &s.frame, block);
    }
    return 0;
}

/* A tile of the weight gradient at a point: CO output by CI input channels, whose sums over the
 * lanes are the lanes of one vector. */
#if DPK_LANES == 16
enum { CO = 4, CI = 4 };
#elif DPK_LANES == 8
enum { CO = 2, CI = 4 };
#else
enum { CO = 2, CI = 2 };
#endif

DPK_INLINE dpk_vec outer(const float *g, const float *x, size_t n_tiles) {
    dpk_vec sum[CO * CI];
#pragma GCC unroll 16
    for (int i = 0; i < CO * CI; i++)
        sum[i] = (dpk_vec){0};
    for (size_t t = 0; t < n_tiles; t++, g += DPK_LANES, x += DPK_LANES) {
        dpk_vec value[CI];
#pragma GCC unroll 4
        for (int p = 0; p < CI; p++)
            value[p] = dpk_load(x + (size_t)p * n_tiles * DPK_LANES);
#pragma GCC unroll 4
        for (int q = 0; q < CO; q++) {
            const dpk_vec gradient = dpk_load(g + (size_t)q * n_tiles * DPK_LANES);
#pragma GCC unroll 4
            for (int p = 0; p < CI; p++)
                sum[q * CI + p] = dpk_fma(gradient, value[p], sum[q * CI + p]);
        }
    }
    return dpk_sums(sum);
}

/* Transforms [point][item][CO][CI] back to the weight. */
static void points_to_weight(const dpk_conv2d *a, size_t r, size_t first, size_t n_items,
                             const float *sums, float *tile) {
    const size_t n_inputs = dpk_groups(a->x.c, CI), taps = r * r;
    const ptrdiff_t step = (ptrdiff_t)(n_items * DPK_LANES);
    float *kernels = tile + taps * DPK_LANES; /* [lane][tap] */
    for (size_t i = 0; i < n_items; i++) {
        DPK(transform_back)(DPK_WEIGHT, r, sums + i * DPK_LANES, step, tile,
                            (ptrdiff_t)(r * DPK_LANES), DPK_LANES, 0);
        DPK(copy_matrix)((dpk_matrix){tile, 1, DPK_LANES}, DPK_LANES, taps, kernels, taps);
        const size_t o = (first + i) / n_inputs * CO, c = (first + i) % n_inputs * CI;
        for (size_t q = 0; q < dpk_min(CO, a->y.c - o); q++)
            memcpy(a->weight + ((o + q) * a->x.c + c) * taps, kernels + q * CI * taps,
                   4 * taps * dpk_min(CI, a->x.c - c));
    }
}

/* The items, of CO output channels (a unit) by CI input channels, are shared out unit by unit: two
 * parts of a term transform the gradients of one unit at most, but each transforms all of x. */
static int weight_gradient(const dpk_conv2d *a, size_t begin, size_t end) {
    const dpk_tiling s = dpk_tiled(a, a->y.h * a->pool_h, a->y.w * a->pool_w, a->top, a->left);
    const size_t most = s.chunk_h * s.chunk_w, n_blocks = dpk_groups(a->y.n, DPK_LANES);
    const size_t n_inputs = dpk_groups(a->x.c, CI), n_padded = n_inputs * CI;
    const size_t n_items = end - begin, first = begin / n_inputs,
                 n_units = dpk_groups(end, n_inputs) - first;
    const size_t at_once = GROUP / CO, n_groups = dpk_groups(n_units, at_once);
    const size_t block_size = a->x.c * (size_t)s.plane;
    const size_t x_size = s.points * dpk_matrix_step(n_padded, most);
    const size_t plane_size = GROUP * DPK_TILE * DPK_TILE * most * DPK_LANES;
    const size_t g_size = s.points * dpk_matrix_step(GROUP, most);
    const size_t sum_size = s.points * n_items * DPK_LANES;
    float *block = dpk_scratch(block_size + x_size + plane_size + g_size + sum_size);
    if (block == NULL)
        return 1;
    float *x = block + block_size, *planes = x + x_size, *g = planes + plane_size;
    float *sums = g + g_size;
    memset(sums, 0, 4 * sum_size);
    for (size_t b = 0; b < n_blocks; b++) {
        const dpk_view view = DPK(view_of)(&a->x, &s, b, block);
        for (size_t i = 0; i < s.chunks_h * s.chunks_w; i++) {
            const dpk_chunk k = dpk_chunk_at(&s, i);
            const size_t n_tiles = k.h * k.w;
            DPK(tiles_to_points)(&s, DPK_DATA, &k, a->x.c, n_padded, &view, x);
            for (size_t group = 0; group < n_groups; group++) {
                const size_t unit = dpk_begin(n_units, group, n_groups);
                const size_t n = dpk_begin(n_units, group + 1, n_groups) - unit;
                const size_t o = (first + unit) * CO;
                gradients_to_points(a, &s, &k, b, o, dpk_min(n * CO, a->y.c - o), n * CO, planes,
                                    g);
                for (size_t point = 0; point < s.points; point++)
                    for (size_t j = 0; j < n; j++) {
                        const size_t item = (first + unit + j) * n_inputs;
                        const float *of_g = g + point * dpk_matrix_step(n * CO, n_tiles) +
                                            j * CO * n_tiles * DPK_LANES;
                        for (size_t at = dpk_max(item, begin); at < dpk_min(item + n_inputs, end);
                             at++) {
                            float *sum = sums + (point * n_items + at - begin) * DPK_LANES;
                            const float *of_x = x + point * dpk_matrix_step(n_padded, n_tiles) +
                                                (at - item) * CI * n_tiles * DPK_LANES;
                            dpk_store(sum, dpk_load(sum) + outer(of_g, of_x, n_tiles));
                        }
                    }
            }
        }
    }
    points_to_weight(a, s.r, begin, n_items, sums, planes);
    return 0;
}

int DPK(winograd_weight_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_conv2d *a = arguments;
    const size_t n_items = dpk_groups(a->y.c, CO) * dpk_groups(a->x.c, CI);
    return dpk_each_term(a, n_items, part, n_parts, weight_gradient);
}
