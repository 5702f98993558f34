/* SPDX-License-Identifier: Apache-2.0 */
/* Batch norm by the statistics of the batch. A channel is a row in memory; one part computes it. */
#include "dpk_tasks.h"

#include <math.h>

enum { RUN = 64 * DPK_LANES }; /* floats that are summed apart, so that errors do not grow with n */

typedef struct {
    float a, b;
} sums;

/* Sums over a row, with unit = (x - mean) * inverse: of unit and unit^2, or with gradients g of g
 * and g * unit. */
DPK_INLINE sums summed(const float *x, const float *g, size_t n, float mean, float inverse) {
    dpk_vec total_a = {0}, total_b = {0};
    sums rest = {0, 0};
    for (size_t begin = 0; begin < n; begin += RUN) {
        const size_t end = dpk_min(begin + RUN, n);
        dpk_vec a = {0}, b = {0};
        size_t i = begin;
        for (; i + DPK_LANES <= end; i += DPK_LANES) {
            const dpk_vec unit = (dpk_load(x + i) - mean) * inverse;
            const dpk_vec value = g ? dpk_load(g + i) : unit;
            a += value;
            b = dpk_fma(value, unit, b);
        }
        total_a += a;
        total_b += b;
        for (; i < end; i++) {
            const float unit = (x[i] - mean) * inverse, value = g ? g[i] : unit;
            rest.a += value;
            rest.b += value * unit;
        }
    }
    return (sums){dpk_sum(total_a) + rest.a, dpk_sum(total_b) + rest.b};
}

int DPK(batch_norm)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_batch_norm *a = arguments;
    const size_t n = a->n_columns, end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++) {
        const float *restrict x = a->x + row * n;
        float *restrict y = a->y + row * n;
        const float mean = summed(x, NULL, n, 0, 1).a / (float)n;
        const float variance = summed(x, NULL, n, mean, 1).b / (float)n;
        const float inverse = 1 / sqrtf(variance + a->epsilon);
        const float scale = a->scale[row], shift = a->shift[row];
        for (size_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * inverse * scale + shift;
        a->mean[row] = mean;
        a->variance[row] = variance;
    }
    return 0;
}

int DPK(batch_norm_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_batch_norm *a = arguments;
    const size_t n = a->n_columns, end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++) {
        const float *restrict x = a->x + row * n, *restrict g = a->g + row * n;
        float *restrict y = a->y + row * n;
        const float mean = a->mean[row], inverse = 1 / sqrtf(a->variance[row] + a->epsilon);
        const sums s = summed(x, g, n, mean, inverse);
        const float factor = inverse * a->scale[row];
        const float by_mean = s.a / (float)n, by_variance = s.b / (float)n;
        for (size_t i = 0; i < n; i++)
            y[i] = factor * (g[i] - by_mean - (x[i] - mean) * inverse * by_variance);
        a->shift_gradient[row] = s.a;
        a->scale_gradient[row] = s.b;
    }
    return 0;
}
