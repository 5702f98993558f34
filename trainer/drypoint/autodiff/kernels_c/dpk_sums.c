/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of rows: the gradient of a bias. */
#include "dpk_tasks.h"
#include "dpk_vector.h"

/* Four vectors of partial sums, so that one addition need not wait for the one before. */
static float sum(const float *x, size_t n) {
    dpk_vec parts[4] = {{0}, {0}, {0}, {0}};
    size_t i = 0;
    for (; i + 4 * DPK_LANES <= n; i += 4 * DPK_LANES)
        for (size_t k = 0; k < 4; k++)
            parts[k] += dpk_load(x + i + k * DPK_LANES);
    float rest = 0;
    for (; i < n; i++)
        rest += x[i];
    return dpk_sum((parts[0] + parts[1]) + (parts[2] + parts[3])) + rest;
}

void DPK(row_sums)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_row_sums *a = arguments;
    const size_t end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++)
        a->y[row] = sum(a->x + row * a->n_columns, a->n_columns);
}
