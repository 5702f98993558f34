/* SPDX-License-Identifier: Apache-2.0 */
/* Winograd convolution of one channel with 5 by 5 weights. There is no sum over channels between
 * the maps of dpk_transforms.h, so the products at the points go straight into the back transform,
 * whose 16 results stay in registers. */
#include "dpk_tasks.h"
#include "dpk_threads.h"
#include "dpk_winograd.h"

enum { N = 8 }; /* points along an axis */

/* The points 1/2 and -1/2: their weights are scaled by 1/8 and their row of A by 8, so that the row
 * has the factors of the points 2 and -2. Both scales are powers of 2, so nothing is rounded. */
DPK_INLINE int is_half(size_t point) {
    return point == 5 || point == 6;
}

/* y[0..4) += a pair of points, 1 and -1, 2 and -2, or 1/2 and -1/2, by the map A^T. The first
 * pair finds y[1..4) uninitialized. */
DPK_INLINE void add_pair(const int pair, dpk_vec plus, dpk_vec minus, dpk_vec *y) {
    static const float powers[4][4] = {{0}, {1, 1, 1, 1}, {1, 2, 4, 8}, {8, 4, 2, 1}};
    const dpk_vec sum = plus + minus, difference = plus - minus;
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const float c = powers[pair][j];
        const dpk_vec term = j % 2 ? difference : sum;
        if (pair == 1 && j > 0)
            y[j] = term;
        else
            y[j] = c == 1 ? y[j] + term : dpk_fma(dpk_all(c), term, y[j]);
    }
}

/* Products of the weights [N][N] with the points x, [N][N][lane]. The bias is added at the point
 * (1, 1), which all results contain with the factor 1. */
DPK_INLINE dpk_vec product(const int i, const int j, const float *x, const float *w, float bias) {
    const dpk_vec weight = dpk_all(w[i * N + j]), point = dpk_load(x + (i * N + j) * DPK_LANES);
    return i == 1 && j == 1 ? dpk_fma(weight, point, dpk_all(bias)) : weight * point;
}

/* Column j of the products through the map A^T. */
DPK_INLINE void transform_column(const int j, const float *x, const float *w, float bias,
                                 dpk_vec *y) {
    y[0] = product(0, j, x, w, bias);
#pragma GCC unroll 4
    for (int pair = 1; pair < N / 2; pair++)
        add_pair(pair, product(2 * pair - 1, j, x, w, bias), product(2 * pair, j, x, w, bias), y);
    y[3] = y[3] + product(N - 1, j, x, w, bias);
}

/* The products through the map A^T on both axes, column by column. */
DPK_INLINE void transform_products(const float *x, const float *w, float bias, dpk_vec (*y)[4]) {
    dpk_vec one[4], other[4];
    transform_column(0, x, w, bias, one);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        y[i][0] = one[i];
#pragma GCC unroll 4
    for (int pair = 1; pair < N / 2; pair++) {
        transform_column(2 * pair - 1, x, w, bias, one);
        transform_column(2 * pair, x, w, bias, other);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            add_pair(pair, one[i], other[i], y[i]);
    }
    transform_column(N - 1, x, w, bias, one);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        y[i][3] = y[i][3] + one[i];
}

/* The place of the results of a tile. */
typedef struct {
    float *y;
    uint8_t *winners; /* or NULL */
    int pairs;        /* whole vectors behind a pooling over 2 by 2, and none beyond the edge */
} place;

/* DPK(relu_and_pool) of such a tile, straight from registers. */
DPK_INLINE void finish_pairs(const dpk_conv2d *a, const place *p, dpk_vec (*results)[4]) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const int row = i / 2, column = i % 2;
        dpk_vec best = results[2 * row][2 * column];
        dpk_ivec won = {0};
#pragma GCC unroll 4
        for (int k = 1; k < 4; k++)
            dpk_keep_larger(results[2 * row + k / 2][2 * column + k % 2], k, &best, &won);
        if (a->relu)
            dpk_keep_positive(&best, &won);
        dpk_store(p->y + row * a->y.stride_h + column * a->y.stride_w, best);
        if (p->winners != NULL)
            dpk_narrow(p->winners + ((size_t)row * a->y.w + (size_t)column) * a->y.n, won,
                       DPK_LANES);
    }
}

/* Not inlined: a compiler would hoist the weights of a channel, 64 vectors, out of the calling
 * loop, and spill them from the registers. */
