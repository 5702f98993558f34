/* SPDX-License-Identifier: Apache-2.0 */
/* The two inner loops of nearly all arithmetic.
 *
 * product: P vectors of x times Q weights, broadcast, are added to P * Q vectors of sums that stay
 * in registers over all terms. Convolution, its input gradient, matrix products and the products of
 * a Winograd convolution are this loop with different offsets.
 *
 * correlation: Q gradients times P values of x, all vectors, are added to Q * P vectors, whose
 * lanes are summed at the end: weight gradients. */
#ifndef DPK_PRODUCT_H
#define DPK_PRODUCT_H

#include "dpk_vector.h"

/* Sums, factors and a broadcast weight fit together into the 32 or 16 registers. One gradient, as a
 * depthwise convolution has for a channel, meets DPK_CP1 values: all taps of 3 by 3. */
#if DPK_LANES == 16
enum { DPK_P = 4, DPK_Q = 6, DPK_CP = 5, DPK_CQ = 5, DPK_CP1 = 9 };
#else
enum { DPK_P = 2, DPK_Q = 6, DPK_CP = 4, DPK_CQ = 3, DPK_CP1 = 9 };
#endif

typedef struct {
    size_t n_terms;
    const ptrdiff_t *offsets; /* [n_terms]: of a term in x */
    ptrdiff_t x_step;         /* between the P vectors of a term */
    ptrdiff_t w_row, w_term;  /* between the Q weights of a term, between terms */
    ptrdiff_t y_row, y_step;  /* between the results of neighbouring q, of neighbouring p */
    int pairs;                /* x and w are pairs of integers, bias is NULL: dpk_pairs.h */
} dpk_product;

/* p <= DPK_P, q <= DPK_Q: y[q][p] = bias[q] (NULL: 0; y: adds to y) + sum of
 * w[q][t] * x[t][p]. */
void DPK(product)(const dpk_product *s, size_t p, size_t q, const float *x, const float *w,
                  const float *bias, float *y);

typedef struct {
    size_t n_rows, n_columns;
    ptrdiff_t g_row, g_plane; /* g: a vector follows the other along a row; q is a plane */
    ptrdiff_t x_row, x_column;
} dpk_correlation;

/* p <= DPK_CP, q <= DPK_CQ, or p <= DPK_CP1 and q = 1: y[q * y_row + p] += the sum over rows,
 * columns and lanes of g[q] * x[offsets[p]]. */
void DPK(correlation)(const dpk_correlation *s, size_t p, size_t q, const float *g, const float *x,
                      const ptrdiff_t *offsets, float *y, ptrdiff_t y_row);

#endif
