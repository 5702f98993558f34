/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks: as many images as a vector has lanes, in the order [channel][row][column][lane]. */
#ifndef DPK_BLOCK_H
#define DPK_BLOCK_H

#include "dpk_vector.h"

#include <string.h>

/* The size of a block, and the place (top, left) of pixel (0, 0) of the images in it. The block
 * holds `fill` outside of the images; pixels outside of the block are not copied. */
typedef struct {
    size_t h, w;
    ptrdiff_t top, left;
    float fill;
} dpk_frame;

/* Copies channels c .. c + n_channels - 1 of block b; lanes after the last image are 0. */
void DPK(images_to_block)(const dpk_images *x, size_t b, size_t c, size_t n_channels,
                          const dpk_frame *frame, float *block);

/* Copies all channels of block b image by image: [lane][channel][row][column], with `image` floats
 * from image to image and `width` from row to row. Does not write lanes after the last image. */
void DPK(images_to_rows)(const dpk_images *x, size_t b, const dpk_frame *frame, size_t width,
                         size_t image, float *block);

/* As pack, for the gradients before pooling and ReLU, (n, c, h * pool_h, w * pool_w): `x` holds the
 * gradients after the pooling, and each goes to the pixel of its winner. */
void DPK(unpool)(const dpk_images *x, const uint8_t *winners, size_t b, size_t c, size_t n_channels,
                 size_t pool_h, size_t pool_w, const dpk_frame *frame, float *block);

/* A part of one channel, a rectangle of y. */
typedef struct {
    size_t b, c, row, column, h, w;
} dpk_part;

/* Writes the rectangle `part` of y = pool(relu(convolution)), and its winners unless a->winners is
 * NULL. convolution: [pool_h * part->h][width][lane] with bias, width >= pool_w * part->w. */
void DPK(relu_and_pool)(const dpk_conv2d *a, const float *strip, size_t width,
                        const dpk_part *part);

/* Copies n_channels channels of block b, without padding, into y from channel c on. */
void DPK(block_to_images)(const dpk_images *y, size_t b, size_t c, size_t n_channels,
                          const dpk_frame *frame, const float *block);

/* The number of lanes of block b that hold an image. */
DPK_INLINE size_t dpk_count(size_t n, size_t b) {
    return dpk_min(DPK_LANES, n - b * DPK_LANES);
}

/* Computes items begin .. end - 1 of a weight gradient of one term. */
typedef int dpk_items(const dpk_conv2d *a, size_t begin, size_t end);

/* Computes a part of a weight gradient that has n_items for each term; a term is the sum over some
 * blocks of images. */
DPK_INLINE int dpk_each_term(const dpk_conv2d *a, size_t n_items, size_t part, size_t n_parts,
                             dpk_items *compute) {
    const size_t n_blocks = dpk_groups(a->y.n, DPK_LANES);
    const size_t end = dpk_begin(a->n_terms * n_items, part + 1, n_parts);
    int status = DPK_DONE;
    for (size_t i = dpk_begin(a->n_terms * n_items, part, n_parts), next; i < end && !status;
         i = next) {
        const size_t t = i / n_items;
        const size_t first = dpk_begin(n_blocks, t, a->n_terms) * DPK_LANES;
        dpk_conv2d term = *a;
        term.x.data += (ptrdiff_t)first * a->x.stride_n;
        term.y.data += (ptrdiff_t)first * a->y.stride_n;
        term.x.n = term.y.n =
            dpk_min(dpk_begin(n_blocks, t + 1, a->n_terms) * DPK_LANES, a->y.n) - first;
        term.weight += t * a->y.c * (a->x.c / a->groups) * a->kernel_h * a->kernel_w;
        next = dpk_min((t + 1) * n_items, end);
        status = compute(&term, i - t * n_items, next - t * n_items);
    }
    return status;
}

/* A vector of the values of `count` images at one pixel; the other lanes are 0. */
DPK_INLINE dpk_vec dpk_gather(const float *at, ptrdiff_t stride, size_t count) {
    if (stride == 1 && count == DPK_LANES)
        return dpk_load(at);
    float lanes[DPK_LANES] = {0};
    for (size_t i = 0; i < count; i++)
        lanes[i] = at[(ptrdiff_t)i * stride];
    return dpk_load(lanes);
}

DPK_INLINE void dpk_scatter(float *at, dpk_vec v, size_t count) {
    if (count == DPK_LANES) {
        dpk_store(at, v);
    } else {
        float lanes[DPK_LANES];
        dpk_store(lanes, v);
        memcpy(at, lanes, 4 * count);
    }
}

/* dpk_widen: `count` bytes as int32 lanes, the other lanes 0; dpk_narrow: the lowest byte of each
 * lane. */
DPK_INLINE dpk_ivec dpk_widen(const uint8_t *bytes, size_t count) {
    dpk_bytes v = {0};
    if (count == DPK_LANES)
        /* cppcheck-suppress bufferAccessOutOfBounds ; it takes a vector for a byte */
        memcpy(&v, bytes, DPK_LANES);
    else
        /* cppcheck-suppress bufferAccessOutOfBounds ; it takes a vector for a byte */
        memcpy(&v, bytes, count);
    return dpk_from_bytes(v);
}

DPK_INLINE void dpk_narrow(uint8_t *to, dpk_ivec v, size_t count) {
    const dpk_bytes bytes = dpk_to_bytes(v);
    if (count == DPK_LANES)
        /* cppcheck-suppress bufferAccessOutOfBounds ; it takes a vector for a byte */
        memcpy(to, &bytes, DPK_LANES);
    else
        /* cppcheck-suppress bufferAccessOutOfBounds ; it takes a vector for a byte */
        memcpy(to, &bytes, count);
}

#endif
