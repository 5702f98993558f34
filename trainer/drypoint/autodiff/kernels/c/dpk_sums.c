/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of rows: the gradient of a bias. */
#include "dpk_block.h"
#include "dpk_tasks.h"

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

static float masked_sum(const float *x, const uint8_t *winners, size_t n) {
    dpk_vec total = {0};
    for (size_t i = 0; i < n; i += DPK_LANES) {
        const size_t count = dpk_min(DPK_LANES, n - i);
        const dpk_ivec dead = dpk_widen(winners + i, count) == 255;
        total += dpk_select(dead, (dpk_vec){0}, dpk_gather(x + i, 1, count));
    }
    return dpk_sum(total);
}

int DPK(row_sums)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_row_sums *a = arguments;
    const size_t n = a->n_columns, end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++)
        a->y[row] = a->winners ? masked_sum(a->x + row * n, a->winners + row * n, n)
                               : sum(a->x + row * n, n);
    return 0;
}
