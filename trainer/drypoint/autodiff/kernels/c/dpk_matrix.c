/* SPDX-License-Identifier: Apache-2.0 */
/* See dpk_matrix.h. */
#include "dpk_matrix.h"

static void copy_row(const float *x, float *y, size_t n) {
    size_t j = 0;
    for (; j + DPK_LANES <= n; j += DPK_LANES)
        dpk_store(y + j, dpk_load(x + j));
    for (; j < n; j++)
        y[j] = x[j];
}

static void copy_one_by_one(dpk_matrix x, size_t n_rows, size_t n_columns, float *y, size_t y_row) {
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n_columns; j++)
            y[i * y_row + j] = x.data[(ptrdiff_t)i * x.row + (ptrdiff_t)j * x.column];
}

/* Copies as many columns at a time as a vector has lanes, each column from front to end: the CPU
 * prefetches distant columns only in this order. The last squares may overlap the ones before. */
static void turn(dpk_matrix x, size_t n_rows, size_t n_columns, float *y, size_t y_row) {
    if (n_rows < DPK_LANES || n_columns < DPK_LANES) {
        copy_one_by_one(x, n_rows, n_columns, y, y_row);
        return;
    }
    for (size_t j = 0; j < n_columns; j += DPK_LANES)
        for (size_t i = 0; i < n_rows; i += DPK_LANES) {
            const size_t row = dpk_min(i, n_rows - DPK_LANES);
            const size_t column = dpk_min(j, n_columns - DPK_LANES);
            dpk_transpose(x.data + row + (ptrdiff_t)column * x.column, x.column,
                          y + row * y_row + column, (ptrdiff_t)y_row);
        }
}

void DPK(copy_matrix)(dpk_matrix x, size_t n_rows, size_t n_columns, float *y, size_t y_row) {
    if (x.column == 1)
        for (size_t i = 0; i < n_rows; i++)
            copy_row(x.data + (ptrdiff_t)i * x.row, y + i * y_row, n_columns);
    else if (x.row == 1)
        turn(x, n_rows, n_columns, y, y_row);
    else
        copy_one_by_one(x, n_rows, n_columns, y, y_row);
}

void DPK(copy_matrix_padded)(dpk_matrix x, size_t n_rows, size_t n_columns, float *y,
                             size_t width) {
    DPK(copy_matrix)(x, n_rows, n_columns, y, width);
    for (size_t i = 0; n_columns < width && i < n_rows; i++)
        for (size_t j = n_columns; j < width; j++)
            y[i * width + j] = 0;
}
