/* SPDX-License-Identifier: Apache-2.0 */
/* A ReLU that is not fused with a convolution or matrix product; the gradient of every ReLU; sums
 * of branches and of their gradients. */
#include "dpk_tasks.h"

int DPK(relu)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_elements *a = arguments;
    const float *restrict x = a->x;
    float *restrict y = a->y;
    const size_t end = dpk_begin(a->n, part + 1, n_parts);
    for (size_t i = dpk_begin(a->n, part, n_parts); i < end; i++)
        y[i] = x[i] <= 0 ? 0 : x[i]; /* not a NaN */
    return 0;
}

int DPK(relu_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_elements *a = arguments;
    const float *restrict g = a->x, *restrict value = a->value;
    float *restrict y = a->y;
    const size_t end = dpk_begin(a->n, part + 1, n_parts);
    for (size_t i = dpk_begin(a->n, part, n_parts); i < end; i++)
        y[i] = value[i] > 0 ? g[i] : 0;
    return 0;
}

int DPK(add)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_elements *a = arguments;
    const float *x = a->x, *value = a->value;
    float *y = a->y;
    const size_t end = dpk_begin(a->n, part + 1, n_parts);
    for (size_t i = dpk_begin(a->n, part, n_parts); i < end; i++)
        y[i] = x[i] + value[i];
    return 0;
}
