/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products: the fully connected layer, forward and backward. */
#include "dpk_product.h"
#include "dpk_tasks.h"
#include "dpk_threads.h"

/* Columns first .. first + n_columns - 1 of x as [term][column], zeros up to `width`. */
static void pack_panel(const dpk_matmul *a, size_t first, size_t n_columns, size_t width,
                       float *panel) {
    const float *x = a->x + (ptrdiff_t)first * a->x_column;
    if (a->x_column == 1 && n_columns == width) {
        for (size_t t = 0; t < a->n_terms; t++)
            for (size_t i = 0; i < width; i += DPK_LANES)
                dpk_store(panel + t * width + i, dpk_load(x + (ptrdiff_t)t * a->x_term + i));
        return;
    }
    for (size_t t = 0; t < a->n_terms; t++) {
        for (size_t i = 0; i < n_columns; i++)
            panel[t * width + i] = x[(ptrdiff_t)t * a->x_term + (ptrdiff_t)i * a->x_column];
        for (size_t i = n_columns; i < width; i++)
            panel[t * width + i] = 0;
    }
}

int DPK(matmul)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_matmul *a = arguments;
    const size_t first = dpk_begin(a->n_rows, part, n_parts);
    const size_t n_rows = dpk_begin(a->n_rows, part + 1, n_parts) - first;
    const size_t n_tiles = dpk_groups(n_rows, DPK_Q), most = DPK_P * DPK_LANES;
    float *panel = dpk_scratch(a->n_terms * most + DPK_Q * most + 2 * a->n_terms);
    if (panel == NULL)
        return 1;
    float *sums = panel + a->n_terms * most;
    void *rest = sums + DPK_Q * most;
    ptrdiff_t *offsets = rest;
    const size_t n_panels = dpk_groups(dpk_groups(a->n_columns, DPK_LANES), DPK_P);
    for (size_t k = 0; k < n_panels; k++) {
        const size_t n_vectors = dpk_groups(a->n_columns, DPK_LANES);
        const size_t begin = dpk_begin(n_vectors, k, n_panels);
        const size_t p = dpk_begin(n_vectors, k + 1, n_panels) - begin, width = p * DPK_LANES;
        const size_t n_columns = dpk_min(width, a->n_columns - begin * DPK_LANES);
        pack_panel(a, begin * DPK_LANES, n_columns, width, panel);
        for (size_t t = 0; t < a->n_terms; t++)
            offsets[t] = (ptrdiff_t)(t * width);
        const dpk_product terms = {.n_terms = a->n_terms,
                                   .offsets = offsets,
                                   .x_step = DPK_LANES,
                                   .w_row = a->w_row,
                                   .w_term = a->w_term,
                                   .y_row = (ptrdiff_t)width,
                                   .y_step = DPK_LANES};
        for (size_t tile = 0; tile < n_tiles; tile++) {
            const size_t row = first + dpk_begin(n_rows, tile, n_tiles);
            const size_t q = first + dpk_begin(n_rows, tile + 1, n_tiles) - row;
            DPK(product)(&terms, p, q, panel, a->w + (ptrdiff_t)row * a->w_row,
                         a->bias ? a->bias + row : NULL, sums);
            for (size_t i = 0; i < q; i++) {
                float *y = a->y + (row + i) * a->n_columns + begin * DPK_LANES;
                for (size_t j = 0; j < n_columns; j++) {
                    const float v = sums[i * width + j];
                    y[j] = a->relu && v <= 0 ? 0 : v;
                }
            }
        }
    }
    return 0;
}
