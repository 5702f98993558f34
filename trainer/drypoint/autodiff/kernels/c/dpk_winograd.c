/* SPDX-License-Identifier: Apache-2.0 */
/* Winograd convolution, forward: both axes of dpk_transforms.h, so n * n multiplications for 16
 * results in place of 16 r * r. At each point it is a small matrix product over the channels. */
#include "dpk_winograd.h"
#include "dpk_matrix.h"
#include "dpk_product.h"
#include "dpk_tasks.h"
#include "dpk_threads.h"

#include <string.h>

/* Output channels that are transformed back at once, while their products are in the second-level
 * cache. */
enum { GROUP = 3 * DPK_Q };

int DPK(filters)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_filters *a = arguments;
    const size_t taps = a->r * a->r, points = (a->r + 3) * (a->r + 3);
    const size_t n_groups = dpk_groups(a->n_pairs, DPK_LANES);
    const size_t end = dpk_begin(n_groups, part + 1, n_parts);
    float *tile = dpk_scratch((taps + points) * DPK_LANES);
    if (tile == NULL)
        return 1;
    float *transformed = tile + taps * DPK_LANES;
    for (size_t group = dpk_begin(n_groups, part, n_parts); group < end; group++) {
        const size_t first = group * DPK_LANES;
        const size_t count = dpk_min(DPK_LANES, a->n_pairs - first);
        const size_t next = dpk_min(first + DPK_LANES, a->n_pairs - 1);
        for (size_t point = 0; point < points; point++) /* where the next ones go: far apart */
            __builtin_prefetch(a->points + point * a->n_pairs + next, 1, 2);
        DPK(copy_matrix_padded)((dpk_matrix){a->weight + first * taps, 1, (ptrdiff_t)taps}, taps,
                                count, tile, DPK_LANES);
        DPK(transform)(DPK_WEIGHT, a->r, tile, (ptrdiff_t)(a->r * DPK_LANES), DPK_LANES,
                       transformed, DPK_LANES);
        for (size_t point = 0; point < points; point++)
            dpk_scatter(a->points + point * a->n_pairs + first,
                        dpk_load(transformed + point * DPK_LANES), count);
    }
    return 0;
}

dpk_view DPK(view_of)(const dpk_images *x, const dpk_tiling *s, size_t b, float *copy) {
    dpk_view view;
    if (dpk_viewed(x, b, 0, s->frame.top, s->frame.left, &view))
        return view;
    DPK(images_to_block)(x, b, 0, x->c, &s->frame, copy);
    return (dpk_view){copy, s->plane, s->row, DPK_LANES, 0, 0, s->frame.h, s->frame.w};
}

enum { WIDEST = DPK_TILE + 4 }; /* pixels that a tile reads along an axis */

/* Copies n by n pixels from (i, j) on. */
static void copy_tile(const dpk_view *x, const float *plane, ptrdiff_t i, ptrdiff_t j, size_t n,
                      float *tile) {
    for (size_t u = 0; u < n; u++)
        for (size_t v = 0; v < n; v++, tile += DPK_LANES) {
            const ptrdiff_t row = i + (ptrdiff_t)u, column = j + (ptrdiff_t)v;
            const int inside =
                row >= 0 && row < (ptrdiff_t)x->h && column >= 0 && column < (ptrdiff_t)x->w;
            dpk_store(tile,
                      inside ? dpk_load(plane + row * x->row + column * x->column) : (dpk_vec){0});
        }
}

void DPK(tiles_to_points)(const dpk_tiling *s, dpk_map map, const dpk_chunk *k, size_t n_channels,
                          size_t n_padded, const dpk_view *x, float *points) {
    const size_t n_tiles = k->h * k->w, n = map == DPK_DATA ? s->r + DPK_TILE - 1 : DPK_TILE;
    const size_t step = dpk_matrix_step(n_padded, n_tiles), end = n_channels * n_tiles * DPK_LANES;
    for (size_t point = 0; point < s->points && n_padded > n_channels; point++)
        memset(points + point * step + end, 0, 4 * (n_padded * n_tiles * DPK_LANES - end));
    for (size_t t = 0; t < n_tiles; t++, points += DPK_LANES) {
        const ptrdiff_t i = (ptrdiff_t)(DPK_TILE * (k->top + t / k->w)) - x->top,
                        j = (ptrdiff_t)(DPK_TILE * (k->left + t % k->w)) - x->left;
        const int inside = i >= 0 && j >= 0 && i + (ptrdiff_t)n <= (ptrdiff_t)x->h &&
                           j + (ptrdiff_t)n <= (ptrdiff_t)x->w;
        const float *plane = x->data;
        for (size_t c = 0; c < n_channels; c++, plane += x->plane) {
            float copy[WIDEST * WIDEST * DPK_LANES], *to = points + c * n_tiles * DPK_LANES;
            if (inside) {
                DPK(transform)(map, s->r, plane + i * x->row + j * x->column, x->row, x->column, to,
                               (ptrdiff_t)step);
            } else {
                copy_tile(x, plane, i, j, n, copy);
                DPK(transform)(map, s->r, copy, (ptrdiff_t)(n * DPK_LANES), DPK_LANES, to,
                               (ptrdiff_t)step);
            }
        }
    }
}

