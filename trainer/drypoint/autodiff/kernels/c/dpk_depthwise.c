/* SPDX-License-Identifier: Apache-2.0 */
/* See dpk_depthwise.h. A tap outside of the image reads zeros, so that all results have all taps.
 */
#include "dpk_depthwise.h"
#include "dpk_block.h"
#include "dpk_threads.h"

enum {
    MOST = 9,             /* taps at once, whose weights or sums are registers */
    ALL = 32,             /* taps */
    MOST_PADDED = 1 << 13 /* floats of a plane between zeros, which stays in the cache */
};

int DPK(is_depthwise)(const dpk_conv2d *a) {
    const ptrdiff_t n = (ptrdiff_t)a->x.n;
    return a->groups > 1 && a->groups == a->x.c && a->groups == a->y.c &&
           a->kernel_h * a->kernel_w <= ALL && a->x.n >= DPK_LANES && a->x.stride_n == 1 &&
           a->y.stride_n == 1 && a->x.stride_w == n && a->pool_h * a->pool_w == 1 && !a->relu &&
           a->winners == NULL && a->x_winners == NULL;
}

/* What the taps of a row of results read. */
typedef struct {
    const dpk_conv2d *a;
    const float *zeros;     /* [x.w][n] */
    const float *rows[ALL]; /* of x, or zeros, for each row of the kernel */
    size_t first, end;      /* columns of y whose taps all lie inside of x */
    size_t tap;             /* the first of at most MOST taps that are computed */
} row_taps;

/* The columns of y whose taps all lie inside of x: first .. end - 1, first <= end. */
static void set_inside(row_taps *s) {
    const dpk_conv2d *a = s->a;
    const ptrdiff_t stride = (ptrdiff_t)a->stride_w,
                    last = (ptrdiff_t)a->x.w - 1 + a->left -
                           (ptrdiff_t)((a->kernel_w - 1) * a->dilation_w);
    s->first = a->left > 0 ? dpk_min(a->y.w, dpk_groups((size_t)a->left, a->stride_w)) : 0;
    s->end = last < 0 ? 0 : dpk_min(a->y.w, (size_t)(last / stride) + 1);
    s->end = dpk_max(s->first, s->end);
}

static void set_rows(row_taps *s, size_t c, size_t i) {
    const dpk_conv2d *a = s->a;
    for (size_t u = 0; u < a->kernel_h; u++) {
        const ptrdiff_t row = (ptrdiff_t)(i * a->stride_h + u * a->dilation_h) - a->top;
        const int inside = row >= 0 && row < (ptrdiff_t)a->x.h;
        s->rows[u] =
            inside ? a->x.data + (ptrdiff_t)c * a->x.stride_c + row * a->x.stride_h : s->zeros;
    }
}

/* The taps of column j, in the order of the weights. */
DPK_INLINE void set_taps(const row_taps *s, size_t j, const float **taps) {
    const dpk_conv2d *a = s->a;
    for (size_t v = 0; v < a->kernel_w; v++) {
        const ptrdiff_t column = (ptrdiff_t)(j * a->stride_w + v * a->dilation_w) - a->left;
        const int inside = column >= 0 && column < (ptrdiff_t)a->x.w;
        for (size_t u = 0; u < a->kernel_h; u++)
            taps[u * a->kernel_w + v] = inside ? s->rows[u] + column * (ptrdiff_t)a->x.n : s->zeros;
    }
}

/* The number of columns from column j on that can be computed as if they were one: their taps
 * follow each other in memory. */
DPK_INLINE size_t n_together(const row_taps *s, size_t j) {
    const int follow = s->a->stride_w == 1 && s->a->y.stride_w == (ptrdiff_t)s->a->y.n;
    return follow && j >= s->first && j < s->end ? s->end - j : 1;
}

/* Computes n results, or adds to them if there is no bias. */
DPK_INLINE void write_results(const float *const *taps, const dpk_vec *weight, const dpk_vec *bias,
                              size_t n, float *y, const int T) {
    for (size_t i = 0; i < n; i += DPK_LANES) {
        const size_t count = dpk_min(DPK_LANES, n - i);
        dpk_vec sum = bias ? *bias : dpk_gather(y + i, 1, count);
#pragma GCC unroll 9
        for (int t = 0; t < T; t++)
            sum = dpk_fma(weight[t], dpk_gather(taps[t] + i, 1, count), sum);
        dpk_scatter(y + i, sum, count);
    }
}

DPK_INLINE void write_plane(row_taps *s, size_t c, const int T) {
    const dpk_conv2d *a = s->a;
    const float *w = a->weight + c * a->kernel_h * a->kernel_w + s->tap;
    dpk_vec weight[MOST];
#pragma GCC unroll 9
    for (int t = 0; t < T; t++)
        weight[t] = dpk_all(w[t]);
    const dpk_vec bias = dpk_all(a->bias ? a->bias[c] : 0);
    for (size_t i = 0; i < a->y.h; i++) {
        float *y = a->y.data + (ptrdiff_t)c * a->y.stride_c + (ptrdiff_t)i * a->y.stride_h;
        set_rows(s, c, i);
        for (size_t j = 0, count; j < a->y.w; j += count) {
            const float *taps[ALL];
            set_taps(s, j, taps);
            count = n_together(s, j);
            write_results(taps + s->tap, weight, s->tap == 0 ? &bias : NULL, count * a->y.n,
                          y + (ptrdiff_t)j * a->y.stride_w, T);
        }
    }
}

