/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions of one input channel, with pixels in the lanes: a net's first op on gray images.
 *
 * Rows of a window of one channel are a few bytes long, and output channels few: with channels in
 * the lanes (dpt_quads.h) most of a multiplication is for zeros. Here a lane is a pixel, and each
 * multiplication is by one quad of the weights of one channel, in all lanes.
 *
 * A tile is 2 rows of COLUMNS pixels, so that pooling windows of 2 x 2 lie in one tile; a strip is
 * TILES tiles beside each other, whose sums fill the registers; or one, at the end of a row. For
 * each strip:
 *
 *   1. the quads of its windows are gathered, those of all lanes in one value. A row of the kernel
 *      gives a quad for every four values; where a row leaves one value over (kernels of 5), four
 *      rows together give a quad of what is left over, so that 5 x 5 takes 7 quads, not 10;
 *   2. channels are multiplied PLANE_CHANNELS at a time; their sums are pooled, and turned so that
 *      the channels of a pixel are beside each other;
 *   3. these are requantized and stored.
 *
 * Included by dpt_quads.h where a backend has PLANAR 1 and defines, beside what stands there:
 *
 *     COLUMNS                            4 or 8
 *     quad   plane_rows(p, q)            lane i of the first row: p[i .. i+3]; of the second: q
 *     quad   plane_columns(rows, at)     lane i: rows[0..3][at + i]; of the second: rows[1..4]
 *            both read 16 bytes from each address
 *     quad   plane_weights(p)            a quad of weights in all lanes
 *     plane_sums, plane_zero(), plane_dot(plane_sums, quad, quad_of_weights)
 *     plane_sums plane_pool(acc[4])      4 channels of COLUMNS / 2 pixels: quarter i is pixel i
 *     void   plane_turn(acc[4], out[4])  4 channels of 2 x COLUMNS pixels: quarter i of value k is
 *                                        row i % 2, column i / 2 * 4 + k (a quarter: 4 lanes)
 *     void   plane_finish(op, plane_sums, bias, mult, values)     requantize, store all lanes as
 *                                        bytes or int32; biases and multipliers of 4 channels */

enum { TILES = 3, STRIP_COLUMNS = TILES * COLUMNS, ROW_BYTES = STRIP_COLUMNS + 32 };

/* The rows of the input that a strip reads, from its first column on, and zeros around the input;
 * some more for the last quad of columns, whose weights are 0. */
typedef struct strip_rows {
    const uint8_t *row[PLANE_QUADS + 5];
    uint8_t copy[PLANE_QUADS + 1][ROW_BYTES];
} strip_rows;

static DPT_TARGET void find_rows(const job *j, int32_t y, int32_t x, int32_t columns,
                                 strip_rows *r) {
    const dpt_op *op = j->op;
    const int32_t top = y - op->pad_top, left = x - op->pad_left, width = op->in.w;
    const int32_t reach = columns + op->kernel_w - 1, from = left < 0 ? -left : 0;
    const int32_t to = width - left < reach ? width - left : reach;
    const size_t size = (size_t)op->in.h * op->in.w;
    for (int32_t i = 0; i <= op->kernel_h; i++) {
        const int inside = top + i >= 0 && top + i < op->in.h && from < to;
        const size_t at = inside ? (size_t)(top + i) * op->in.w + (size_t)(left + from) : 0;
        if (inside && from == 0 && to == reach && at + ROW_BYTES <= size) {
            r->row[i] = j->in + at;
            continue;
        }
        memset(r->copy[i], 0, ROW_BYTES);
        if (inside) {
            memcpy(r->copy[i] + from, j->in + at, (size_t)(to - from));
        }
        r->row[i] = r->copy[i];
    }
    for (int i = 1; i < 5; i++) {
        r->row[op->kernel_h + i] = r->row[op->kernel_h];
    }
}

/* Step 1 for one tile, whose first column is `at` of the strip. */
DPT_INLINE void gather(const dpt_op *op, const int FLIP, const strip_rows *r, size_t at,
                       quad *quads) {
    const size_t whole = op->kernel_w / 4u * 4u;
    const int columns = dpt_plane_columns(op);
    const size_t end = columns ? whole : op->kernel_w;
    for (size_t ky = 0; ky < op->kernel_h; ky++) {
        for (size_t kx = 0; kx < end; kx += 4) {
            *quads++ = plane_rows(r->row[ky] + at + kx, r->row[ky + 1] + at + kx);
        }
    }
    for (size_t ky = 0; columns && ky < op->kernel_h; ky += 4) {
        *quads++ = plane_columns(r->row + ky, at + whole);
    }
    if (FLIP) {
        for (size_t i = dpt_plane_quads(op); i > 0; i--) {
            quads[-(ptrdiff_t)i] = quad_flip(quads[-(ptrdiff_t)i]);
        }
    }
}

