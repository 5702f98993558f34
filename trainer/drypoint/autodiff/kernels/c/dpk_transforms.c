/* SPDX-License-Identifier: Apache-2.0 */
/* The maps of dpk_transforms.h. With a constant map and r the compiler unrolls all loops and drops
 * the products with 0. */
#include "dpk_transforms.h"

enum { MOST = 8 }; /* points along an axis */

/* The number of inputs of a map. */
#define TERMS(map, r) ((map) == DPK_DATA ? (r) + 3 : (map) == DPK_RESULT ? 4 : (r))

/* The coefficient of x[j] in row `row`: 0, the positive points, infinity. */
DPK_INLINE float coefficient(const dpk_map map, const int r, const int row, const int j) {
    static const float data5[5][8] = {{-1, 0, 5.25F, 0, -5.25F, 0, 1, 0},
                                      {0, 1, 1, -4.25F, -4.25F, 1, 1, 0},
                                      {0, 0.5F, 0.25F, -2.5F, -1.25F, 2, 1, 0},
                                      {0, 2, 4, -2.5F, -5, 0.5F, 1, 0},
                                      {0, -1, 0, 5.25F, 0, -5.25F, 0, 1}};
    static const float data3[4][6] = {
        {4, 0, -5, 0, 1, 0}, {0, -4, -4, 1, 1, 0}, {0, -2, -1, 2, 1, 0}, {0, 4, 0, -5, 0, 1}};
    static const float power[4][5] = {
        {1, 0, 0, 0, 0}, {1, 1, 1, 1, 1}, {1, 2, 4, 8, 16}, {1, 0.5F, 0.25F, 0.125F, 0.0625F}};
    static const float scale5[4] = {-1, -2.0F / 9, 1.0F / 90, 32.0F / 45}; /* 1 / N */
    static const float scale3[3] = {0.25F, -1.0F / 6, 1.0F / 24};
    const int infinity = (r + 1) / 2 + 1;
    if (map == DPK_DATA)
        return r == 5 ? data5[row][j] : data3[row][j];
    if (row == infinity)
        return j == TERMS(map, r) - 1 ? 1 : 0;
    if (map == DPK_RESULT)
        return power[row][j];
    return power[row][j] * (r == 5 ? scale5[row] : scale3[row]);
}

/* y[k] = the sum over j of row k [j] * x[j]: a product with B^T, A or G. */
DPK_INLINE void apply(const dpk_map map, const int r, const dpk_vec *x, dpk_vec *y) {
    const int pairs = (r + 1) / 2, n_terms = TERMS(map, r);
#pragma GCC unroll 8
    for (int row = 0; row <= pairs + 1; row++) {
        dpk_vec even = {0}, odd = {0};
        int any_even = 0, any_odd = 0;
#pragma GCC unroll 8
        for (int j = 0; j < n_terms; j++) {
            const float c = coefficient(map, r, row, j);
            if (c != 0 && j % 2 == 0)
                even = any_even++ ? dpk_fma(dpk_all(c), x[j], even) : c * x[j];
            if (c != 0 && j % 2 == 1)
                odd = any_odd++ ? dpk_fma(dpk_all(c), x[j], odd) : c * x[j];
        }
        if (row == 0)
            y[0] = any_odd ? even + odd : even;
        else if (row == pairs + 1)
            y[2 * pairs + 1] = any_even && any_odd ? even + odd : any_odd ? odd : even;
        else {
            y[2 * row - 1] = even + odd;
            y[2 * row] = even - odd;
        }
    }
}

/* y[j] = the sum over k of row k [j] * x[k]: a product with B, A^T or G^T. */
DPK_INLINE void apply_back(const dpk_map map, const int r, const dpk_vec *x, dpk_vec *y) {
    const int pairs = (r + 1) / 2, n_terms = TERMS(map, r);
    dpk_vec both[2][4]; /* sums and differences of the pairs */
#pragma GCC unroll 4
    for (int k = 1; k <= pairs; k++) {
        both[0][k] = x[2 * k - 1] + x[2 * k];
        both[1][k] = x[2 * k - 1] - x[2 * k];
    }
    both[0][0] = both[1][0] = x[0];
#pragma GCC unroll 8
    for (int j = 0; j < n_terms; j++) {
        dpk_vec sum = {0};
        int any = 0;
#pragma GCC unroll 8
        for (int row = 0; row <= pairs + 1; row++) {
            const float c = coefficient(map, r, row, j);
            const dpk_vec term = row == pairs + 1 ? x[2 * pairs + 1] : both[j % 2][row];
            if (c != 0)
                sum = any++ ? dpk_fma(dpk_all(c), term, sum) : c * term;
        }
        y[j] = sum;
    }
}

