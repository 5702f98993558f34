/* SPDX-License-Identifier: Apache-2.0 */
/* Copies between images and blocks, pooling and ReLU. */
#include "dpk_block.h"

/* The range of a block's axis that an image of `size` pixels fills. */
DPK_INLINE size_t filled(size_t frame, ptrdiff_t offset, size_t size, size_t *begin) {
    const ptrdiff_t first = offset > 0 ? offset : 0;
    ptrdiff_t end = offset + (ptrdiff_t)size;
    end = end < (ptrdiff_t)frame ? end : (ptrdiff_t)frame;
    *begin = (size_t)(first < end ? first : 0);
    return (size_t)(first < end ? end : 0);
}

static void clear(float *row, size_t n, float fill) {
    for (size_t i = 0; i < n; i++)
        row[i] = fill;
}

enum { PREFETCHED = 64 }; /* pixels that are fetched early */

/* Copies n pixels of a row of `count` images. If the pixels of an image are contiguous, squares of
 * pixels and images are transposed; the last square may overlap the one before. */
DPK_INLINE void copy_row(const dpk_images *x, const float *from, size_t n, size_t count,
                         float *row) {
    if (x->stride_w == 1 && x->stride_n != 1 && count == DPK_LANES && n >= DPK_LANES) {
        for (size_t j = 0; j < n; j += DPK_LANES) {
            const size_t at = dpk_min(j, n - DPK_LANES);
            dpk_transpose(from + at, x->stride_n, row + at * DPK_LANES, DPK_LANES);
        }
        return;
    }
    if (x->stride_n == 1 && count == DPK_LANES) {
        /* A block reads a part of each pixel's images: too far apart for the CPU to prefetch them.
         */
        const intptr_t ahead = 4 * PREFETCHED * (intptr_t)x->stride_w;
        for (size_t j = 0; j < n; j++) {
            const float *at = from + (ptrdiff_t)j * x->stride_w;
            __builtin_prefetch((const void *)((intptr_t)at + ahead));
            dpk_store(row + j * DPK_LANES, dpk_load(at));
        }
        return;
    }
    for (size_t j = 0; j < n; j++)
        dpk_store(row + j * DPK_LANES,
                  dpk_gather(from + (ptrdiff_t)j * x->stride_w, x->stride_n, count));
}

void DPK(images_to_block)(const dpk_images *x, size_t b, size_t c, size_t n_channels,
                          const dpk_frame *frame, float *block) {
    const size_t count = dpk_count(x->n, b);
    size_t y0, x0;
    const size_t y1 = filled(frame->h, frame->top, x->h, &y0);
    const size_t x1 = filled(frame->w, frame->left, x->w, &x0);
    const float *images = x->data + (ptrdiff_t)(b * DPK_LANES) * x->stride_n;
    for (size_t channel = 0; channel < n_channels; channel++)
        for (size_t i = 0; i < frame->h; i++) {
            float *row = block + (channel * frame->h + i) * frame->w * DPK_LANES;
            if (i < y0 || i >= y1 || x0 == x1) {
                clear(row, frame->w * DPK_LANES, frame->fill);
                continue;
            }
            clear(row, x0 * DPK_LANES, frame->fill);
            clear(row + x1 * DPK_LANES, (frame->w - x1) * DPK_LANES, frame->fill);
            const float *from = images + (ptrdiff_t)(c + channel) * x->stride_c +
                                ((ptrdiff_t)i - frame->top) * x->stride_h;
            copy_row(x, from + ((ptrdiff_t)x0 - frame->left) * x->stride_w, x1 - x0, count,
                     row + x0 * DPK_LANES);
        }
}