__attribute__((noinline)) static void finish_tile(const dpk_conv2d *a, const dpk_part *part,
                                                  const place *p, const float *x, const float *w) {
    const float bias = a->bias ? a->bias[part->c] : 0;
    dpk_vec y[DPK_TILE][DPK_TILE];
    transform_products(x, w, bias, y);
    if (p->pairs) {
        finish_pairs(a, p, y);
        return;
    }
    float strip[DPK_TILE * DPK_TILE * DPK_LANES];
#pragma GCC unroll 16
    for (int i = 0; i < DPK_TILE * DPK_TILE; i++)
        dpk_store(strip + i * DPK_LANES, y[i / DPK_TILE][i % DPK_TILE]);
    DPK(relu_and_pool)(a, strip, DPK_TILE, part);
}

static place place_of(const dpk_conv2d *a, const dpk_part *part) {
    const size_t lane = part->b * DPK_LANES;
    place p = {a->y.data + (ptrdiff_t)lane + (ptrdiff_t)part->c * a->y.stride_c +
                   (ptrdiff_t)part->row * a->y.stride_h + (ptrdiff_t)part->column * a->y.stride_w,
               a->winners, 0};
    if (p.winners != NULL)
        p.winners += ((part->c * a->y.h + part->row) * a->y.w + part->column) * a->y.n + lane;
    p.pairs = a->pool_h == 2 && a->pool_w == 2 && part->h == 2 && part->w == 2 &&
              dpk_count(a->y.n, part->b) == DPK_LANES;
    return p;
}

/* With large batches each result is on another page, whose access takes about as long as a tile: so
 * it is prefetched. */
DPK_INLINE void expect(const dpk_conv2d *a, const place *p) {
    if (!p->pairs)
        return;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __builtin_prefetch(p->y + i / 2 * a->y.stride_h + i % 2 * a->y.stride_w, 1);
        if (p->winners != NULL)
            __builtin_prefetch(p->winners + ((size_t)(i / 2) * a->y.w + (size_t)(i % 2)) * a->y.n,
                               1);
    }
}

/* Transposes [point][o] to [o][point], with 1/2 and -1/2 scaled by 1/8. */
static void by_channel(const dpk_conv2d *a, float *w) {
    for (size_t o = 0; o < a->y.c; o++)
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++) {
                const float scale = (is_half(i) ? 0.125F : 1) * (is_half(j) ? 0.125F : 1);
                w[(o * N + i) * N + j] = scale * a->points[(i * N + j) * a->y.c + o];
            }
}

/* Computes a tile of every output channel, while its points are in the first-level cache. */
static void channels_of(const dpk_conv2d *a, dpk_part part, const float *x, const float *w) {
    const size_t winners_plane = a->y.h * a->y.w * a->y.n;
    place p = place_of(a, &part);
    for (; part.c < a->y.c; part.c++, w += N * N) {
        place next = p;
        if (part.c + 1 < a->y.c) {
            next.y += a->y.stride_c;
            next.winners += next.winners == NULL ? 0 : winners_plane;
            expect(a, &next);
        }
        finish_tile(a, &part, &p, x, w);
        p = next;
    }
}

int DPK(winograd_single)(const dpk_conv2d *a, size_t part, size_t n_parts) {
    const dpk_tiling s = dpk_tiled(a, a->y.h * a->pool_h, a->y.w * a->pool_w, a->top, a->left);
    const size_t n_blocks = dpk_groups(a->y.n, DPK_LANES), x_size = N * N * DPK_LANES;
    float *block = dpk_scratch((size_t)s.plane + x_size + a->y.c * N * N);
    if (block == NULL)
        return 1;
    float *x = block + s.plane, *w = x + x_size;
    by_channel(a, w);
    const size_t down = DPK_TILE / a->pool_h, across = DPK_TILE / a->pool_w;
    const size_t end = dpk_begin(n_blocks, part + 1, n_parts);
    for (size_t b = dpk_begin(n_blocks, part, n_parts); b < end; b++) {
        DPK(images_to_block)(&a->x, b, 0, 1, &s.frame, block);
        for (size_t i = 0; i < s.tiles_h; i++)
            for (size_t j = 0; j < s.tiles_w; j++) {
                const float *tile =
                    block + (ptrdiff_t)(DPK_TILE * i) * s.row + DPK_TILE * j * DPK_LANES;
                DPK(transform)(DPK_DATA, s.r, tile, s.row, DPK_LANES, x, DPK_LANES);
                dpk_part first = {b, 0, down * i, across * j, 0, 0};
                first.h = dpk_min(down, a->y.h - first.row);
                first.w = dpk_min(across, a->y.w - first.column);
                channels_of(a, first, x, w);
            }
    }
    return 0;
}
