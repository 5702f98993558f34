/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution fused with 2x2 max-pooling: the four pixels of a pooling window are the four vectors
 * of a tile, and stay in registers. */
#ifndef DPK_POOLED_H
#define DPK_POOLED_H

#include "dpk_vector.h"

/* Output channels of a tile: as many as fit into the 32 or 16 registers with the factors and
 * weights of a term. */
#if DPK_LANES == 16 || defined(__aarch64__)
enum { DPK_POOLED_Q = 5 };
#elif DPK_LANES == 8
enum { DPK_POOLED_Q = 3 };
#else
enum { DPK_POOLED_Q = 2 };
#endif

typedef struct {
    size_t n_terms;
    const ptrdiff_t *offsets; /* [n_terms]: of a term in x */
    ptrdiff_t dx, dy;         /* in x, from pixel to pixel of a window */
    size_t n_windows;         /* in a row, without gaps */
    size_t n_images;          /* at most a vector */
    int pairs;                /* x and w are pairs of integers: dpk_pairs.h */
    int relu;
    ptrdiff_t y_step, y_plane; /* between results of a row, of neighbouring channels */
    size_t winners_step, winners_plane;
} dpk_pooled;

/* Computes a row of results of q <= DPK_POOLED_Q channels, and their winners (NULL: not needed):
 * the bytes of `product` in dpk_product.h followed by DPK(relu_and_pool). w is [q][n_terms]; bias
 * [q] or NULL.
 */
void DPK(pooled)(const dpk_pooled *s, size_t q, const float *x, const float *w, const float *bias,
                 float *y, uint8_t *winners);

#endif
