/* SPDX-License-Identifier: Apache-2.0 */
/* The linear maps of fast convolution (Winograd 1980; Lavin and Gray 2016): four results of a
 * correlation with r weights by n = r + 3 multiplications in place of 4 r.
 *
 * With polynomials d, g and points p: results = A^T ((G g) * (B^T d)), where row k of G is
 * p_k^0, p_k^1, ... over N_k, row k of A the same powers, row k of B^T the coefficients of
 * M(x) / (x - p_k), M the product of all (x - p), and N_k the value of that at p_k. The points are
 * 0, 1, -1, 2, -2, for r = 5 also 1/2, -1/2, and infinity, which stands for the leading
 * coefficient. The gradients use the transposed maps: G^T, A and B.
 *
 * The rows of p and of -p differ in the sign of every second term only: a map is kept as the rows
 * of 0, of the positive points and of infinity. */
#ifndef DPK_TRANSFORMS_H
#define DPK_TRANSFORMS_H

#include "dpk_vector.h"

enum { DPK_TILE = 4 }; /* results that a tile is high and wide */

typedef enum { DPK_DATA, DPK_RESULT, DPK_WEIGHT } dpk_map; /* B^T, A, G */

/* Both axes of a tile of vectors, `row` and `column` floats apart, to n * n points, `step` floats
 * apart. A tile is n high and wide for DPK_DATA, 4 for DPK_RESULT, r for DPK_WEIGHT; r is 3 or 5.
 */
void DPK(transform)(dpk_map map, size_t r, const float *tile, ptrdiff_t row, ptrdiff_t column,
                    float *points, ptrdiff_t step);

/* Transforms points to a tile by the transposed maps; adds: adds them to the tile. */
void DPK(transform_back)(dpk_map map, size_t r, const float *points, ptrdiff_t step, float *tile,
                         ptrdiff_t row, ptrdiff_t column, int adds);

#endif