/* Adds the products of n gradients with what the taps read. */
DPK_INLINE void add_products(const float *const *taps, const float *g, size_t n, dpk_vec *sums,
                             const int T) {
    size_t i = 0;
    for (; i + DPK_LANES <= n; i += DPK_LANES) {
        const dpk_vec gradient = dpk_load(g + i);
#pragma GCC unroll 9
        for (int t = 0; t < T; t++)
            sums[t] = dpk_fma(gradient, dpk_load(taps[t] + i), sums[t]);
    }
    if (i < n) {
        const dpk_vec gradient = dpk_gather(g + i, 1, n - i);
        for (int t = 0; t < T; t++)
            sums[t] = dpk_fma(gradient, dpk_gather(taps[t] + i, 1, n - i), sums[t]);
    }
}

/* The sums of a row are added to the total, so that errors do not grow with the plane. */
DPK_INLINE void correlate_plane(row_taps *s, size_t c, const int T) {
    const dpk_conv2d *a = s->a;
    dpk_vec total[MOST] = {{0}};
    for (size_t i = 0; i < a->y.h; i++) {
        const float *g = a->y.data + (ptrdiff_t)c * a->y.stride_c + (ptrdiff_t)i * a->y.stride_h;
        dpk_vec sums[MOST] = {{0}};
        set_rows(s, c, i);
        for (size_t j = 0, count; j < a->y.w; j += count) {
            const float *taps[ALL];
            set_taps(s, j, taps);
            count = n_together(s, j);
            add_products(taps + s->tap, g + (ptrdiff_t)j * a->y.stride_w, count * a->y.n, sums, T);
        }
#pragma GCC unroll 9
        for (int t = 0; t < T; t++)
            total[t] += sums[t];
    }
    float *w = a->weight + c * a->kernel_h * a->kernel_w + s->tap;
    for (int t = 0; t < T; t++)
        w[t] += dpk_sum(total[t]);
}

typedef void of_plane(row_taps *s, size_t c);

/* Gives x zeros beside each row, in a copy of a plane, if the taps of at least a quarter of the
 * columns of y reach over an end of their row, and the copy is small: then all columns of y are
 * computed as if they were one. Returns whether x has zeros. */
static int set_padding(dpk_conv2d *a, const row_taps *s) {
    const size_t left = a->left > 0 ? (size_t)a->left : 0;
    const ptrdiff_t end = (ptrdiff_t)(a->y.w + (a->kernel_w - 1) * a->dilation_w) - a->left;
    const size_t width = left + dpk_max(a->x.w, end > 0 ? (size_t)end : 0);
    if (a->stride_w > 1 || 4 * (s->end - s->first) > 3 * a->y.w ||
        a->x.h * width * a->x.n > MOST_PADDED)
        return 0;
    a->x.w = width;
    a->x.stride_h = (ptrdiff_t)(width * a->x.n);
    a->x.stride_c = 0;
    a->left -= (ptrdiff_t)left;
    return 1;
}

/* Copies the rows of a plane of x to their places between zeros. */
static void copy_padded(const dpk_conv2d *a, size_t c, ptrdiff_t stride_h, float *to) {
    to += a->left > 0 ? (size_t)a->left * a->x.n : 0;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)a->x.h; i++)
        memcpy(to + i * stride_h, a->x.data + (ptrdiff_t)c * a->x.stride_c + i * a->x.stride_h,
               4 * a->x.w * a->x.n);
}

/* A part is some channels. functions[t] computes t taps of a plane. */
static int each_plane(const dpk_conv2d *a, int pads, size_t part, size_t n_parts,
                      of_plane *const *functions) {
    dpk_conv2d padded = *a;
    row_taps s = {.a = a};
    set_inside(&s);
    pads = pads && set_padding(&padded, &s);
    const size_t row = padded.x.w * a->x.n, n_floats = row * (pads ? a->x.h + 1 : 1);
    float *zeros = dpk_scratch(n_floats);
    if (zeros == NULL)
        return 1;
    memset(zeros, 0, 4 * n_floats);
    s.zeros = zeros;
    if (pads) {
        padded.x.data = zeros + row;
        s.a = &padded;
        set_inside(&s);
    }
    const size_t end = dpk_begin(a->y.c, part + 1, n_parts), n_taps = a->kernel_h * a->kernel_w;
    for (size_t c = dpk_begin(a->y.c, part, n_parts); c < end; c++) {
        size_t count;
        if (pads)
            copy_padded(a, c, padded.x.stride_h, zeros + row);
        for (s.tap = 0; s.tap < n_taps; s.tap += count) {
            count = dpk_min(n_taps - s.tap, MOST);
            while (functions[count] == NULL)
                count--;
            functions[count](&s, c);
        }
    }
    return 0;
}

/* A function for each number of taps, so that weights and sums are registers. */
#define EACH(T)                                                                                    \
    static void write_##T(row_taps *s, size_t c) {                                                 \
        write_plane(s, c, T);                                                                      \
    }                                                                                              \
    static void correlate_##T(row_taps *s, size_t c) {                                             \
        correlate_plane(s, c, T);                                                                  \
    }
EACH(1)
EACH(2)
EACH(3)
EACH(4)
EACH(6)
EACH(9)

#define TABLE(name)                                                                                \
    {[1] = name##_1, [2] = name##_2, [3] = name##_3, [4] = name##_4, [6] = name##_6, [9] = name##_9}

int DPK(depthwise)(const void *arguments, size_t part, size_t n_parts) {
    static of_plane *const functions[MOST + 1] = TABLE(write);
    return each_plane(arguments, 1, part, n_parts, functions);
}

int DPK(depthwise_weight_gradient)(const void *arguments, size_t part, size_t n_parts) {
    static of_plane *const functions[MOST + 1] = TABLE(correlate);
    return each_plane(arguments, 0, part, n_parts, functions);
}
