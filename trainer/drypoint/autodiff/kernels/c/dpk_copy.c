/* SPDX-License-Identifier: Apache-2.0 */
/* Contiguous copies of arrays with any strides. NumPy copies too, but a compiled training step can
 * only repeat the calls of tasks. */
#include "dpk_matrix.h"
#include "dpk_tasks.h"

#include <string.h>

static void copy_row(const float *x, ptrdiff_t stride, size_t n, float *y) {
    if (x == NULL)
        memset(y, 0, 4 * n);
    else if (stride == 1)
        memcpy(y, x, 4 * n);
    else
        for (size_t i = 0; i < n; i++)
            y[i] = x[(ptrdiff_t)i * stride];
}

/* Rows begin .. end - 1 of two axes. */
static void copy_rows(const dpk_copy *a, size_t begin, size_t end) {
    const size_t n = a->shape[1];
    if (a->rows) {
        for (size_t row = begin; row < end; row++)
            copy_row(a->x + (ptrdiff_t)a->rows[row] * a->strides[0], 1, n, a->y + row * n);
        return;
    }
    const dpk_matrix x = {a->x + (ptrdiff_t)begin * a->strides[0], a->strides[0], a->strides[1]};
    DPK(copy_matrix)(x, end - begin, n, a->y + begin * n, n);
}

/* A part is some rows along the last axis; of a single row some numbers. */
int DPK(copy)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_copy *a = arguments;
    const size_t last = a->n_axes - 1, n = a->shape[last];
    if (last == 0) {
        const size_t begin = dpk_begin(n, part, n_parts);
        copy_row(a->x ? a->x + (ptrdiff_t)begin * a->strides[0] : NULL, a->strides[0],
                 dpk_begin(n, part + 1, n_parts) - begin, a->y + begin);
        return 0;
    }
    size_t n_rows = 1;
    for (size_t axis = 0; axis < last; axis++)
        n_rows *= a->shape[axis];
    size_t row = dpk_begin(n_rows, part, n_parts);
    const size_t end = dpk_begin(n_rows, part + 1, n_parts);
    if (last == 1 && a->x) {
        copy_rows(a, row, end);
        return 0;
    }
    if (row == end)
        return 0; /* an axis may have no elements */
    size_t index[6] = {0};
    ptrdiff_t at = 0;
    for (size_t axis = last, rest = row; axis-- > 0; rest /= a->shape[axis]) {
        index[axis] = rest % a->shape[axis];
        at += (ptrdiff_t)index[axis] * a->strides[axis];
    }
    for (; row < end; row++) {
        copy_row(a->x ? a->x + at : NULL, a->strides[last], n, a->y + row * n);
        for (size_t axis = last; axis-- > 0; index[axis] = 0) {
            at += a->strides[axis];
            if (++index[axis] < a->shape[axis])
                break;
            at -= (ptrdiff_t)a->shape[axis] * a->strides[axis];
        }
    }
    return 0;
}
