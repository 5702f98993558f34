/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of matrices from and to the layout of the inner loops. */
#ifndef DPK_MATRIX_H
#define DPK_MATRIX_H

#include "dpk_vector.h"

/* A matrix with any strides, in floats. */
typedef struct {
    const float *data;
    ptrdiff_t row, column;
} dpk_matrix;

/* y[i * y_row + j] = x[i][j]; fast where a stride of x is 1. */
void DPK(copy_matrix)(dpk_matrix x, size_t n_rows, size_t n_columns, float *y, size_t y_row);

/* As copy_matrix, into contiguous rows of `width`, with zeros from n_columns on. */
void DPK(copy_matrix_padded)(dpk_matrix x, size_t n_rows, size_t n_columns, float *y, size_t width);

#endif
