/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution with 2x2 max-pooling behind it, whose results never leave the registers: the four
 * pixels of a window are the four vectors of a tile. */
#ifndef DPK_POOLED_H
#define DPK_POOLED_H

#include "dpk_vector.h"

/* Output channels of a tile. Their sums fit into the 32 or 16 registers with the factors and a
 * weight; with the weights and a factor; and, where a product needs a register too, with all. */
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
    size_t n_windows;         /* in a row; they touch */
    size_t n_images;          /* at most a vector */
    int relu;
    ptrdiff_t y_step, y_plane; /* between results of a row, of neighbouring channels */
    size_t winners_step, winners_plane;
} dpk_pooled;

/* q <= DPK_POOLED_Q channels of a row of results, and their winners (NULL: nobody asks): what the
 * product of dpk_product.h gives with DPK(finish) behind it. w is [q][n_terms]; bias [q], or NULL.
 */
void DPK(pooled)(const dpk_pooled *s, size_t q, const float *x, const float *w, const float *bias,
                 float *y, uint8_t *winners);

#endif
