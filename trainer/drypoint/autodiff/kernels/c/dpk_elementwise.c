/* SPDX-License-Identifier: Apache-2.0 */
/* A ReLU that is not fused with a convolution or matrix product; the gradients of every ReLU, of
 * the hyperbolic tangent and of the logistic function; sums of branches and of their gradients. */
#include "dpk_tasks.h"

/* A task that computes an expression of x[i] and value[i] for each element. */
#define ELEMENTS(name, expression)                                                                 \
    int DPK(name)(const void *arguments, size_t part, size_t n_parts) {                            \
        const dpk_elements *a = arguments;                                                         \
        const float *x = a->x, *value = a->value;                                                  \
        float *y = a->y;                                                                           \
        const size_t end = dpk_begin(a->n, part + 1, n_parts);                                     \
        (void)value;                                                                               \
        for (size_t i = dpk_begin(a->n, part, n_parts); i < end; i++)                              \
            y[i] = expression;                                                                     \
        return 0;                                                                                  \
    }

ELEMENTS(relu, x[i] <= 0 ? 0 : x[i]) /* not a NaN */
ELEMENTS(relu_gradient, value[i] > 0 ? x[i] : 0)
ELEMENTS(add, x[i] + value[i])
ELEMENTS(tanh_gradient, x[i] * (1 - value[i] * value[i]))
ELEMENTS(sigmoid_gradient, x[i] * value[i] * (1 - value[i]))
