/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions for dpt_quads.h: how the windows of a plane become places of a tile.
 *
 * Inner loops know of no borders. An op is computed in bands: rows of the output (or, of a very
 * wide one, a part of a row) whose windows all lie inside a plane, so far that even the last quad
 * of a row, which may be filled up, is memory of this plane. Most ops without padding are one band
 * where their input lies, but for a last row; everything else is copied, with zeros around it. */

/* What does not change from window to window: bytes from a row of the input to the next, from a
 * pooling window to the next, to the one below, and from its first place to each of its first 4. */
typedef struct quads_strides {
    size_t pitch, right, down;
    size_t ahead[4];
} quads_strides;

static quads_strides quads_strides_of(const dpt_op *op) {
    quads_strides f;
    f.pitch = (size_t)op->in.w * op->in.c;
    f.right = (size_t)op->pool_w * op->stride_w * op->in.c;
    f.down = (size_t)op->pool_h * op->stride_h * f.pitch;
    for (size_t p = 0; p < 4; p++) {
        f.ahead[p] = p / op->pool_w * op->stride_h * f.pitch +
                     p % op->pool_w * op->stride_w * (size_t)op->in.c;
    }
    return f;
}

/* A superblock of a convolution whose pooling window has A places, 1 or 4. P places are whole
 * windows; where fewer are left, the last window stands in and its sums are not used. */
QUADS_INLINE void quads_convolve(const int P, const int B, const int A, const int FLIP, const int N,
                                 const quads_job *j) {
    const dpt_op *op = j->op;
    const quads_strides f = quads_strides_of(op);
    const size_t pixels = (size_t)op->out.h * op->out.w, width = op->out.w;
    quads_windows t = {{0}, f.pitch, op->kernel_h, (uint32_t)dpt_row_units(op, QUADS_UNIT(N)), 0};
    const uint8_t *row = j->in, *at = row; /* the next window, and the first beside it */
    size_t x = 0;
    for (size_t pixel = 0; pixel < pixels; pixel += (size_t)(P / A)) {
        quads_acc acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS];
        for (int window = 0; window < P / A; window++) {
            QUADS_UNROLL
            for (int p = 0; p < A; p++) {
                t.place[window * A + p] = at + f.ahead[p];
            }
            if (pixel + (size_t)window + 1 < pixels) {
                at += f.right;
                if (++x == width) {
                    x = 0;
                    at = row += f.down;
                }
            }
        }
        quads_multiply_windows(P, B, FLIP, N, &t, j->s.weight, acc);
        quads_unfold_narrow(P, N, acc);
        quads_acc result[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS];
        QUADS_UNROLL
        for (int p = 0; p < P; p++) {
            QUADS_UNROLL
            for (int b = 0; b < B; b++) {
                if (p % A == 0) {
                    result[p / A][b] = acc[p][b];
                } else {
                    result[p / A][b] = quads_acc_max(result[p / A][b], acc[p][b]);
                }
            }
        }
        const size_t rest = pixels - pixel, whole = (size_t)(P / A);
        quads_store(j, pixel, rest < whole ? rest : whole, result, B);
    }
}

/* The same for pooling windows of any size: one window at a time, P places of it at once. */
QUADS_INLINE void quads_convolve_any_pool(const int P, const int B, const int FLIP, const int N,
                                          const quads_job *j) {
    const dpt_op *op = j->op;
    const quads_strides f = quads_strides_of(op);
    const size_t area = (size_t)op->pool_h * op->pool_w, beside = (size_t)op->stride_w * op->in.c;
    quads_windows t = {{0}, f.pitch, op->kernel_h, (uint32_t)dpt_row_units(op, QUADS_UNIT(N)), 0};
    for (size_t pixel = 0; pixel < (size_t)op->out.h * op->out.w; pixel++) {
        quads_acc best[1][DPT_MOST_BLOCKS], acc[QUADS_MOST_WINDOWS][DPT_MOST_BLOCKS];
        const uint8_t *window = j->in + pixel / op->out.w * f.down + pixel % op->out.w * f.right;
        QUADS_UNROLL
        for (int b = 0; b < B; b++) {
            best[0][b] = quads_acc_zero();
        }
        for (size_t from = 0; from < area; from += (size_t)P) {
            for (size_t p = 0; p < (size_t)P; p++) {
                const size_t at = from + p < area ? from + p : area - 1;
                t.place[p] =
                    window + at / op->pool_w * op->stride_h * f.pitch + at % op->pool_w * beside;
            }
            quads_multiply_windows(P, B, FLIP, N, &t, j->s.weight, acc);
            quads_unfold_narrow(P, N, acc);
            QUADS_UNROLL
            for (int b = 0; b < B; b++) {
                QUADS_UNROLL
                for (int p = 1; p < P; p++) {
                    acc[0][b] = quads_acc_max(acc[0][b], acc[p][b]);
                }
                best[0][b] = from == 0 ? acc[0][b] : quads_acc_max(best[0][b], acc[0][b]);
            }
        }
        quads_store(j, pixel, 1, best, B);
    }
}

