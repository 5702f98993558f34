/* SPDX-License-Identifier: Apache-2.0 */
/* The tiles of Winograd convolutions. */
#ifndef DPK_WINOGRAD_H
#define DPK_WINOGRAD_H

#include "dpk_block.h"
#include "dpk_product.h"
#include "dpk_transforms.h"

/* Tiles of 4 x 4 results are taken in chunks that lie in a rectangle; each chunk becomes n * n
 * matrices [channel][tile][lane]. */
typedef struct {
    size_t r, points;        /* kernel size; n * n */
    size_t tiles_h, tiles_w; /* of the image */
    size_t chunk_h, chunk_w; /* of a chunk; at the edge it may be less wide or high */
    size_t chunks_h, chunks_w;
    dpk_frame frame; /* of x: every tile's reach, with the padding */
    ptrdiff_t row, plane;
} dpk_tiling;

typedef struct {
    size_t top, left, h, w; /* in tiles */
} dpk_chunk;

DPK_INLINE dpk_tiling dpk_tiled(const dpk_conv2d *a, size_t rows, size_t columns, ptrdiff_t top,
                                ptrdiff_t left) {
    dpk_tiling s = {.r = a->kernel_h, .points = (a->kernel_h + 3) * (a->kernel_h + 3)};
    s.tiles_h = dpk_groups(rows, DPK_TILE);
    s.tiles_w = dpk_groups(columns, DPK_TILE);
    s.chunks_w = dpk_groups(s.tiles_w, DPK_P);
    s.chunk_w = dpk_groups(s.tiles_w, s.chunks_w);
    s.chunk_h = s.chunk_w < DPK_P ? dpk_min(DPK_P / s.chunk_w, s.tiles_h) : 1;
    s.chunks_h = dpk_groups(s.tiles_h, s.chunk_h);
    s.frame =
        (dpk_frame){DPK_TILE * s.tiles_h + s.r - 1, DPK_TILE * s.tiles_w + s.r - 1, top, left, 0};
    s.row = (ptrdiff_t)(s.frame.w * DPK_LANES);
    s.plane = (ptrdiff_t)s.frame.h * s.row;
    return s;
}

DPK_INLINE dpk_chunk dpk_chunk_at(const dpk_tiling *s, size_t i) {
    dpk_chunk c = {i / s->chunks_w * s->chunk_h, i % s->chunks_w * s->chunk_w, 0, 0};
    c.h = dpk_min(s->chunk_h, s->tiles_h - c.top);
    c.w = dpk_min(s->chunk_w, s->tiles_w - c.left);
    return c;
}

/* A block of images as its tiles are read. Pixel (0, 0) of the first tile is `top` rows and `left`
 * columns before `data`; what is outside of the h by w pixels in memory is 0. */
typedef struct {
    const float *data;
    ptrdiff_t plane, row, column; /* floats from one to the next */
    ptrdiff_t top, left;
    size_t h, w;
} dpk_view;

/* Block b of images x from channel c on, without a copy if its vectors lie in memory. Returns
 * whether they do. */
DPK_INLINE int dpk_viewed(const dpk_images *x, size_t b, size_t c, ptrdiff_t top, ptrdiff_t left,
                          dpk_view *view) {
    *view = (dpk_view){x->data + b * DPK_LANES + (ptrdiff_t)c * x->stride_c,
                       x->stride_c,
                       x->stride_h,
                       x->stride_w,
                       top,
                       left,
                       x->h,
                       x->w};
    return x->stride_n == 1 && dpk_count(x->n, b) == DPK_LANES;
}

/* Block b of x with the padding of s; `copy` has room for it. */
dpk_view DPK(view_of)(const dpk_images *x, const dpk_tiling *s, size_t b, float *copy);

/* Transforms n_channels channels in a chunk: [point][channel][tile][lane], with dpk_matrix_step
 * floats from point to point. Channels from n_channels to n_padded are 0. */
void DPK(tiles_to_points)(const dpk_tiling *s, dpk_map map, const dpk_chunk *k, size_t n_channels,
                          size_t n_padded, const dpk_view *x, float *points);

/* The task `winograd` of one channel and 5 by 5 weights. */
int DPK(winograd_single)(const dpk_conv2d *a, size_t part, size_t n_parts);

/* Floats between the matrices of neighbouring points: one cache line more than their size, so that
 * the n * n places that a transform writes to do not meet in a few sets of the cache. */
DPK_INLINE size_t dpk_matrix_step(size_t n_channels, size_t n_tiles) {
    return (n_channels * n_tiles + 1) * DPK_LANES;
}

#endif
