/* SPDX-License-Identifier: Apache-2.0 */
/* See dpk_pooled.h. */
#include "dpk_pooled.h"
#include "dpk_block.h"

/* With large batches each result is on another page, whose access takes about as long as a tile: so
 * it is prefetched. */
DPK_INLINE void expect(const dpk_pooled *s, const float *y, const uint8_t *winners, const int Q) {
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++) {
        __builtin_prefetch(y + q * s->y_plane, 1);
        if (winners != NULL)
            __builtin_prefetch(winners + (size_t)q * s->winners_plane, 1);
    }
}

/* sum[q][p] += weights[q] * the pixel p of a window at x. */
DPK_INLINE void add_term(const dpk_pooled *s, const float *x, const float *weights,
                         dpk_vec (*sum)[4], const int Q, const int pairs) {
    const ptrdiff_t places[4] = {0, s->dx, s->dy, s->dy + s->dx};
#if DPK_LANES == 16 || defined(__aarch64__)
    dpk_vec factor[4];
#pragma GCC unroll 4
    for (int p = 0; p < 4; p++)
        factor[p] = dpk_load(x + places[p]);
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++) {
        const dpk_vec weight = dpk_weight(weights + q * (ptrdiff_t)s->n_terms, pairs);
#pragma GCC unroll 4
        for (int p = 0; p < 4; p++)
            sum[q][p] = dpk_multiply_add(weight, factor[p], sum[q][p], pairs);
    }
#else
    dpk_vec weight[3]; /* [DPK_POOLED_Q] */
#pragma GCC unroll 8
    for (int q = 0; q < Q; q++)
        weight[q] = dpk_weight(weights + q * (ptrdiff_t)s->n_terms, pairs);
#pragma GCC unroll 4
    for (int p = 0; p < 4; p++) {
        const dpk_vec factor = dpk_load(x + places[p]);
#pragma GCC unroll 8
        for (int q = 0; q < Q; q++)
            sum[q][p] = dpk_multiply_add(weight[q], factor, sum[q][p], pairs);
    }
#endif
}

DPK_INLINE void pooled(const dpk_pooled *given, const float *x, const float *w, const float *bias,
                       float *y, uint8_t *winners, const int Q, const int pairs) {
    const dpk_pooled s = *given; /* which no store can change, as the compiler sees */
    const ptrdiff_t *last = s.offsets + s.n_terms;
    for (size_t j = 0; j < s.n_windows; j++) {
        if (j + 1 < s.n_windows)
            expect(&s, y + s.y_step, winners ? winners + s.winners_step : NULL, Q);
        dpk_vec sum[5][4]; /* [DPK_POOLED_Q] */
#pragma GCC unroll 8
        for (int q = 0; q < Q; q++)
#pragma GCC unroll 4
            for (int p = 0; p < 4; p++)
                sum[q][p] = bias ? dpk_all(bias[q]) : (dpk_vec){0};
        const float *weights = w;
        for (const ptrdiff_t *offset = s.offsets; offset < last; offset++, weights++)
            add_term(&s, x + *offset, weights, sum, Q, pairs);
#pragma GCC unroll 8
        for (int q = 0; q < Q; q++) {
            dpk_vec best = dpk_sum_of(sum[q][0], pairs);
            dpk_ivec won = {0};
#pragma GCC unroll 4
            for (int k = 1; k < 4; k++)
                dpk_keep_larger(dpk_sum_of(sum[q][k], pairs), k, &best, &won);
            if (s.relu)
                dpk_keep_positive(&best, &won);
            dpk_scatter(y + q * s.y_plane, best, s.n_images);
            if (winners != NULL)
                dpk_narrow(winners + (size_t)q * s.winners_plane, won, s.n_images);
        }
        x += 2 * s.dx;
        y += s.y_step;
        winners += winners == NULL ? 0 : s.winners_step;
    }
}

/* A function for each number of channels, so that the sums are registers. */
void DPK(pooled)(const dpk_pooled *s, size_t q, const float *x, const float *w, const float *bias,
                 float *y, uint8_t *winners) {
#define CASE(Q)                                                                                    \
    case Q:                                                                                        \
        if (DPK_HAS_PAIRS && s->pairs)                                                             \
            pooled(s, x, w, bias, y, winners, Q, 1);                                               \
        else                                                                                       \
            pooled(s, x, w, bias, y, winners, Q, 0);                                               \
        break
    switch (q) {
        CASE(1);
        CASE(2);
#if DPK_LANES >= 8 || defined(__aarch64__)
        CASE(3);
#endif
#if DPK_LANES == 16 || defined(__aarch64__)
        CASE(4);
        CASE(5);
#endif
    }
#undef CASE
}
