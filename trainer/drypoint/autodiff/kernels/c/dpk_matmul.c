/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products: the fully connected layer, forward and backward. */
#include "dpk_product.h"
#include "dpk_sparse.h"
#include "dpk_tasks.h"
#include "dpk_threads.h"

/* Computes rows first .. last - 1 of a panel of n_columns columns, p vectors wide; y is its first
 * row. Sums are stored in `sums` first if a ReLU or a partial vector follows. */
static void multiply(const dpk_matmul *a, dpk_product *terms, size_t p, size_t n_columns,
                     size_t first, size_t last, const float *panel, float *sums, float *y) {
    const size_t width = p * DPK_LANES;
    const int in_place = n_columns == width && !a->relu;
    y += first * a->n_columns;
    float *to = in_place ? y : sums;
    const float *begin = a->bias ? a->bias + first : NULL;
    terms->y_row = (ptrdiff_t)(in_place ? a->n_columns : width);
    DPK(product)(terms, p, last - first, panel, a->w + (ptrdiff_t)first * a->w_row, begin, to);
    for (size_t i = 0; !in_place && i < last - first; i++)
        for (size_t j = 0; j < n_columns; j++) {
            const float v = sums[i * width + j];
            y[i * a->n_columns + j] = a->relu && v <= 0 ? 0 : v;
        }
}

/* Prefetches the columns of a panel: of rows so far apart the CPU prefetches none. */
static void expect(const float *x, ptrdiff_t row, size_t n_rows, size_t n_columns) {
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_columns; j += 16)
            __builtin_prefetch(x + (ptrdiff_t)i * row + j, 0, 2);
}

/* A part is some tiles of rows, panel by panel: two parts pack one panel only at their border. */
int DPK(matmul)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_matmul *a = arguments;
    dpk_sparse sparse;
    if (DPK(is_sparse)(a, &sparse))
        return DPK(sparse_product)(&sparse, part, n_parts);
    const size_t n_tiles = dpk_groups(a->n_rows, DPK_Q), most = DPK_P * DPK_LANES;
    const size_t n_vectors = dpk_groups(a->n_columns, DPK_LANES);
    const size_t n_panels = dpk_groups(n_vectors, DPK_P);
    float *copied = dpk_scratch(a->n_terms * most + DPK_Q * most + 2 * a->n_terms);
    if (copied == NULL)
        return 1;
    float *sums = copied + a->n_terms * most;
    void *rest = sums + DPK_Q * most;
    ptrdiff_t *offsets = rest;
    const size_t end = dpk_begin(n_panels * n_tiles, part + 1, n_parts);
    for (size_t i = dpk_begin(n_panels * n_tiles, part, n_parts); i < end;) {
        const size_t k = i / n_tiles, begin = dpk_begin(n_vectors, k, n_panels);
        const size_t p = dpk_begin(n_vectors, k + 1, n_panels) - begin, width = p * DPK_LANES;
        const size_t n_columns = dpk_min(width, a->n_columns - begin * DPK_LANES);
        const float *x = a->x + (ptrdiff_t)(begin * DPK_LANES) * a->x_column;
        const ptrdiff_t panel_row = (ptrdiff_t)width;
        /* x is the panel where its rows are as wide, or where no second tile reads it. */
        const int is_panel =
            a->x_column == 1 && n_columns == width && (a->x_term == panel_row || n_tiles == 1);
        const float *panel = is_panel ? x : copied;
        if (!is_panel)
            DPK(copy_matrix_padded)((dpk_matrix){x, a->x_term, a->x_column}, a->n_terms, n_columns,
                                    copied, width);
        for (size_t t = 0; t < a->n_terms; t++)
            offsets[t] = (ptrdiff_t)t * (is_panel ? a->x_term : panel_row);
        dpk_product terms = {.n_terms = a->n_terms,
                             .offsets = offsets,
                             .x_step = DPK_LANES,
                             .w_row = a->w_row,
                             .w_term = a->w_term,
                             .y_step = DPK_LANES};
        if (k + 1 < n_panels) {
            const size_t next = dpk_begin(n_vectors, k + 1, n_panels) * DPK_LANES;
            const size_t n_next = dpk_min(most, a->n_columns - next);
            if (a->x_column == 1)
                expect(a->x + next, a->x_term, a->n_terms, n_next);
            expect(a->y + next, (ptrdiff_t)a->n_columns, a->n_rows, n_next);
        }
        for (; i < end && i / n_tiles == k; i++)
            multiply(a, &terms, p, n_columns, dpk_begin(a->n_rows, i % n_tiles, n_tiles),
                     dpk_begin(a->n_rows, i % n_tiles + 1, n_tiles), panel, sums,
                     a->y + begin * DPK_LANES);
    }
    return 0;
}