/* Copies n pixels of a row of `count` images, which are `image` floats apart in the result. */
DPK_INLINE void spread_row(const dpk_images *x, const float *from, size_t n, size_t count,
                           float *row, size_t image) {
    if (x->stride_w == 1) {
        for (size_t i = 0; i < count; i++)
            memcpy(row + i * image, from + (ptrdiff_t)i * x->stride_n, 4 * n);
        return;
    }
    if (x->stride_n == 1 && count == DPK_LANES && n >= DPK_LANES) {
        for (size_t j = 0; j < n; j += DPK_LANES) {
            const size_t at = dpk_min(j, n - DPK_LANES);
            dpk_transpose(from + (ptrdiff_t)at * x->stride_w, x->stride_w, row + at,
                          (ptrdiff_t)image);
        }
        return;
    }
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < count; i++)
            row[i * image + j] = from[(ptrdiff_t)j * x->stride_w + (ptrdiff_t)i * x->stride_n];
}

void DPK(images_to_rows)(const dpk_images *x, size_t b, const dpk_frame *frame, size_t width,
                         size_t image, float *block) {
    const size_t count = dpk_count(x->n, b);
    size_t y0, x0;
    const size_t y1 = filled(frame->h, frame->top, x->h, &y0);
    const size_t x1 = filled(frame->w, frame->left, x->w, &x0);
    const float *images = x->data + (ptrdiff_t)(b * DPK_LANES) * x->stride_n;
    for (size_t channel = 0; channel < x->c; channel++)
        for (size_t i = 0; i < frame->h; i++) {
            float *row = block + (channel * frame->h + i) * width;
            const int inside = i >= y0 && i < y1 && x0 < x1;
            const size_t begin = inside ? x0 : frame->w, end = inside ? x1 : frame->w;
            for (size_t k = 0; k < count && begin + frame->w - end > 0; k++) {
                clear(row + k * image, begin, frame->fill);
                clear(row + k * image + end, frame->w - end, frame->fill);
            }
            if (inside)
                spread_row(x,
                           images + (ptrdiff_t)channel * x->stride_c +
                               ((ptrdiff_t)i - frame->top) * x->stride_h +
                               ((ptrdiff_t)x0 - frame->left) * x->stride_w,
                           x1 - x0, count, row + x0, image);
        }
}

/* The first window of `pool` pixels, of n in a row, that overlaps a block's axis, and the end. */
DPK_INLINE size_t met(size_t frame, ptrdiff_t offset, size_t n, size_t pool, size_t *first) {
    const ptrdiff_t end = (ptrdiff_t)frame - offset;
    *first = offset < 0 ? (size_t)-offset / pool : 0;
    return dpk_min(n, end > 0 ? dpk_groups((size_t)end, pool) : 0);
}

void DPK(unpool)(const dpk_images *x, const uint8_t *winners, size_t b, size_t c, size_t n_channels,
                 size_t pool_h, size_t pool_w, const dpk_frame *frame, float *block) {
    const size_t count = dpk_count(x->n, b), area = frame->h * frame->w;
    size_t i0, j0;
    const size_t i1 = met(frame->h, frame->top, x->h, pool_h, &i0);
    const size_t j1 = met(frame->w, frame->left, x->w, pool_w, &j0);
    clear(block, n_channels * area * DPK_LANES, 0);
    for (size_t channel = c; channel < c + n_channels; channel++, block += area * DPK_LANES)
        for (size_t i = i0; i < i1; i++)
            for (size_t j = j0; j < j1; j++) {
                const float *from = x->data + (ptrdiff_t)(b * DPK_LANES) * x->stride_n +
                                    (ptrdiff_t)channel * x->stride_c + (ptrdiff_t)i * x->stride_h +
                                    (ptrdiff_t)j * x->stride_w;
                const size_t pixel = (channel * x->h + i) * x->w + j;
                const dpk_vec g = dpk_gather(from, x->stride_n, count);
                const dpk_ivec won = dpk_widen(winners + pixel * x->n + b * DPK_LANES, count);
                for (size_t k = 0; k < pool_h * pool_w; k++) {
                    const ptrdiff_t row = (ptrdiff_t)(i * pool_h + k / pool_w) + frame->top;
                    const ptrdiff_t column = (ptrdiff_t)(j * pool_w + k % pool_w) + frame->left;
                    if (row < 0 || row >= (ptrdiff_t)frame->h || column < 0 ||
                        column >= (ptrdiff_t)frame->w)
                        continue;
                    const size_t at = (size_t)row * frame->w + (size_t)column;
                    dpk_store(block + at * DPK_LANES,
                              dpk_select(won == (int32_t)k, g, (dpk_vec){0}));
                }
            }
}

