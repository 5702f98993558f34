/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products of which one factor has many zeros: what a ReLU has put out, or its gradient.
 *
 * The terms of a zero are left out. Each sum still begins with 0 or its bias and takes its terms in
 * ascending order, one fused multiplication each, as `product` does: a term of 0 changes no sum, so
 * both ways give the same number (one that underflowed to -0 may keep its sign). Unless what the
 * zero would have met is infinite or NaN: that is left out, too. A net that diverges shows it all
 * the same, by the terms of units that are on: NaN is no zero, and stays in the lists. */
#ifndef DPK_SPARSE_H
#define DPK_SPARSE_H

#include "dpk_matrix.h"

/* y[i][j] = bias[j] + the sum over t of sparse[i][t] * dense[t][j]. */
typedef struct {
    dpk_matrix sparse, dense;
    const float *bias; /* [n_columns], or NULL */
    float *y;
    size_t y_row, y_column; /* one of them is 1 */
    size_t n_rows, n_terms, n_columns;
    int relu;
} dpk_sparse;

/* Whether leaving out zeros is faster than a * by b: says then how. The answer depends on the
 * numbers, and not on the part that asks. */
int DPK(is_sparse)(const dpk_matmul *a, dpk_sparse *s);

/* A part of the product; returns as a task does. */
int DPK(sparse_product)(const dpk_sparse *s, size_t part, size_t n_parts);

#endif
