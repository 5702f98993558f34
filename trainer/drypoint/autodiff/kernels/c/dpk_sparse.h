/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products with a factor of many zeros: the output of a ReLU, or its gradient.
 *
 * The terms of zeros are left out. Each sum begins with 0 or its bias, and adds its terms in
 * ascending order by fused multiply-adds, as `product` does. A term of 0 does not change a sum, so
 * the results are equal (a sum that underflowed to -0 may keep its sign), except where the other
 * factor of a zero is infinite or NaN. A net that diverges still shows it: NaN is no zero and is
 * not left out. */
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

enum {
    DPK_LISTED = 1 << 18,  /* entries that lists have room for: 2 MiB, mostly half of it in use */
    DPK_PASS = 64,         /* but so many rows have them at a time, however long */
    DPK_LEAST_ROWS = 32,   /* with fewer, packing the dense factor costs more than is left out */
    DPK_LEAST_VECTORS = 4, /* of columns: with fewer, lists cost half as much as sums */
    DPK_TURNED = 6,        /* terms that a number costs which is turned on its way */
    DPK_FAR = 1 << 9,      /* numbers: half a page */
    DPK_LARGE = 1 << 20    /* numbers: a few times what the second-level cache holds */
};

/* What each number of the dense factor costs once, measured in rows of terms; five times as much
 * where columns that are turned lie neither in a cache nor on one page. */
DPK_INLINE size_t dpk_packing(const dpk_sparse *s) {
    if (s->dense.column == 1)
        return 2;
    const int far = s->dense.column > DPK_FAR && s->n_terms * s->n_columns > DPK_LARGE;
    return far ? 5 * DPK_TURNED : DPK_TURNED;
}

/* The number of passes over the rows; each makes new lists and packs the dense factor again. */
DPK_INLINE size_t dpk_passes(const dpk_sparse *s, size_t n_rows) {
    return dpk_groups(n_rows, dpk_max(DPK_PASS, DPK_LISTED / s->n_terms));
}

/* Whether leaving out zeros is faster, and the plan for it. The result depends on the numbers of
 * the factors, not on the part. */
int DPK(is_sparse)(const dpk_matmul *a, dpk_sparse *s);

/* Computes a part of the product; returns the result of a task. */
int DPK(sparse_product)(const dpk_sparse *s, size_t part, size_t n_parts);

#endif
