/* SPDX-License-Identifier: Apache-2.0 */
/* Products of rows with rows: the gradient of the weight of a convolution of 1 by 1, whose rows are
 * the channels as they lie in memory. Nothing is copied but the last floats of each row. */
#include "dpk_product.h"
#include "dpk_tasks.h"
#include "dpk_threads.h"

/* Vectors of a row that are summed apart: a run of all rows of x fits in a cache, and is long,
 * since the lanes of its sums are added at its end. */
enum { LEAST = 32, MOST = 128, RUN_OF_ALL = 4096 };

/* Adds the products of vectors of rows first .. last - 1 of g with all rows of x; rows are
 * g_row and x_row floats apart. */
static void add_products(const dpk_row_products *a, size_t n_vectors, size_t first, size_t last,
                         const float *g, ptrdiff_t g_row, const float *x, ptrdiff_t x_row) {
    const dpk_correlation run = {
        .n_rows = 1, .n_columns = n_vectors, .g_plane = g_row, .x_column = DPK_LANES};
    const size_t down = dpk_groups(a->n_g, DPK_CQ), across = dpk_groups(a->n_x, DPK_CP);
    ptrdiff_t offsets[DPK_CP];
    for (size_t p = 0; p < DPK_CP; p++)
        offsets[p] = (ptrdiff_t)p * x_row;
    for (size_t i = first; i < last; i++) {
        const size_t o = dpk_begin(a->n_g, i, down), q = dpk_begin(a->n_g, i + 1, down) - o;
        for (size_t j = 0; j < across; j++) {
            const size_t c = dpk_begin(a->n_x, j, across);
            DPK(correlation)(&run, dpk_begin(a->n_x, j + 1, across) - c, q,
                             g + (ptrdiff_t)o * g_row, x + (ptrdiff_t)c * x_row, offsets,
                             a->y + o * a->n_x + c, (ptrdiff_t)a->n_x);
        }
    }
}

/* Copies the last floats of rows to a vector a row, whose other lanes are 0. */
static void copy_ends(const float *x, size_t n_rows, size_t n, size_t begin, float *y) {
    for (size_t row = 0; row < n_rows; row++)
        for (size_t i = 0; i < DPK_LANES; i++)
            y[row * DPK_LANES + i] = begin + i < n ? x[row * n + begin + i] : 0;
}

/* Computes tiles first .. last - 1 of rows of term t; ends is scratch for a vector of each row. */
static void compute(const dpk_row_products *all, size_t t, size_t first, size_t last, float *ends) {
    dpk_row_products term = *all;
    const dpk_row_products *a = &term;
    term.y += t * a->n_g * a->n_x;
    const size_t n_vectors = a->n / DPK_LANES, n_tiles = dpk_groups(a->n_g, DPK_CQ);
    const size_t run = dpk_max(LEAST, dpk_min(MOST, RUN_OF_ALL / dpk_max(a->n_x, 1)));
    const size_t end = dpk_begin(n_vectors, t + 1, a->n_terms);
    memset(a->y + dpk_begin(a->n_g, first, n_tiles) * a->n_x, 0,
           4 * a->n_x * (dpk_begin(a->n_g, last, n_tiles) - dpk_begin(a->n_g, first, n_tiles)));
    for (size_t at = dpk_begin(n_vectors, t, a->n_terms); at < end; at += run)
        add_products(a, dpk_min(run, end - at), first, last, a->g + at * DPK_LANES, (ptrdiff_t)a->n,
                     a->x + at * DPK_LANES, (ptrdiff_t)a->n);
    if (t + 1 == a->n_terms && n_vectors * DPK_LANES < a->n) {
        float *ends_of_x = ends + a->n_g * DPK_LANES;
        copy_ends(a->g, a->n_g, a->n, n_vectors * DPK_LANES, ends);
        copy_ends(a->x, a->n_x, a->n, n_vectors * DPK_LANES, ends_of_x);
        add_products(a, 1, first, last, ends, DPK_LANES, ends_of_x, DPK_LANES);
    }
}

/* A part is some terms, and some tiles of rows of g of the terms at its ends. */
int DPK(row_products)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_row_products *a = arguments;
    const size_t n_tiles = dpk_groups(a->n_g, DPK_CQ);
    const size_t end = dpk_begin(a->n_terms * n_tiles, part + 1, n_parts);
    float *ends = dpk_scratch((a->n_g + a->n_x) * DPK_LANES);
    if (ends == NULL)
        return 1;
    for (size_t i = dpk_begin(a->n_terms * n_tiles, part, n_parts), next; i < end; i = next) {
        const size_t t = i / n_tiles;
        next = dpk_min((t + 1) * n_tiles, end);
        compute(a, t, i - t * n_tiles, next - t * n_tiles, ends);
    }
    return 0;
}