/* Transforms a tile [terms][terms] on both axes into n * n points, `step` floats apart. */
DPK_INLINE void apply_2d(const dpk_map map, const int r, const float *tile, ptrdiff_t row,
                         ptrdiff_t column, float *points, ptrdiff_t step) {
    const int n_terms = TERMS(map, r), n = r + 3;
    dpk_vec half[MOST][MOST]; /* [column][point] */
    for (int j = 0; j < n_terms; j++) {
        dpk_vec x[MOST] = {{0}};
#pragma GCC unroll 8
        for (int i = 0; i < n_terms; i++)
            x[i] = dpk_load(tile + i * row + j * column);
        apply(map, r, x, half[j]);
    }
    for (int i = 0; i < n; i++) {
        dpk_vec x[MOST] = {{0}}, y[MOST];
#pragma GCC unroll 8
        for (int j = 0; j < n_terms; j++)
            x[j] = half[j][i];
        apply(map, r, x, y);
#pragma GCC unroll 8
        for (int j = 0; j < n; j++)
            dpk_store(points + (i * n + j) * step, y[j]);
    }
}

/* Transforms n * n points on both axes back into a tile, or adds them to it. */
DPK_INLINE void apply_back_2d(const dpk_map map, const int r, const float *points, ptrdiff_t step,
                              float *tile, ptrdiff_t row, ptrdiff_t column, int adds) {
    const int n_terms = TERMS(map, r), n = r + 3;
    dpk_vec half[MOST][MOST]; /* [column of points][term] */
    for (int j = 0; j < n; j++) {
        dpk_vec x[MOST] = {{0}};
#pragma GCC unroll 8
        for (int i = 0; i < n; i++)
            x[i] = dpk_load(points + (i * n + j) * step);
        apply_back(map, r, x, half[j]);
    }
    for (int i = 0; i < n_terms; i++) {
        dpk_vec x[MOST] = {{0}}, y[MOST];
#pragma GCC unroll 8
        for (int j = 0; j < n; j++)
            x[j] = half[j][i];
        apply_back(map, r, x, y);
#pragma GCC unroll 8
        for (int j = 0; j < n_terms; j++) {
            float *at = tile + i * row + j * column;
            dpk_store(at, adds ? dpk_load(at) + y[j] : y[j]);
        }
    }
}

#define CASES(function)                                                                            \
    CASE(function, DPK_DATA, 3);                                                                   \
    CASE(function, DPK_DATA, 5);                                                                   \
    CASE(function, DPK_RESULT, 3);                                                                 \
    CASE(function, DPK_RESULT, 5);                                                                 \
    CASE(function, DPK_WEIGHT, 3);                                                                 \
    CASE(function, DPK_WEIGHT, 5)

void DPK(transform)(dpk_map map, size_t r, const float *tile, ptrdiff_t row, ptrdiff_t column,
                    float *points, ptrdiff_t step) {
#define CASE(function, map, r)                                                                     \
    case 8 * map + r:                                                                              \
        function(map, r, tile, row, column, points, step);                                         \
        break
    switch (8 * (size_t)map + r) { CASES(apply_2d); }
#undef CASE
}

void DPK(transform_back)(dpk_map map, size_t r, const float *points, ptrdiff_t step, float *tile,
                         ptrdiff_t row, ptrdiff_t column, int adds) {
#define CASE(function, map, r)                                                                     \
    case 8 * map + r:                                                                              \
        function(map, r, points, step, tile, row, column, adds);                                   \
        break
    switch (8 * (size_t)map + r) { CASES(apply_back_2d); }
#undef CASE
}
