/* SPDX-License-Identifier: Apache-2.0 */
/* See dpk_product.h. */
#include "dpk_product.h"

DPK_INLINE dpk_vec beginning(const float *bias, const float *y, int q, int adds) {
    if (adds)
        return dpk_load(y);
    return bias ? dpk_all(bias[q]) : (dpk_vec){0};
}

DPK_INLINE void product(const dpk_product *s, const float *x, const float *w, const float *bias,
                        float *y, const int P, const int Q, const int pairs) {
    dpk_vec sum[6][4]; /* [DPK_Q][DPK_P] */
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++)
#pragma GCC unroll 8
        for (int p = 0; p < P; p++)
            sum[q][p] = beginning(bias, y + q * s->y_row + p * s->y_step, q, bias == y);
    const ptrdiff_t w_row = s->w_row, w_term = s->w_term, x_step = s->x_step;
    const ptrdiff_t *offsets = s->offsets, *end = s->offsets + s->n_terms;
    for (; offsets < end; offsets++, w += w_term) {
        const float *at = x + *offsets;
        dpk_vec factor[4];
#pragma GCC unroll 8
        for (int p = 0; p < P; p++)
            factor[p] = dpk_load(at + p * x_step);
#pragma GCC unroll 8
        for (int q = 0; q < Q; q++) {
            const dpk_vec weight = dpk_weight(w + q * w_row, pairs);
#pragma GCC unroll 8
            for (int p = 0; p < P; p++)
                sum[q][p] = dpk_multiply_add(weight, factor[p], sum[q][p], pairs);
        }
    }
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++)
#pragma GCC unroll 8
        for (int p = 0; p < P; p++)
            dpk_store(y + q * s->y_row + p * s->y_step, dpk_sum_of(sum[q][p], pairs));
}

DPK_INLINE void correlation(const dpk_correlation *s, const float *g, const float *x,
                            const ptrdiff_t *offsets, float *y, ptrdiff_t y_row, const int P,
                            const int Q) {
    dpk_vec sum[5][9]; /* [DPK_CQ][DPK_CP], or [1][DPK_CP1] */
    ptrdiff_t step[9];
#pragma GCC unroll 9
    for (int p = 0; p < P; p++)
        step[p] = offsets[p];
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++)
#pragma GCC unroll 9
        for (int p = 0; p < P; p++)
            sum[q][p] = (dpk_vec){0};
    const ptrdiff_t g_plane = s->g_plane, x_column = s->x_column;
    for (size_t row = 0; row < s->n_rows; row++, g += s->g_row, x += s->x_row) {
        const float *g_at = g, *x_at = x;
        for (size_t column = 0; column < s->n_columns; column++) {
            dpk_vec gradient[5];
#pragma GCC unroll 8
            for (int q = 0; q < Q; q++)
                gradient[q] = dpk_load(g_at + q * g_plane);
#pragma GCC unroll 9
            for (int p = 0; p < P; p++) {
                const dpk_vec value = dpk_load(x_at + step[p]);
#pragma GCC unroll 8
                for (int q = 0; q < Q; q++)
                    sum[q][p] = dpk_fma(gradient[q], value, sum[q][p]);
            }
            g_at += DPK_LANES;
            x_at += x_column;
        }
    }
    dpk_vec flat[25 + DPK_LANES];
    float sums[25 + DPK_LANES];
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++)
#pragma GCC unroll 9
        for (int p = 0; p < P; p++)
            flat[q * P + p] = sum[q][p];
    for (int i = P * Q; i % DPK_LANES; i++)
        flat[i] = (dpk_vec){0};
    for (int i = 0; i < P * Q; i += DPK_LANES)
        dpk_store(sums + i, dpk_sums(flat + i));
    for (int q = 0; q < Q; q++)
        for (int p = 0; p < P; p++)
            y[q * y_row + p] += sums[q * P + p];
}

/* A function for each size of a tile, so that the sums are registers. */
#define ROW(Q)                                                                                     \
    CASE(1, Q);                                                                                    \
    CASE(2, Q);                                                                                    \
    CASE(3, Q);                                                                                    \
    CASE(4, Q)

void DPK(product)(const dpk_product *s, size_t p, size_t q, const float *x, const float *w,
                  const float *bias, float *y) {
#define CASE(P, Q)                                                                                 \
    case 8 * Q + P:                                                                                \
        if (DPK_HAS_PAIRS && s->pairs)                                                             \
            product(s, x, w, bias, y, P, Q, 1);                                                    \
        else                                                                                       \
            product(s, x, w, bias, y, P, Q, 0);                                                    \
        break
    switch (8 * q + p) {
        ROW(1);
        ROW(2);
        ROW(3);
        ROW(4);
        ROW(5);
        ROW(6);
    }
#undef CASE
}

void DPK(correlation)(const dpk_correlation *s, size_t p, size_t q, const float *g, const float *x,
                      const ptrdiff_t *offsets, float *y, ptrdiff_t y_row) {
#define CASE(P, Q)                                                                                 \
    case 16 * Q + P:                                                                               \
        correlation(s, g, x, offsets, y, y_row, P, Q);                                             \
        break
    switch (16 * q + p) {
        ROW(1);
        CASE(5, 1);
        CASE(6, 1);
        CASE(7, 1);
        CASE(8, 1);
        CASE(9, 1);
        ROW(2);
        CASE(5, 2);
        ROW(3);
        CASE(5, 3);
        ROW(4);
        CASE(5, 4);
        ROW(5);
        CASE(5, 5);
    }
#undef CASE
}
