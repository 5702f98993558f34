/* SPDX-License-Identifier: Apache-2.0 */
/* The mean squared error of each example, and its gradient. The squares are exact in float64. Their
 * sums are partial sums of every eighth element, whatever the order of the axes in memory: vectors
 * then hold either neighbouring examples or neighbouring elements. */
#include "dpk_tasks.h"

enum { PARTIAL_SUMS = 8, MOST_EXAMPLES = 16 };

DPK_INLINE double squared(const dpk_squared_error *a, ptrdiff_t at) {
    const float error = a->x[at] - a->target[at];
    a->gradient[at] = error * a->scale;
    return (double)error * error;
}

/* The mean from the partial sums of one example, which are `step` apart. */
static float mean(const dpk_squared_error *a, const double *sums, size_t step) {
    double sum = 0;
    for (size_t p = 0; p < PARTIAL_SUMS; p++)
        sum += sums[p * step];
    return (float)(sum / (double)a->size);
}

/* Examples begin .. begin + count - 1, which are neighbours in memory. */
static void neighbours(const dpk_squared_error *a, size_t begin, size_t count) {
    double sums[PARTIAL_SUMS * MOST_EXAMPLES] = {0};
    for (size_t k = 0; k < a->size; k++) {
        double *sum = sums + k % PARTIAL_SUMS * MOST_EXAMPLES;
        const ptrdiff_t at = (ptrdiff_t)k * a->stride_element + (ptrdiff_t)begin;
        for (size_t i = 0; i < count; i++)
            sum[i] += squared(a, at + (ptrdiff_t)i);
    }
    for (size_t i = 0; i < count; i++)
        a->losses[begin + i] = mean(a, sums + i, MOST_EXAMPLES);
}

/* One example, whose elements are neighbours in memory. */
static void example(const dpk_squared_error *a, size_t i) {
    double sums[PARTIAL_SUMS] = {0};
    const ptrdiff_t begin = (ptrdiff_t)i * a->stride_n;
    size_t k = 0;
    for (; k + PARTIAL_SUMS <= a->size; k += PARTIAL_SUMS)
        for (size_t p = 0; p < PARTIAL_SUMS; p++)
            sums[p] += squared(a, begin + (ptrdiff_t)(k + p));
    for (size_t p = 0; k + p < a->size; p++)
        sums[p] += squared(a, begin + (ptrdiff_t)(k + p));
    a->losses[i] = mean(a, sums, 1);
}

/* Threads write into no common cache line: a part is whole groups of neighbouring examples. */
int DPK(squared_error)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_squared_error *a = arguments;
    const size_t group = a->stride_element == 1 ? 1 : MOST_EXAMPLES;
    const size_t n_groups = (a->n + group - 1) / group;
    const size_t end = dpk_min(a->n, group * dpk_begin(n_groups, part + 1, n_parts));
    for (size_t i = group * dpk_begin(n_groups, part, n_parts); i < end; i += group)
        if (group == 1)
            example(a, i);
        else
            neighbours(a, i, dpk_min(MOST_EXAMPLES, end - i));
    return 0;
}
