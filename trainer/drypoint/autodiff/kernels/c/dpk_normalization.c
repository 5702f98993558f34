/* SPDX-License-Identifier: Apache-2.0 */
/* Batch norm and the clip after it. A channel is a row in memory; one part computes it, and reads
 * it again while it is in a cache. Of a batch in micro-batches, each has rows of its own; what
 * joins them is the statistics, and the sums of the gradient. */
#include "dpk_block.h"
#include "dpk_tasks.h"

#include <math.h>

enum {
    CHAINS = 4,                /* sums that do not wait for each other */
    STEP = CHAINS * DPK_LANES, /* floats that are added at once */
    RUN = 16 * STEP            /* floats that are summed apart, so that errors do not grow with n */
};

/* What a row is computed with: y = (x - mean) * factor + shift. */
typedef struct {
    float mean, factor, shift, most;
} line;

typedef struct {
    float a, b;
} sums;

/* The terms of the two sums for some x with gradients g. */
typedef void of_terms(const line *s, dpk_vec x, dpk_vec g, dpk_vec *a, dpk_vec *b);

DPK_INLINE void values(const line *s, dpk_vec x, dpk_vec g, dpk_vec *a, dpk_vec *b) {
    (void)s;
    (void)g;
    (void)b;
    *a += x;
}

DPK_INLINE void squares(const line *s, dpk_vec x, dpk_vec g, dpk_vec *a, dpk_vec *b) {
    (void)g;
    (void)b;
    const dpk_vec centered = x - s->mean;
    *a = dpk_fma(centered, centered, *a);
}

DPK_INLINE void gradients(const line *s, dpk_vec x, dpk_vec g, dpk_vec *a, dpk_vec *b) {
    *a += g;
    *b = dpk_fma(g, x - s->mean, *b);
}

DPK_INLINE dpk_vec normalized(const line *s, dpk_vec x) {
    return dpk_fma(x - s->mean, dpk_all(s->factor), dpk_all(s->shift));
}

DPK_INLINE void clipped_gradients(const line *s, dpk_vec x, dpk_vec g, dpk_vec *a, dpk_vec *b) {
    gradients(s, x, dpk_inside(normalized(s, x), s->most, g), a, b);
}

/* The sums over a row; g may be x. Lanes after the end are the mean, with gradients 0. */
DPK_INLINE sums summed(const line *s, const float *x, const float *g, size_t n, of_terms *terms) {
    dpk_vec total_a = {0}, total_b = {0};
    for (size_t begin = 0; begin < n; begin += RUN) {
        const size_t end = dpk_min(begin + RUN, n);
        dpk_vec a[CHAINS] = {{0}}, b[CHAINS] = {{0}};
        size_t i = begin;
        for (; i + STEP <= end; i += STEP)
#pragma GCC unroll 4
            for (size_t k = 0; k < CHAINS; k++)
                terms(s, dpk_load(x + i + k * DPK_LANES), dpk_load(g + i + k * DPK_LANES), a + k,
                      b + k);
        for (; i < end; i += DPK_LANES) {
            const size_t count = dpk_min(DPK_LANES, end - i);
            float rest[DPK_LANES];
            dpk_store(rest, dpk_all(s->mean));
            memcpy(rest, x + i, 4 * count);
            terms(s, dpk_load(rest), dpk_gather(g + i, 1, count), a, b);
        }
        total_a += (a[0] + a[1]) + (a[2] + a[3]);
        total_b += (b[0] + b[1]) + (b[2] + b[3]);
    }
    return (sums){dpk_sum(total_a), dpk_sum(total_b)};
}

DPK_INLINE void write_row(const line *s, const float *x, size_t n, float *y, const int clips) {
    for (size_t i = 0; i < n; i += DPK_LANES) {
        const size_t count = dpk_min(DPK_LANES, n - i);
        const dpk_vec value = normalized(s, dpk_gather(x + i, 1, count));
        dpk_scatter(y + i, clips ? dpk_clip(value, s->most) : value, count);
    }
}

int DPK(batch_norm)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_batch_norm *a = arguments;
    const size_t n = a->n_columns, end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++) {
        const float *x = a->x + row * n;
        line s = {.most = a->most};
        if (!a->has_statistics) {
            a->mean[row] = s.mean = summed(&s, x, x, n, values).a / (float)n;
            a->variance[row] = summed(&s, x, x, n, squares).a / (float)n;
        }
        if (a->y == NULL)
            continue;
        s.mean = a->mean[row];
        s.shift = a->shift[row];
        s.factor = 1 / sqrtf(a->variance[row] + a->epsilon) * a->scale[row];
        if (s.most > 0)
            write_row(&s, x, n, a->y + row * n, 1);
        else
            write_row(&s, x, n, a->y + row * n, 0);
    }
    return 0;
}

/* The gradient of x: factor * (g - mean of g - unit * mean of g * unit). */
DPK_INLINE void write_gradient(const line *s, const float *x, const float *g, size_t n, float by_x,
                               float constant, float *y, const int clips) {
    for (size_t i = 0; i < n; i += DPK_LANES) {
        const size_t count = dpk_min(DPK_LANES, n - i);
        const dpk_vec at = dpk_gather(x + i, 1, count), gradient = dpk_gather(g + i, 1, count);
        const dpk_vec passed = clips ? dpk_inside(normalized(s, at), s->most, gradient) : gradient;
        const dpk_vec rest = dpk_fma(at - s->mean, dpk_all(by_x), dpk_all(constant));
        dpk_scatter(y + i, dpk_fma(passed, dpk_all(s->factor), rest), count);
    }
}

int DPK(batch_norm_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_batch_norm *a = arguments;
    const size_t n = a->n_columns, end = dpk_begin(a->n_rows, part + 1, n_parts);
    for (size_t row = dpk_begin(a->n_rows, part, n_parts); row < end; row++) {
        const float *x = a->x + row * n, *g = a->g + row * n;
        const float inverse = 1 / sqrtf(a->variance[row] + a->epsilon);
        const line s = {a->mean[row], inverse * a->scale[row], a->shift[row], a->most};
        const int clips = s.most > 0;
        if (!a->has_sums) {
            const sums of =
                clips ? summed(&s, x, g, n, clipped_gradients) : summed(&s, x, g, n, gradients);
            a->shift_gradient[row] = of.a;
            a->scale_gradient[row] = of.b * inverse;
        }
        if (a->y == NULL)
            continue;
        const float constant = -s.factor * a->shift_gradient[row] / a->n_values;
        const float by_x = -s.factor * inverse * a->scale_gradient[row] / a->n_values;
        if (clips)
            write_gradient(&s, x, g, n, by_x, constant, a->y + row * n, 1);
        else
            write_gradient(&s, x, g, n, by_x, constant, a->y + row * n, 0);
    }
    return 0;
}

int DPK(merge_statistics)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_merge_statistics *a = arguments;
    const size_t n = a->n_rows, end = dpk_begin(n, part + 1, n_parts);
    for (size_t row = dpk_begin(n, part, n_parts); row < end; row++) {
        const float first = a->x[0][row];
        float mean = first, variance = 0;
        for (size_t i = 1; i < a->n_terms; i++)
            mean += a->shares[i] * (a->x[i][row] - first);
        for (size_t i = 0; i < a->n_terms; i++) {
            const float apart = a->x[i][row] - mean;
            variance += a->shares[i] * (a->x[i][n + row] + apart * apart);
        }
        a->y[row] = mean;
        a->y[n + row] = variance;
    }
    return 0;
}