/* Where sums go: what a loop would else read anew after each byte that it stores. */
typedef struct plane_target {
    dpt_op op; /* a copy */
    uint8_t *out;
    const int32_t *bias, *mult;
    size_t pixel, row; /* bytes from a pixel to the next, and to the one below */
} plane_target;

/* Finishes the sums of 4 channels and stores those pixels of them that exist: `right` columns and
 * `down` rows of the output from `to` on. `value` is plane_pool's, or one of plane_turn's. */
DPT_INLINE void store_pixels(const plane_target *t, plane_sums value, size_t channel, uint8_t *to,
                             const int pooled, int32_t right, int32_t down) {
    const size_t left = t->op.out.c - channel, n = left < 4 ? left : 4;
    const size_t size = t->op.out.type == DPT_I32 ? sizeof(int32_t) : 1;
    uint8_t values[2 * COLUMNS * sizeof(int32_t)];
    plane_finish(&t->op, value, t->bias + channel, t->mult + channel, values);
    DPT_UNROLL
    for (int i = 0; i < COLUMNS / 2; i++) {
        const int x = pooled ? i : i / 2 * 4, y = pooled ? 0 : i % 2;
        if (x < right && y < down) {
            uint8_t *pixel = to + (size_t)x * t->pixel + (size_t)y * t->row;
            if (size == 1 && n == 4) { /* a size that the compiler knows */
                memcpy(pixel, values + 4 * i, 4);
            } else {
                memcpy(pixel, values + 4 * size * (size_t)i, n * size);
            }
        }
    }
}

/* A strip of T tiles, of which `right` by `down` pixels of the output exist; `to` is the first. */
DPT_INLINE void convolve_strip(const int T, const int FLIP, const job *j,
                               const plane_target *target, const strip_rows *r, uint8_t *to,
                               int32_t right, int32_t down) {
    const dpt_op *op = &target->op;
    const size_t n = dpt_plane_quads(op), size = op->out.type == DPT_I32 ? sizeof(int32_t) : 1;
    quad quads[TILES][PLANE_QUADS];
    for (int t = 0; t < T; t++) {
        gather(op, FLIP, r, (size_t)(t * COLUMNS), quads[t]);
    }
    const uint8_t *w = j->s.weight;
    for (size_t channel = 0; channel < op->out.c; channel += PLANE_CHANNELS) {
        plane_sums acc[TILES][PLANE_CHANNELS];
        DPT_UNROLL
        for (int t = 0; t < T; t++) {
            DPT_UNROLL
            for (int c = 0; c < PLANE_CHANNELS; c++) {
                acc[t][c] = plane_zero();
            }
        }
        for (size_t i = 0; i < n; i++, w += 4 * PLANE_CHANNELS) {
            DPT_UNROLL
            for (int c = 0; c < PLANE_CHANNELS; c++) {
                const quad weights = plane_weights(w + 4 * c);
                DPT_UNROLL
                for (int t = 0; t < T; t++) {
                    acc[t][c] = plane_dot(acc[t][c], quads[t][i], weights);
                }
            }
        }
        uint8_t *first = to + channel * size;
        DPT_UNROLL
        for (int t = 0; t < T; t++) {
            if (op->pool_h == 2) {
                const int x = t * COLUMNS / 2;
                store_pixels(target, plane_pool(acc[t]), channel, first + (size_t)x * target->pixel,
                             1, right - x, 1);
            } else {
                plane_sums pixels[4];
                plane_turn(acc[t], pixels);
                for (int k = 0; k < 4; k++) {
                    const int x = t * COLUMNS + k;
                    store_pixels(target, pixels[k], channel, first + (size_t)x * target->pixel, 0,
                                 right - x, down);
                }
            }
        }
    }
}

DPT_INLINE void convolve_plane(const int FLIP, const job *j) {
    const dpt_op *op = j->op;
    const int32_t pool = op->pool_h, width = op->out.w * pool, height = op->out.h * pool;
    const size_t pixel = op->out.c * (op->out.type == DPT_I32 ? sizeof(int32_t) : 1);
    const plane_target target = {*op, j->out, j->s.bias, j->s.mult, pixel, pixel * op->out.w};
    strip_rows rows;
    for (int32_t y = 0; y < height; y += 2) {
        for (int32_t x = 0; x < width;) {
            const int32_t left = width - x,
                          columns = left < STRIP_COLUMNS ? COLUMNS : STRIP_COLUMNS;
            uint8_t *to = target.out + (size_t)(y / pool) * target.row + (size_t)(x / pool) * pixel;
            find_rows(j, y, x, left < columns ? left : columns, &rows);
            if (columns == STRIP_COLUMNS) {
                convolve_strip(TILES, FLIP, j, &target, &rows, to, left / pool, height - y);
            } else {
                convolve_strip(1, FLIP, j, &target, &rows, to, left / pool, height - y);
            }
            x += columns;
        }
    }
}

static DPT_TARGET void plane_conv(const job *j, int flip) {
    if (flip) {
        convolve_plane(1, j);
    } else {
        convolve_plane(0, j);
    }
}
