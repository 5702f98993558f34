/* SPDX-License-Identifier: Apache-2.0 */
/* Products of images with a factor for each channel of each image, and the gradient by the factor.
 */
#include "dpk_tasks.h"

#include <string.h>

int DPK(scale_planes)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_planes *a = arguments;
    const size_t end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++)
        for (size_t place = 0; place < a->n_places; place++) {
            const size_t at = (row * a->n_places + place) * a->n;
            const float *x = a->x + at, *factor = a->factor + row * a->n;
            float *restrict y = a->y + at;
            for (size_t i = 0; i < a->n; i++)
                y[i] = x[i] * factor[i];
        }
    return 0;
}

int DPK(plane_products)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_planes *a = arguments;
    const size_t end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++) {
        float *restrict y = a->y + row * a->n;
        memset(y, 0, 4 * a->n);
        for (size_t place = 0; place < a->n_places; place++) {
            const size_t at = (row * a->n_places + place) * a->n;
            const float *x = a->x + at, *g = a->g + at;
            for (size_t i = 0; i < a->n; i++)
                y[i] += x[i] * g[i];
        }
    }
    return 0;
}
