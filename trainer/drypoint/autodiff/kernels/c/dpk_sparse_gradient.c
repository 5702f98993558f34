/* SPDX-License-Identifier: Apache-2.0 */
/* The weight gradient if most gradients are zero: after a ReLU, or after a pooling, whose gradient
 * goes to one pixel of a window.
 *
 * The nonzero gradients of each output channel become a list: the gradient, and the offset in a
 * block at which the window of its pixel begins. Each entry adds its multiple of the rows of x in
 * the window, eight floats of a row, to sums that are the rows of the weight. Images are one after
 * the other here, not in the lanes, since the entries of a vector have windows at different places.
 */
#include "dpk_block.h"
#include "dpk_tasks.h"
#include "dpk_threads.h"

/* Rows of the weight at a time. Each has two sums, so that an addition need not wait for the one
 * before; with the factors they fit into 16 registers, of four floats in the portable kernels. */
#if DPK_LANES >= 8
enum { ROWS = 6 };
#else
enum { ROWS = 3 };
#endif

/* Entries of a list at most, if a row of pixels has not more: with the rows of x that they meet
 * they stay in a first-level cache. */
enum { ENTRIES = 512 };

/* Whether rows of x lie there as sixteen floats from every eighth on, so that any eight in a row
 * are in one cache line: nearly half of them cross into a second one otherwise, which costs a load.
 * Of vectors of four floats too few do. */
enum { COVERS = DPK_LANES >= 8 };

typedef struct {
    dpk_frame frame;    /* of x, with the padding */
    size_t in, out;     /* channels of a group */
    size_t image, rows; /* floats in an image; rows of the weight of an output channel */
    size_t width;       /* floats in a row of x */
    ptrdiff_t dx, dy;   /* from pixel to pixel of the convolution: columns; floats */
    size_t strip;       /* rows of y at a time */
    float *x;           /* [lane][c][h][width], images `image` floats apart */
    float *sums;        /* [output channels of this part][rows][8] */
    float *gradients;   /* [strip * y.w * lanes], and a vector more: the list */
    int32_t *offsets;   /* as many: the place in x of each gradient of the list */
    ptrdiff_t *begins;  /* [rows]: of the rows of a convolution's window */
} state;

/* Lists the gradients whose winner is not 255, of rows row .. last - 1 of channel o; returns how
 * many. */
static size_t listed(const dpk_conv2d *a, const state *s, size_t b, size_t o, size_t row,
                     size_t last) {
    const size_t count = dpk_count(a->y.n, b), n = a->y.n, width = a->y.w;
    const ptrdiff_t stride_n = a->y.stride_n, stride_w = a->y.stride_w;
    const int32_t across = (int32_t)s->dx, pool_w = (int32_t)a->pool_w;
    /* won / pool_w is won * inverse >> 16: both are below 255. */
    const int32_t inverse = 65536 / pool_w + 1, down = (int32_t)s->dy;
    /* While this list is worked off, what the next is made of comes, into the second-level cache:
     * the first does not keep as many requests in flight. */
    const size_t ahead = o + 1 < a->y.c;
    const size_t codes_ahead = ahead * a->y.h * width * n;
    const ptrdiff_t gradients_ahead = (ptrdiff_t)ahead * a->y.stride_c;
    dpk_ivec lanes = {0};
    for (int i = 0; i < DPK_LANES; i++)
        lanes[i] = i < (int)count ? i * (int32_t)s->image : -1;
    const dpk_ivec present = lanes >= 0;
    float *gradients = s->gradients;
    int32_t *offsets = s->offsets;
    for (size_t i = row; i < last; i++) {
        const float *from = a->y.data + (ptrdiff_t)(b * DPK_LANES) * stride_n +
                            (ptrdiff_t)o * a->y.stride_c + (ptrdiff_t)i * a->y.stride_h;
        const uint8_t *codes = a->winners + (o * a->y.h + i) * width * n + b * DPK_LANES;
        const dpk_ivec rows = lanes + (int32_t)(i * a->pool_h) * down;
        int32_t column = 0;
        for (size_t j = 0; j < width; j++) {
            __builtin_prefetch(from + gradients_ahead, 0, 2);
            __builtin_prefetch(codes + codes_ahead, 0, 2);
            const dpk_ivec won = dpk_widen(codes, count);
            const dpk_ivec alive = won != 255, left = alive & present;
            const dpk_vec g = dpk_gather(from, stride_n, count);
            const dpk_ivec below = won * inverse >> 16;
            const dpk_ivec begin = won * across - below * (pool_w * across) + column;
            dpk_ivec place = rows + below * down + begin;
            if (COVERS)
                place += begin & -8;
            const size_t n_left = dpk_append(left, place, offsets, g, gradients);
            offsets += n_left;
            gradients += n_left;
            column += pool_w * across;
            from += stride_w;
            codes += n;
        }
    }
    return (size_t)(gradients - s->gradients);
}