/* Products of channels first .. first + n - 1 at every point: [point][channel][tile][lane]. */
static void multiply(const dpk_conv2d *a, const dpk_tiling *s, size_t n_tiles, size_t first,
                     size_t n, const ptrdiff_t *offsets, const float *x, float *products) {
    const dpk_product terms = {.n_terms = a->x.c,
                               .offsets = offsets,
                               .x_step = DPK_LANES,
                               .w_row = (ptrdiff_t)a->x.c,
                               .w_term = 1,
                               .y_row = (ptrdiff_t)(n_tiles * DPK_LANES),
                               .y_step = DPK_LANES};
    const size_t groups = dpk_groups(n, DPK_Q);
    for (size_t point = 0; point < s->points; point++) {
        const float *w = a->points + (point * a->y.c + first) * a->x.c;
        for (size_t i = 0; i < groups; i++) {
            const size_t o = dpk_begin(n, i, groups);
            DPK(product)(&terms, n_tiles, dpk_begin(n, i + 1, groups) - o,
                         x + point * dpk_matrix_step(a->x.c, n_tiles), w + o * a->x.c, NULL,
                         products + point * dpk_matrix_step(n, n_tiles) + o * n_tiles * DPK_LANES);
        }
    }
}

/* Writes the results of one channel in a chunk, with bias, ReLU and pooling. */
static void finish_chunk(const dpk_conv2d *a, const dpk_tiling *s, const dpk_chunk *k, size_t b,
                         size_t o, const float *products, size_t step, float *strip) {
    const size_t width = DPK_TILE * k->w, n_tiles = k->h * k->w;
    const dpk_vec bias = dpk_all(a->bias ? a->bias[o] : 0);
    for (size_t i = 0; i < DPK_TILE * k->h * width; i++)
        dpk_store(strip + i * DPK_LANES, bias);
    for (size_t t = 0; t < n_tiles; t++)
        DPK(transform_back)(DPK_RESULT, s->r, products + t * DPK_LANES, (ptrdiff_t)step,
                            strip + (t / k->w * width + t % k->w) * DPK_TILE * DPK_LANES,
                            (ptrdiff_t)(width * DPK_LANES), DPK_LANES, 1);
    dpk_part part = {b, o, DPK_TILE * k->top / a->pool_h, DPK_TILE * k->left / a->pool_w, 0, 0};
    part.h = dpk_min(DPK_TILE * k->h / a->pool_h, a->y.h - part.row);
    part.w = dpk_min(width / a->pool_w, a->y.w - part.column);
    DPK(relu_and_pool)(a, strip, width, &part);
}

int DPK(winograd)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_conv2d *a = arguments;
    if (a->x.c == 1 && a->kernel_h == 5)
        return DPK(winograd_single)(a, part, n_parts);
    const dpk_tiling s = dpk_tiled(a, a->y.h * a->pool_h, a->y.w * a->pool_w, a->top, a->left);
    const size_t most = s.chunk_h * s.chunk_w, n_blocks = dpk_groups(a->y.n, DPK_LANES);
    const size_t n_groups = dpk_groups(a->y.c, GROUP);
    const size_t block_size = a->x.c * (size_t)s.plane;
    const size_t x_size = s.points * dpk_matrix_step(a->x.c, most);
    const size_t y_size = s.points * dpk_matrix_step(GROUP, most);
    const size_t strip_size = DPK_TILE * DPK_TILE * most * DPK_LANES;
    float *block = dpk_scratch(block_size + x_size + y_size + strip_size + 2 * a->x.c);
    if (block == NULL)
        return 1;
    float *x = block + block_size, *products = x + x_size, *strip = products + y_size;
    void *rest = strip + strip_size;
    ptrdiff_t *offsets = rest;
    const size_t end = dpk_begin(n_blocks, part + 1, n_parts);
    for (size_t b = dpk_begin(n_blocks, part, n_parts); b < end; b++) {
        const dpk_view view = DPK(view_of)(&a->x, &s, b, block);
        for (size_t i = 0; i < s.chunks_h * s.chunks_w; i++) {
            const dpk_chunk k = dpk_chunk_at(&s, i);
            const size_t n_tiles = k.h * k.w;
            for (size_t c = 0; c < a->x.c; c++)
                offsets[c] = (ptrdiff_t)(c * n_tiles * DPK_LANES);
            DPK(tiles_to_points)(&s, DPK_DATA, &k, a->x.c, a->x.c, &view, x);
            for (size_t group = 0; group < n_groups; group++) {
                const size_t o = dpk_begin(a->y.c, group, n_groups);
                const size_t n = dpk_begin(a->y.c, group + 1, n_groups) - o;
                multiply(a, &s, n_tiles, o, n, offsets, x, products);
                for (size_t j = 0; j < n; j++)
                    finish_chunk(a, &s, &k, b, o + j, products + j * n_tiles * DPK_LANES,
                                 dpk_matrix_step(n, n_tiles), strip);
            }
        }
    }
    return 0;
}
