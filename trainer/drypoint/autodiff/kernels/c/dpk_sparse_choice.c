/* SPDX-License-Identifier: Apache-2.0 */
/* The choice between the dense and the sparse matrix product. */
#include "dpk_sparse.h"

enum {
    LEAST_TERMS = 32, /* with fewer, sums are stored and loaded more than added to */
    RUNS = 64,        /* samples of RUN numbers, spread over a factor */
    RUN = 16
};

/* The number of nonzeros among RUNS * RUN numbers, spread over the matrix. */
static size_t count_nonzero(dpk_matrix x, size_t n_rows, size_t n_columns) {
    if (x.column != 1) {
        const size_t n = n_rows;
        x = (dpk_matrix){x.data, x.column, x.row};
        n_rows = n_columns;
        n_columns = n;
    }
    size_t count = 0;
    dpk_ivec counts = {0}; /* below 0 */
    for (size_t run = 0; run < RUNS; run++) {
        const size_t first = 7 * RUN * run % (n_columns - RUN + 1); /* no two below each other */
        const float *row = x.data + (ptrdiff_t)dpk_begin(n_rows, run, RUNS) * x.row;
        if (x.column == 1)
            for (size_t j = 0; j < RUN; j += DPK_LANES)
                counts += dpk_load(row + first + j) != 0;
        else
            for (size_t j = first; j < first + RUN; j++)
                count += row[(ptrdiff_t)j * x.column] != 0;
    }
    for (size_t lane = 0; lane < DPK_LANES; lane++)
        count += (size_t)-counts[lane];
    return count;
}

/* The margin of the share of zeros over the share at which the sparse product is as fast as
 * `product`; below 0 it is slower. Ten vectors of a term take some 1.2 times as long, so at most
 * 5/8 of the terms may remain; fewer, since packing, lists (about a vector for each number) and
 * transposing the result take time, too. */
static double gain(const dpk_sparse *s) {
    const size_t n_rows = s->n_rows, n_terms = s->n_terms, n_columns = s->n_columns;
    if (n_rows < DPK_LEAST_ROWS || n_terms < LEAST_TERMS ||
        n_columns < DPK_LEAST_VECTORS * DPK_LANES)
        return -1;
    const double once = (double)(dpk_packing(s) * dpk_passes(s, n_rows)) / (double)n_rows +
                        DPK_LANES / (double)n_columns +
                        (s->y_column == 1 ? 0 : (double)DPK_TURNED / (double)n_terms);
    return 0.625 - once - (double)count_nonzero(s->sparse, n_rows, n_terms) / (RUNS * RUN);
}

int DPK(is_sparse)(const dpk_matmul *a, dpk_sparse *s) {
    const dpk_matrix w = {a->w, a->w_row, a->w_term}, x = {a->x, a->x_term, a->x_column};
    const dpk_sparse by_rows = {.sparse = w,
                                .dense = x,
                                .y = a->y,
                                .y_row = a->n_columns,
                                .y_column = 1,
                                .n_rows = a->n_rows,
                                .n_terms = a->n_terms,
                                .n_columns = a->n_columns,
                                .relu = a->relu};
    const dpk_sparse by_columns = {.sparse = {x.data, x.column, x.row},
                                   .dense = {w.data, w.column, w.row},
                                   .bias = a->bias,
                                   .y = a->y,
                                   .y_row = 1,
                                   .y_column = a->n_columns,
                                   .n_rows = a->n_columns,
                                   .n_terms = a->n_terms,
                                   .n_columns = a->n_rows,
                                   .relu = a->relu};
    const double rows = a->bias ? -1 : gain(&by_rows), columns = gain(&by_columns);
    *s = rows > columns ? by_rows : by_columns;
    return rows > 0 || columns > 0;
}
