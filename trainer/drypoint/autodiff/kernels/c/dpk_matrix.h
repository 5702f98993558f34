/* SPDX-License-Identifier: Apache-2.0 */
/* Matrices on their way into the layout that an inner loop reads, or out of the one it wrote. */
#ifndef DPK_MATRIX_H
#define DPK_MATRIX_H

#include "dpk_vector.h"

/* Numbers anywhere in memory; strides in floats. */
typedef struct {
    const float *data;
    ptrdiff_t row, column;
} dpk_matrix;

/* y[i * y_row + j] = x[i][j]; fast where a stride of x is 1. */
void DPK(copy_matrix)(dpk_matrix x, size_t n_rows, size_t n_columns, float *y, size_t y_row);

/* The same, and zeros from n_columns to `width`; a row follows the other. */
void DPK(copy_matrix_padded)(dpk_matrix x, size_t n_rows, size_t n_columns, float *y, size_t width);

#endif
