/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax cross-entropy and its gradient: the only kernel that calls exp and log of the C library,
 * so its last bits depend on this library. */
#include "dpk_tasks.h"

#include <math.h>

/* A class index and a row with a single 1 give equal bytes. */
DPK_INLINE float target(const dpk_cross_entropy *a, size_t i, size_t k) {
    const float t = a->rows ? a->rows[i * a->n_classes + k] : (float)((int64_t)k == a->targets[i]);
    return t * a->keep + a->share;
}

static void example(const dpk_cross_entropy *a, size_t i) {
    const float *x = a->x + (ptrdiff_t)i * a->stride_n;
    float *gradient = a->gradient + (ptrdiff_t)i * a->stride_n;
    const ptrdiff_t step = a->stride_class;
    float most = x[0], loss = 0, mass = target(a, i, 0);
    for (size_t k = 1; k < a->n_classes; k++) {
        const float score = x[(ptrdiff_t)k * step];
        most = score > most ? score : most; /* a NaN comes through below */
        mass += target(a, i, k);
    }
    float sum = gradient[0] = expf(x[0] - most);
    for (size_t k = 1; k < a->n_classes; k++)
        sum += gradient[(ptrdiff_t)k * step] = expf(x[(ptrdiff_t)k * step] - most);
    const float logarithm = logf(sum);
    for (size_t k = 0; k < a->n_classes; k++) {
        const ptrdiff_t at = (ptrdiff_t)k * step;
        const float t = target(a, i, k);
        loss -= t * (x[at] - most - logarithm);
        gradient[at] = gradient[at] / sum * mass - t;
    }
    a->losses[i] = loss;
}

int DPK(cross_entropy)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_cross_entropy *a = arguments;
    const size_t end = dpk_begin(a->n, part + 1, n_parts);
    int status = DPK_DONE;
    for (size_t i = dpk_begin(a->n, part, n_parts); i < end; i++) {
        if (a->targets && (a->targets[i] < 0 || a->targets[i] >= (int64_t)a->n_classes))
            status = DPK_REFUSED;
        example(a, i);
    }
    return status;
}

/* A part is some examples; where the values of a class are neighbours in memory, some classes. */
int DPK(scaled_rows)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_scaled_rows *a = arguments;
    const int by_class = a->stride_n == 1;
    const size_t count = by_class ? a->n_classes : a->n;
    const size_t end = dpk_begin(count, part + 1, n_parts);
    for (size_t k = dpk_begin(count, part, n_parts); by_class && k < end; k++) {
        const float *x = a->x + (ptrdiff_t)k * a->stride_class;
        float *y = a->y + (ptrdiff_t)k * a->stride_class;
        for (size_t i = 0; i < a->n; i++)
            y[i] = a->g[(ptrdiff_t)i * a->g_stride] * x[i];
    }
    for (size_t i = dpk_begin(count, part, n_parts); !by_class && i < end; i++) {
        const float g = a->g[(ptrdiff_t)i * a->g_stride];
        for (size_t k = 0; k < a->n_classes; k++) {
            const ptrdiff_t at = (ptrdiff_t)i * a->stride_n + (ptrdiff_t)k * a->stride_class;
            a->y[at] = g * a->x[at];
        }
    }
    return 0;
}
