/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling over any window, a channel of a block at a time. Sums are in NumPy's order. */
#include "dpk_block.h"
#include "dpk_tasks.h"
#include "dpk_threads.h"

#include <math.h>

DPK_INLINE int is_sum(const dpk_pool2d *a) {
    return a->divisor > 0;
}

static dpk_frame framed(const dpk_pool2d *a) {
    const dpk_frame frame = {dpk_max((a->y.h - 1) * a->stride_h + a->kernel_h, a->x.h + a->top),
                             dpk_max((a->y.w - 1) * a->stride_w + a->kernel_w, a->x.w + a->left),
                             (ptrdiff_t)a->top, (ptrdiff_t)a->left, is_sum(a) ? 0 : -INFINITY};
    return frame;
}

/* The offset, in floats, of element k of the window at (i, j) in a block. */
DPK_INLINE size_t element(const dpk_pool2d *a, const dpk_frame *frame, size_t i, size_t j,
                          size_t k) {
    const size_t row = i * a->stride_h + k / a->kernel_w,
                 column = j * a->stride_w + k % a->kernel_w;
    return (row * frame->w + column) * DPK_LANES;
}

/* The address of result (i, j), and of its winner among all winners. */
DPK_INLINE float *result(const dpk_pool2d *a, size_t b, size_t c, size_t i, size_t j) {
    return a->y.data + (ptrdiff_t)(b * DPK_LANES) * a->y.stride_n + (ptrdiff_t)c * a->y.stride_c +
           (ptrdiff_t)i * a->y.stride_h + (ptrdiff_t)j * a->y.stride_w;
}

DPK_INLINE uint8_t *winner(const dpk_pool2d *a, size_t b, size_t c, size_t i, size_t j) {
    return a->winners + ((c * a->y.h + i) * a->y.w + j) * a->y.n + b * DPK_LANES;
}

static void pool(const dpk_pool2d *a, const dpk_frame *frame, const float *x, size_t b, size_t c) {
    const size_t count = dpk_count(a->y.n, b), n = a->kernel_h * a->kernel_w;
    for (size_t i = 0; i < a->y.h; i++)
        for (size_t j = 0; j < a->y.w; j++) {
            dpk_vec y = dpk_load(x + element(a, frame, i, j, 0));
            dpk_ivec won = {0};
            for (size_t k = 1; k < n; k++) {
                const dpk_vec v = dpk_load(x + element(a, frame, i, j, k));
                if (is_sum(a))
                    y += v;
                else
                    dpk_keep_larger(v, (int32_t)k, &y, &won);
            }
            dpk_scatter(result(a, b, c, i, j), is_sum(a) ? y / dpk_all(a->divisor) : y, count);
            if (a->winners)
                dpk_narrow(winner(a, b, c, i, j), won, count);
        }
}

/* The gradient that element k of a window gets from result (i, j). */
DPK_INLINE dpk_vec element_gradient(const dpk_pool2d *a, dpk_vec g, dpk_ivec won, size_t k) {
    return is_sum(a) ? g / dpk_all(a->divisor) : dpk_select(won == (int32_t)k, g, (dpk_vec){0});
}

/* All elements of a window at once if windows do not overlap; else one pass for each element, as
 * NumPy does, so that sums have NumPy's order. */
static void spread(const dpk_pool2d *a, const dpk_frame *frame, float *x, size_t b, size_t c) {
    const size_t count = dpk_count(a->y.n, b), n = a->kernel_h * a->kernel_w;
    const int apart = a->stride_h >= a->kernel_h && a->stride_w >= a->kernel_w;
    for (size_t first = 0; first < n; first += apart ? n : 1)
        for (size_t i = 0; i < a->y.h; i++)
            for (size_t j = 0; j < a->y.w; j++) {
                const dpk_vec g = dpk_gather(result(a, b, c, i, j), a->y.stride_n, count);
                dpk_ivec won = {0};
                if (!is_sum(a))
                    won = dpk_widen(winner(a, b, c, i, j), count);
                for (size_t k = first; k < (apart ? n : first + 1); k++) {
                    float *at = x + element(a, frame, i, j, k);
                    const dpk_vec part = element_gradient(a, g, won, k);
                    dpk_store(at, apart ? part : dpk_load(at) + part);
                }
            }
}

int DPK(pool2d)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_pool2d *a = arguments;
    const dpk_frame frame = framed(a);
    const size_t n = dpk_groups(a->x.n, DPK_LANES) * a->x.c, end = dpk_begin(n, part + 1, n_parts);
    float *x = dpk_scratch(frame.h * frame.w * DPK_LANES);
    if (x == NULL)
        return 1;
    for (size_t i = dpk_begin(n, part, n_parts); i < end; i++) {
        DPK(images_to_block)(&a->x, i / a->x.c, i % a->x.c, 1, &frame, x);
        pool(a, &frame, x, i / a->x.c, i % a->x.c);
    }
    return 0;
}

int DPK(pool2d_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_pool2d *a = arguments;
    const dpk_frame frame = framed(a);
    const size_t n = dpk_groups(a->x.n, DPK_LANES) * a->x.c, end = dpk_begin(n, part + 1, n_parts);
    const size_t size = frame.h * frame.w * DPK_LANES;
    float *x = dpk_scratch(size);
    if (x == NULL)
        return 1;
    for (size_t i = dpk_begin(n, part, n_parts); i < end; i++) {
        memset(x, 0, 4 * size);
        spread(a, &frame, x, i / a->x.c, i % a->x.c);
        DPK(block_to_images)(&a->x, i / a->x.c, i % a->x.c, 1, &frame, x);
    }
    return 0;
}