/* Computes a row of n results from neighbouring windows of pool_h by pool_w. y and codes (NULL: not
 * needed) point to the first result; the others are steps apart. */
DPK_INLINE void finish_row(const float *window, size_t width, size_t n, size_t count, int relu,
                           float *y, ptrdiff_t y_step, uint8_t *codes, size_t codes_step,
                           const size_t pool_h, const size_t pool_w) {
    for (size_t j = 0; j < n; j++) {
        dpk_vec best = dpk_load(window);
        dpk_ivec won = {0};
        for (size_t row = 0; row < pool_h; row++)
            for (size_t column = row == 0; column < pool_w; column++) {
                const float *at = window + (row * width + column) * DPK_LANES;
                dpk_keep_larger(dpk_load(at), (int32_t)(row * pool_w + column), &best, &won);
            }
        if (relu)
            dpk_keep_positive(&best, &won);
        dpk_scatter(y, best, count);
        if (codes != NULL)
            dpk_narrow(codes, won, count);
        window += pool_w * DPK_LANES;
        y += y_step;
        codes += codes == NULL ? 0 : codes_step;
    }
}

void DPK(relu_and_pool)(const dpk_conv2d *a, const float *strip, size_t width,
                        const dpk_part *part) {
    const dpk_images *to = &a->y;
    const size_t count = dpk_count(to->n, part->b), n = to->n;
    const size_t pool_h = a->x_winners ? 1 : a->pool_h, pool_w = a->x_winners ? 1 : a->pool_w;
    for (size_t i = 0; i < part->h; i++) {
        const size_t row = part->row + i, first = part->b * DPK_LANES;
        const float *window = strip + i * pool_h * width * DPK_LANES;
        float *y = to->data + (ptrdiff_t)first + (ptrdiff_t)part->c * to->stride_c +
                   (ptrdiff_t)row * to->stride_h + (ptrdiff_t)part->column * to->stride_w;
        uint8_t *codes = a->winners;
        if (codes != NULL)
            codes += ((part->c * to->h + row) * to->w + part->column) * n + first;
#define POOLED(H, W)                                                                               \
    finish_row(window, width, part->w, count, a->relu, y, to->stride_w, codes, n, H, W)
        if (pool_h == 2 && pool_w == 2)
            POOLED(2, 2);
        else if (pool_h == 1 && pool_w == 1)
            POOLED(1, 1);
        else
            POOLED(pool_h, pool_w);
#undef POOLED
    }
}

void DPK(block_to_images)(const dpk_images *y, size_t b, size_t c, size_t n_channels,
                          const dpk_frame *frame, const float *block) {
    const size_t count = dpk_count(y->n, b);
    for (size_t channel = 0; channel < n_channels; channel++)
        for (size_t i = 0; i < y->h; i++) {
            const size_t row = (channel * frame->h + i + (size_t)frame->top) * frame->w;
            const float *from = block + (row + (size_t)frame->left) * DPK_LANES;
            float *to = y->data + (ptrdiff_t)(b * DPK_LANES) +
                        (ptrdiff_t)(c + channel) * y->stride_c + (ptrdiff_t)i * y->stride_h;
            for (size_t j = 0; j < y->w; j++)
                dpk_scatter(to + (ptrdiff_t)j * y->stride_w, dpk_load(from + j * DPK_LANES), count);
        }
}