/* sums[r] += the n entries' sum of gradient * x[begins[r] + offset], eight floats of it. */
DPK_INLINE void add(const state *s, size_t n, const float *x, const ptrdiff_t *begins, float *sums,
                    const int R) {
    enum { PARTS = 8 / DPK_SHORT };
    const float *at[6];         /* [ROWS] */
    dpk_short sum[6][2][PARTS]; /* [ROWS] */
#pragma GCC unroll 8
    for (int r = 0; r < R; r++) {
        at[r] = x + begins[r];
#pragma GCC unroll 2
        for (int p = 0; p < PARTS; p++)
            sum[r][0][p] = sum[r][1][p] = (dpk_short){0};
    }
    const float *g = s->gradients, *last = g + (n - n % 2);
    const int32_t *offset = s->offsets;
#define ENTRY(k)                                                                                   \
    _Pragma("GCC unroll 8") for (int r = 0; r < R; r++)                                            \
        _Pragma("GCC unroll 2") for (int p = 0; p < PARTS; p++) sum[r][k][p] =                     \
            dpk_fma_short(g[k], at[r] + offset[k] + p * DPK_SHORT, sum[r][k][p])
    for (; g < last; g += 2, offset += 2) {
        ENTRY(0);
        ENTRY(1);
    }
    if (n % 2)
        ENTRY(0);
#undef ENTRY
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 2
        for (int p = 0; p < PARTS; p++)
            *(dpk_short_unaligned *)(sums + 8 * r + p * DPK_SHORT) += sum[r][0][p] + sum[r][1][p];
}

static void add_rows(const state *s, size_t n, const float *x, float *sums) {
    const size_t n_steps = dpk_groups(s->rows, ROWS);
    for (size_t step = 0; step < n_steps; step++) {
        const size_t r = dpk_begin(s->rows, step, n_steps);
#define CASE(R)                                                                                    \
    case R:                                                                                        \
        add(s, n, x, s->begins + r, sums + 8 * r, R);                                              \
        break
        switch (dpk_begin(s->rows, step + 1, n_steps) - r) {
            CASE(1);
            CASE(2);
            CASE(3);
#if DPK_LANES >= 8
            CASE(4);
            CASE(5);
            CASE(6);
#endif
        }
#undef CASE
    }
}

/* Spreads rows of x; the last floats first, so that none is written over before it is read. What
 * comes after a row's last float is anything: it meets no column of the weight. */
static void cover(const dpk_conv2d *a, const state *s, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t row = 0; row < a->x.c * s->frame.h; row++) {
            float *x = s->x + i * s->image + row * s->width;
            for (size_t j = s->width / 16; j-- > 1;)
                memmove(x + 16 * j, x + 8 * j, 64);
        }
}

/* Output channels first .. last - 1, of which sums are. */
static void add_blocks(const dpk_conv2d *a, const state *s, size_t first, size_t last) {
    for (size_t b = 0; b < dpk_groups(a->y.n, DPK_LANES) && first < last; b++) {
        DPK(images_to_rows)(&a->x, b, &s->frame, s->width, s->image, s->x);
        if (COVERS)
            cover(a, s, dpk_count(a->x.n, b));
        for (size_t row = 0; row < a->y.h; row += s->strip)
            for (size_t o = first; o < last; o++) {
                const size_t n = listed(a, s, b, o, row, dpk_min(row + s->strip, a->y.h));
                const float *of_group = s->x + o / s->out * s->in * s->frame.h * s->width;
                add_rows(s, n, of_group, s->sums + (o - first) * s->rows * 8);
            }
    }
}

int DPK(sparse_weight_gradient)(const void *arguments, size_t part, size_t n_parts) {
    const dpk_conv2d *a = arguments;
    const size_t rows = a->y.h * a->pool_h, columns = a->y.w * a->pool_w;
    state s = {.frame = {(rows - 1) * a->stride_h + (a->kernel_h - 1) * a->dilation_h + 1,
                         (columns - 1) * a->stride_w + a->kernel_w, a->top, a->left, 0},
               .in = a->x.c / a->groups,
               .out = a->y.c / a->groups,
               .dx = (ptrdiff_t)a->stride_w,
               .strip = dpk_max(1, ENTRIES / (a->y.w * DPK_LANES))};
    s.width = COVERS ? 16 * ((columns - 1) * a->stride_w / 8 + 1) : s.frame.w;
    /* With what is read beyond the last row; an odd number of cache lines, so that the same pixel
     * of all images finds room in the cache. */
    s.image = 16 * (dpk_groups(a->x.c * s.frame.h * s.width + 7, 16) | 1);
    s.rows = s.in * a->kernel_h;
    s.dy = (ptrdiff_t)(a->stride_h * s.width);
    const size_t first = dpk_begin(a->y.c, part, n_parts),
                 last = dpk_begin(a->y.c, part + 1, n_parts);
    const size_t list = (dpk_min(s.strip, a->y.h) * a->y.w + 1) * DPK_LANES,
                 n_sums = (last - first) * s.rows * 8;
    const size_t block = DPK_LANES * s.image;
    float *memory = dpk_scratch(2 * list + block + n_sums + 2 * s.rows);
    if (memory == NULL)
        return 1;
    s.gradients = memory;
    s.offsets = (void *)(s.gradients + list);
    s.x = s.gradients + 2 * list;
    s.sums = s.x + block;
    s.begins = (void *)(s.sums + n_sums);
    memset(s.x, 0, 4 * (block + n_sums));
    for (size_t i = 0; i < s.rows; i++)
        s.begins[i] =
            (ptrdiff_t)((i / a->kernel_h * s.frame.h + i % a->kernel_h * a->dilation_h) * s.width);
    add_blocks(a, &s, first, last);
    for (size_t i = 0; i < (last - first) * s.rows; i++)
        memcpy(a->weight + (first * s.rows + i) * a->kernel_w, s.sums + i * 8, 4 * a->kernel_w);
    return 0;
}