/* Rows of the output, from the first on, whose windows can be read where the input lies. */
static size_t quads_rows_inside(const dpt_op *op) {
    const size_t pitch = (size_t)op->in.w * op->in.c, size = op->in.h * pitch;
    const size_t row = dpt_span_w(op, op->out.w) * op->in.c;
    const int padded = (op->pad_top | op->pad_left | op->pad_bottom | op->pad_right) != 0;
    size_t rows = padded ? 0u : op->out.h;
    while (rows > 0 && (dpt_span_h(op, rows) - 1) * pitch + row + DPT_SLACK > size) {
        rows--;
    }
    return rows;
}

/* Copies `to.h` rows of `to.w` pixels whose corner is (top, left), with zeros where there is no
 * input. */
static void quads_copy_padded(const dpt_op *op, const uint8_t *in, ptrdiff_t top, ptrdiff_t left,
                              dpt_shape to, uint8_t *copy) {
    const size_t pixel = op->in.c, pitch = op->in.w * pixel;
    const ptrdiff_t first = left < 0 ? -left : 0;
    const ptrdiff_t end = op->in.w - left < to.w ? op->in.w - left : to.w;
    for (ptrdiff_t y = top; y < top + to.h; y++, copy += to.w * pixel) {
        if (y < 0 || y >= op->in.h || first >= end) {
            memset(copy, 0, to.w * pixel);
            continue;
        }
        memset(copy, 0, (size_t)first * pixel);
        memcpy(copy + (size_t)first * pixel,
               in + (size_t)y * pitch + (size_t)(left + first) * pixel,
               (size_t)(end - first) * pixel);
        memset(copy + (size_t)end * pixel, 0, (size_t)(to.w - end) * pixel);
    }
}

/* The convolution of one plane, band by band. */
static void quads_convolve_bands(const dpt_op *op, const uint8_t *in, uint8_t *out,
                                 void (*quads_convolve_band)(const dpt_op *, const uint8_t *,
                                                             void *)) {
    const size_t pixel = op->out.c * (op->out_type == DPT_I32 ? sizeof(int32_t) : 1);
    uint8_t copy[DPT_BAND_SIZE];
    dpt_op band = *op;
    size_t y = quads_rows_inside(op);
    if (y > 0) {
        band.out.h = (uint16_t)y;
        quads_convolve_band(&band, in, out);
    }
    if (y == op->out.h) { /* nothing to copy; no rows have no span */
        return;
    }
    band.pad_top = band.pad_left = band.pad_bottom = band.pad_right = 0;
    size_t rows = op->out.h - y, columns = op->out.w;
    while (rows > 1 && dpt_band_size(op, rows, columns) > DPT_BAND_SIZE) {
        rows--;
    }
    while (columns > 1 && dpt_band_size(op, rows, columns) > DPT_BAND_SIZE) {
        columns--;
    }
    for (; y < op->out.h; y += rows) {
        rows = op->out.h - y < rows ? op->out.h - y : rows;
        for (size_t x = 0; x < op->out.w; x += columns) {
            const size_t width = op->out.w - x < columns ? op->out.w - x : columns;
            const ptrdiff_t top = (ptrdiff_t)(y * op->pool_h * op->stride_h) - op->pad_top;
            const ptrdiff_t left = (ptrdiff_t)(x * op->pool_w * op->stride_w) - op->pad_left;
            band.out.h = (uint16_t)rows;
            band.out.w = (uint16_t)width;
            band.in.h = (uint16_t)dpt_span_h(op, rows);
            band.in.w = (uint16_t)dpt_span_w(op, width);
            quads_copy_padded(op, in, top, left, band.in, copy);
            memset(copy + dpt_elements(band.in), 0, DPT_SLACK);
            quads_convolve_band(&band, copy, out + (y * op->out.w + x) * pixel);
        }
    }
}
