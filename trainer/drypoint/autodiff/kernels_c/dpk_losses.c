/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and cross-entropy, with the gradient: the only kernel that calls the C library's exp and
 * log, so its last bits are that library's. */
#include "dpk_tasks.h"

#include <math.h>

static void example(const dpk_cross_entropy *a, size_t i) {
    const float *x = a->x + (ptrdiff_t)i * a->stride_n;
    float *gradient = a->gradient + (ptrdiff_t)i * a->stride_n;
    const ptrdiff_t step = a->stride_class, end = (ptrdiff_t)a->n_classes * step;
    float most = x[0], loss = 0;
    for (ptrdiff_t k = step; k < end; k += step)
        most = x[k] > most ? x[k] : most; /* a NaN comes through below */
    float sum = gradient[0] = expf(x[0] - most);
    for (ptrdiff_t k = step; k < end; k += step)
        sum += gradient[k] = expf(x[k] - most);
    const float logarithm = logf(sum);
    for (ptrdiff_t k = 0; k < end; k += step) {
        const float t = (k == a->targets[i] * step ? a->keep : 0) + a->share;
        loss -= t * (x[k] - most - logarithm);
        gradient[k] = gradient[k] / sum - t;
    }
    a->losses[i] = loss;
}

int DPK(cross_entropy)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_cross_entropy *a = arguments;
    const size_t end = dpk_begin(a->n, part + 1, n_parts);
    for (size_t i = dpk_begin(a->n, part, n_parts); i < end; i++)
        example(a, i);
    return 0;
}
