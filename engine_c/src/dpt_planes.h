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

enum {
    PLANES_TILES = 3,
    PLANES_STRIP_COLUMNS = PLANES_TILES * PLANES_COLUMNS,
    PLANES_ROW_BYTES = PLANES_STRIP_COLUMNS + 32
};

/* The rows of the input that a strip reads, from its first column on, and zeros around the input;
 * some more for the last quad of columns, whose weights are 0. */
typedef struct planes_rows {
    const uint8_t *row[DPT_PLANES_QUADS + 5];
    uint8_t copy[DPT_PLANES_QUADS + 1][PLANES_ROW_BYTES];
} planes_rows;

static QUADS_TARGET void planes_find_rows(const quads_job *j, int32_t y, int32_t x, int32_t columns,
                                          planes_rows *r) {
    const dpt_op *op = j->op;
    const int32_t top = y - op->pad_top, left = x - op->pad_left, width = op->in.w;
    const int32_t reach = columns + op->kernel_w - 1, from = left < 0 ? -left : 0;
    const int32_t to = width - left < reach ? width - left : reach;
    const size_t size = (size_t)op->in.h * op->in.w;
    for (int32_t i = 0; i <= op->kernel_h; i++) {
        const int inside = top + i >= 0 && top + i < op->in.h && from < to;
        const size_t at = inside ? (size_t)(top + i) * op->in.w + (size_t)(left + from) : 0;
        if (inside && from == 0 && to == reach && at + PLANES_ROW_BYTES <= size) {
            r->row[i] = j->in + at;
            continue;
        }
        memset(r->copy[i], 0, PLANES_ROW_BYTES);
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
QUADS_INLINE void planes_gather(const dpt_op *op, const int FLIP, const planes_rows *r, size_t at,
                                quad *quads) {
    const size_t whole = op->kernel_w / 4u * 4u;
    const int columns = dpt_planes_columns(op);
    const size_t end = columns ? whole : op->kernel_w;
    for (size_t ky = 0; ky < op->kernel_h; ky++) {
        for (size_t kx = 0; kx < end; kx += 4) {
            *quads++ = planes_row_quads(r->row[ky] + at + kx, r->row[ky + 1] + at + kx);
        }
    }
    for (size_t ky = 0; columns && ky < op->kernel_h; ky += 4) {
        *quads++ = planes_column_quads(r->row + ky, at + whole);
    }
    if (FLIP) {
        for (size_t i = dpt_planes_quads(op); i > 0; i--) {
            quads[-(ptrdiff_t)i] = quad_flip(quads[-(ptrdiff_t)i]);
        }
    }
}

/* Where sums go: what a loop would else read anew after each byte that it stores. */
typedef struct planes_output {
    dpt_op op; /* a copy */
    uint8_t *out;
    const int32_t *bias, *mult;
    size_t pixel, row; /* bytes from a pixel to the next, and to the one below */
} planes_output;

/* Finishes the sums of 4 channels and stores those pixels of them that exist: `right` columns and
 * `down` rows of the output from `to` on. `value` is plane_pool's, or one of plane_turn's. */
QUADS_INLINE void planes_store(const planes_output *t, planes_acc value, size_t channel,
                               uint8_t *to, const int pooled, int32_t right, int32_t down) {
    const size_t left = t->op.out.c - channel, n = left < 4 ? left : 4;
    const size_t size = t->op.out_type == DPT_I32 ? sizeof(int32_t) : 1;
    uint8_t values[2 * PLANES_COLUMNS * sizeof(int32_t)];
    planes_requantize(&t->op, value, t->bias + channel, t->mult + channel, values);
    QUADS_UNROLL
    for (int i = 0; i < PLANES_COLUMNS / 2; i++) {
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
QUADS_INLINE void planes_convolve_strip(const int T, const int FLIP, const quads_job *j,
                                        const planes_output *target, const planes_rows *r,
                                        uint8_t *to, int32_t right, int32_t down) {
    const dpt_op *op = &target->op;
    const size_t n = dpt_planes_quads(op), size = op->out_type == DPT_I32 ? sizeof(int32_t) : 1;
    quad quads[PLANES_TILES][DPT_PLANES_QUADS];
    for (int t = 0; t < T; t++) {
        planes_gather(op, FLIP, r, (size_t)(t * PLANES_COLUMNS), quads[t]);
    }
    const uint8_t *w = j->s.weight;
    for (size_t channel = 0; channel < op->out.c; channel += DPT_PLANES_CHANNELS) {
        planes_acc acc[PLANES_TILES][DPT_PLANES_CHANNELS];
        QUADS_UNROLL
        for (int t = 0; t < T; t++) {
            QUADS_UNROLL
            for (int c = 0; c < DPT_PLANES_CHANNELS; c++) {
                acc[t][c] = planes_acc_zero();
            }
        }
        for (size_t i = 0; i < n; i++, w += 4 * DPT_PLANES_CHANNELS) {
            QUADS_UNROLL
            for (int c = 0; c < DPT_PLANES_CHANNELS; c++) {
                const quad weights = planes_weights(w + 4 * c);
                QUADS_UNROLL
                for (int t = 0; t < T; t++) {
                    acc[t][c] = planes_acc_dot(acc[t][c], quads[t][i], weights);
                }
            }
        }
        uint8_t *first = to + channel * size;
        QUADS_UNROLL
        for (int t = 0; t < T; t++) {
            if (op->pool_h == 2) {
                const int x = t * PLANES_COLUMNS / 2;
                planes_store(target, planes_acc_pool(acc[t]), channel,
                             first + (size_t)x * target->pixel, 1, right - x, 1);
            } else {
                planes_acc pixels[4];
                planes_acc_transpose(acc[t], pixels);
                for (int k = 0; k < 4; k++) {
                    const int x = t * PLANES_COLUMNS + k;
                    planes_store(target, pixels[k], channel, first + (size_t)x * target->pixel, 0,
                                 right - x, down);
                }
            }
        }
    }
}

QUADS_INLINE void planes_convolve(const int FLIP, const quads_job *j) {
    const dpt_op *op = j->op;
    const int32_t pool = op->pool_h, width = op->out.w * pool, height = op->out.h * pool;
    const size_t pixel = op->out.c * (op->out_type == DPT_I32 ? sizeof(int32_t) : 1);
    const planes_output target = {*op, j->out, j->s.bias, j->s.mult, pixel, pixel * op->out.w};
    planes_rows rows;
    for (int32_t y = 0; y < height; y += 2) {
        for (int32_t x = 0; x < width;) {
            const int32_t left = width - x, columns = left < PLANES_STRIP_COLUMNS
                                                          ? PLANES_COLUMNS
                                                          : PLANES_STRIP_COLUMNS;
            uint8_t *to = target.out + (size_t)(y / pool) * target.row + (size_t)(x / pool) * pixel;
            planes_find_rows(j, y, x, left < columns ? left : columns, &rows);
            if (columns == PLANES_STRIP_COLUMNS) {
                planes_convolve_strip(PLANES_TILES, FLIP, j, &target, &rows, to, left / pool,
                                      height - y);
            } else {
                planes_convolve_strip(1, FLIP, j, &target, &rows, to, left / pool, height - y);
            }
            x += columns;
        }
    }
}

static QUADS_TARGET void planes_conv(const quads_job *j, int flip) {
    if (flip) {
        planes_convolve(1, j);
    } else {
        planes_convolve(0, j);
    }
}
