/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the SIMD backends, in plain C: where the activations of each window lie. The
 * instructions are in the tables of micro-kernels (dpt_driver.h).
 *
 * There are three ways to say where activations lie, all for the same micro-kernels:
 *
 *   pixels that follow each other (1x1 convolutions, dense ops): one pointer for each of a tile;
 *   corners of windows in a plane without padding: the input, or bands of rows that are copied
 *   with their padding;
 *   a pointer for each segment of each window, to the input or to a pixel of padding: where many
 *   channels make copies slow, or where a window does not fit a band.
 *
 * Corners and pointers are found for many windows that follow each other, and serve all groups and
 * panels of channels. */
#include "dpt_driver.h"
#include "dpt_geometry.h"

/* The memory in which the driver writes pointers and copies bands, in pointers; the corners beside
 * a band. A band is worth its copy if it has DRIVE_COLUMNS columns of the output, or all. With a
 * small stack, where the room is too small, the micro-kernel finds each tap itself. */
enum {
    DRIVE_ROOM = DPT_SMALL_STACK ? 94 : DPT_BAND_SIZE / sizeof(void *) + DPT_CORNERS,
    DRIVE_BESIDE = DPT_SMALL_STACK ? 32 : DPT_CORNERS,
    DRIVE_COLUMNS = DPT_SMALL_STACK ? 8 : UINT16_MAX,
    DRIVE_ALIGNED = DPT_SMALL_STACK ? 8 : 64
};

/* Below so many channels a padded op is cheaper to copy than to point at. */
enum { DRIVE_FEW_CHANNELS = 128 };

/* A convolution on one input, or a dense op on all inputs. */
typedef struct drive {
    const dpt_microkernels *kernels;
    const dpt_op *op;
    const uint8_t *in, *tables;
    dpt_layout layout;
    dpt_taps taps;
    dpt_gemm_job job;
    int flip;
    int exact;            /* nothing behind a segment may be read */
    int whole;            /* segments are whole units of weights: nothing behind them is read */
    const uint8_t **room; /* memory for pointers and copies */
    size_t corners;       /* that it has room for, at its end */
    size_t rows, columns; /* of the output, that a band computes at most; 0 rows: none fits */
    size_t pointed;       /* windows that are computed by pointers to their taps at a time */
} drive;

/* n rounded down to whole tiles, unless that is 0. */
static size_t drive_whole(size_t n) {
    return n > DPT_TILE ? n / DPT_TILE * DPT_TILE : n;
}

static void drive_begin(drive *d, const dpt_microkernels *kernels, const dpt_op *op,
                        const dpt_layout *l, const uint8_t *in, void *out) {
    const int dense = op->kind == DPT_DENSE;
    d->kernels = kernels;
    d->op = op;
    d->in = in;
    d->tables = dpt_tables_of(op);
    d->layout = *l;
    d->flip = l->flip != 0;
    d->exact = 0;
    d->whole = l->length % dpt_layout_unit(l) == 0;
    d->job.op = op;
    d->job.out = out;
    d->job.taps = &d->taps;
    d->job.plane = NULL;
    d->job.offset = 0;
    d->job.pool = dense ? 1u : (uint32_t)op->pool_h * op->pool_w;
    d->taps.rows = dense ? 1u : op->kernel_h;
    d->taps.columns = dense || l->segments == op->kernel_h ? 1u : op->kernel_w;
    d->taps.length = l->length;
}

/* All groups and panels, on the windows of d->job. */
static void drive_channels(drive *d) {
    const dpt_microkernels *k = d->kernels;
    const dpt_layout *l = &d->layout;
    const size_t inputs = l->groups == 1 ? 0 : l->length; /* of a group */
    const int exact = d->exact || d->job.pixels * d->job.pool == 1;
    dpt_gemm *const *const gemm = exact ? k->exact : k->gemm[d->flip];
    dpt_gemm *const narrow = exact ? k->exact_narrow : k->narrow;
    dpt_gemm *const turned = exact ? k->exact_turned : k->turned;
    dpt_gemm_job *job = &d->job;
    const uint8_t *packed = d->tables;
    const int quads = k->groups[0] != NULL && l->channels == 4 && inputs == 4;
    for (size_t g = 0, n; g < l->groups; g += n, packed += n * (size_t)l->bytes) {
        n = quads && l->groups - g >= 4 ? 4 : 1;
        const size_t before = g * l->channels;
        job->panel = dpt_panel_first(l, packed);
        job->end = before + n * l->channels;
        for (; job->panel.blocks != 0; dpt_panel_next(l, &job->panel)) {
            job->first = before + job->panel.channel;
            dpt_gemm *const whole = n == 4 ? k->groups[d->flip] : gemm[job->panel.blocks - 1];
            (dpt_is_turned(l, &job->panel) ? turned : job->panel.unit == 4 ? whole : narrow)(job);
        }
        job->offset += n * inputs;
    }
    job->offset -= l->groups * inputs;
}

/* n pixels from number `first` on that follow each other `apart` bytes apart. */
static void drive_pixels(drive *d, const uint8_t *in, size_t apart, size_t first, size_t n) {
    const uint8_t *at[DPT_TILE];
    d->taps.at = at;
    d->taps.segment = d->taps.next = 0;
    d->taps.across = d->taps.down = 0;
    d->taps.advance = DPT_TILE * apart;
    for (size_t done = 0, some; done < n; done += some) {
        some = drive_whole(dpt_min(n - done, DPT_CORNERS));
        for (size_t i = 0; i < DPT_TILE; i++) {
            at[i] = in + (done + dpt_min(i, some - 1)) * apart;
        }
        d->job.pixel = first + done;
        d->job.pixels = some;
        drive_channels(d);
    }
}

/* The same, where nothing may be read behind the last pixel: the last ones are read exactly. */
static void drive_last_pixels(drive *d, const uint8_t *in, size_t size, size_t n) {
    const size_t last = dpt_min(n, DPT_SLACK / size + 1);
    drive_pixels(d, in, size, 0, n - last);
    d->exact = 1;
    drive_pixels(d, in + (n - last) * size, size, n - last, last);
}

/* Fills pointers that are missing to whole tiles with the last one. */
static void drive_fill_tile(const uint8_t **at, size_t n) {
    for (; n % DPT_TILE != 0; n++) {
        at[n] = at[n - 1];
    }
}

/* The corners of the windows of `rows` by `columns` output pixels. */
static void drive_corners(const drive *d, const uint8_t *in, size_t pitch, size_t rows,
                          size_t columns, const uint8_t **at) {
    const dpt_op *op = d->op;
    const size_t right = (size_t)op->stride_w * op->in.c, down = op->stride_h * pitch;
    if (d->job.pool == 1) {
        for (; rows > 0; rows--, in += down) {
            for (size_t x = 0; x < columns; x++) {
                *at++ = in + x * right;
            }
        }
        return;
    }
    for (; rows > 0; rows--, in += op->pool_h * down) {
        for (size_t x = 0; x < columns; x++) {
            const uint8_t *row = in + x * op->pool_w * right;
            for (size_t y = 0; y < op->pool_h; y++, row += down) {
                for (size_t i = 0; i < op->pool_w; i++) {
                    *at++ = row + i * right;
                }
            }
        }
    }
}

/* Rows y .. y + rows - 1 and columns x .. x + columns - 1 of the output; all columns, or one row.
 * `in` is the corner of the first window, in a plane without padding. */
static void drive_inside(drive *d, const uint8_t *in, size_t pitch, size_t y, size_t x, size_t rows,
                         size_t columns) {
    const dpt_op *op = d->op;
    const size_t c = op->in.c, pixel = y * op->out.w + x, pool = d->job.pool;
    const int single = d->taps.rows * d->taps.columns == 1 && pool == 1;
    if (single && (rows == 1 || (op->stride_h == 1 && pitch == columns * op->stride_w * c))) {
        drive_pixels(d, in, op->stride_w * c, pixel, rows * columns);
        return;
    }
    const uint8_t **const at = d->room + DRIVE_ROOM - d->corners;
    const size_t row = columns * pool, most = dpt_min(d->corners / row, rows);
    size_t high = most, wide = columns;
    while (high > 1 && high < rows && high * row % DPT_TILE != 0) {
        high--;
    }
    if (high * row % DPT_TILE != 0) {
        high = most;
    }
    if (most == 0) {
        high = 1;
        wide = dpt_min(columns, drive_whole(d->corners / pool));
    }
    drive_corners(d, in, pitch, high, wide, at);
    d->taps.at = at;
    d->taps.segment = d->taps.advance = 0;
    d->taps.next = DPT_TILE;
    d->taps.across = (ptrdiff_t)(op->dilation_w * c);
    d->taps.down =
        (ptrdiff_t)(op->dilation_h * pitch) - (ptrdiff_t)(d->taps.columns - 1) * d->taps.across;
    for (size_t left = 0; left < columns; left += wide) {
        wide = dpt_min(wide, columns - left);
        for (size_t top = 0; top < rows; top += high) {
            const size_t n = dpt_min(high, rows - top) * wide;
            drive_fill_tile(at, n * pool);
            d->job.offset =
                top * op->pool_h * op->stride_h * pitch + left * op->pool_w * op->stride_w * c;
            d->job.pixel = pixel + top * op->out.w + left;
            d->job.pixels = n;
            drive_channels(d);
        }
    }
    d->job.offset = 0;
}

/* Finds how many rows and columns of the output a band of `size` bytes computes: rows of whole
 * tiles, where others follow. */
static void drive_fit_band(drive *d, size_t size) {
    const dpt_op *op = d->op;
    size_t rows = op->out.h, columns = op->out.w;
    while (rows > 1 && dpt_band_size(op, rows, columns) > size) {
        rows--;
    }
    while (columns > 1 && dpt_band_size(op, rows, columns) > size) {
        columns--;
    }
    rows = dpt_band_size(op, rows, columns) > size ? 0 : rows;
    const size_t windows = d->job.pool * op->out.w; /* of a row */
    size_t whole = rows;
    while (rows < op->out.h && whole > rows / 2 && whole * windows % DPT_TILE != 0) {
        whole--;
    }
    d->rows = whole > rows / 2 ? whole : rows;
    d->columns = columns;
}

/* A convolution from row `first` of the output on, on copies of bands of the input. */
static void drive_bands(drive *d, size_t first) {
    const dpt_op *op = d->op;
    uint8_t *const copy = (uint8_t *)d->room;
    for (size_t y = first; y < op->out.h; y += d->rows) {
        const size_t rows = dpt_min(d->rows, op->out.h - y);
        for (size_t x = 0; x < op->out.w; x += d->columns) {
            const size_t columns = dpt_min(d->columns, op->out.w - x);
            const dpt_rectangle r = {(int32_t)(y * op->pool_h * op->stride_h) - op->pad_top,
                                     (int32_t)(x * op->pool_w * op->stride_w) - op->pad_left,
                                     dpt_span_h(op, rows), dpt_span_w(op, columns)};
            dpt_copy_padded(op, d->in, r, DPT_SLACK, copy);
            drive_inside(d, copy, r.width * op->in.c, y, x, rows, columns);
        }
    }
}

const uint8_t **dpt_point_taps(const dpt_op *op, const dpt_plane *p, int32_t y, int32_t x,
                               size_t apart, const uint8_t **to) {
    const int32_t last_y = y + (op->kernel_h - 1) * op->dilation_h;
    const int32_t last_x = x + (op->kernel_w - 1) * op->dilation_w;
    const ptrdiff_t pixel = (ptrdiff_t)p->pixel, pitch = p->width * pixel;
    if (y >= 0 && x >= 0 && last_y < p->height && last_x < p->width) {
        const uint8_t *row = p->at + y * pitch + x * pixel;
        for (uint32_t ky = 0; ky < op->kernel_h; ky++, row += op->dilation_h * pitch) {
            const uint8_t *at = row;
            for (uint32_t kx = 0; kx < op->kernel_w; kx++, at += op->dilation_w * pixel) {
                *to = at;
                to += apart;
            }
        }
        return to;
    }
    for (int32_t ky = y; ky <= last_y; ky += op->dilation_h) {
        for (int32_t kx = x; kx <= last_x; kx += op->dilation_w, to += apart) {
            *to = dpt_plane_pixel(p, ky, kx);
        }
    }
    return to;
}

void dpt_find_corner(const dpt_op *op, size_t window, int32_t *y, int32_t *x) {
    const uint32_t number = (uint32_t)window, pool = (uint32_t)op->pool_h * op->pool_w;
    const uint32_t pixel = pool == 1 ? number : number / pool, place = number - pixel * pool;
    const uint32_t row = pixel / op->out.w * op->pool_h + place / op->pool_w;
    const uint32_t column = pixel % op->out.w * op->pool_w + place % op->pool_w;
    *y = (int32_t)(row * op->stride_h) - op->pad_top;
    *x = (int32_t)(column * op->stride_w) - op->pad_left;
}

/* A padded convolution by a pointer for each tap. */
static void drive_pointers(drive *d) {
    const dpt_op *op = d->op;
    const size_t taps = (size_t)op->kernel_h * op->kernel_w, total = (size_t)op->out.h * op->out.w;
    const uint8_t **const at = d->room, *pad = op->pad;
    if (pad == NULL) {
        uint8_t *const zeros = (uint8_t *)(d->room + DRIVE_ROOM) - op->in.c;
        memset(zeros, 0, op->in.c);
        pad = zeros;
    }
    const dpt_plane plane = {d->in, pad, op->in.h, op->in.w, op->in.c};
    d->taps.at = at;
    d->taps.segment = DPT_TILE;
    d->taps.advance = 0;
    d->taps.next = DPT_TILE * taps;
    d->taps.across = d->taps.down = 0;
    d->taps.columns = op->kernel_w;
    d->taps.length = op->kind == DPT_GROUPED ? d->layout.length : op->in.c;
    for (size_t done = 0, n; done < total; done += n) {
        n = dpt_min(d->pointed / d->job.pool, total - done);
        const size_t windows = n * d->job.pool;
        for (size_t i = 0; i < (windows + DPT_TILE - 1) / DPT_TILE * DPT_TILE; i++) {
            int32_t y, x; /* the last window is repeated at the end of a tile */
            dpt_find_corner(op, done * d->job.pool + dpt_min(i, windows - 1), &y, &x);
            dpt_point_taps(op, &plane, y, x, DPT_TILE,
                           at + i / DPT_TILE * taps * DPT_TILE + i % DPT_TILE);
        }
        d->job.pixel = done;
        d->job.pixels = n;
        drive_channels(d);
    }
}

/* How many rows of the output have windows whose last units lie in the input. */
static size_t drive_rows_inside(const dpt_op *op) {
    const size_t pitch = (size_t)op->in.w * op->in.c, size = op->in.h * pitch;
    const size_t row = dpt_span_w(op, op->out.w) * op->in.c;
    size_t rows = op->out.h;
    while (rows > 0 && (dpt_span_h(op, rows) - 1) * pitch + row + DPT_SLACK > size) {
        rows--;
    }
    return rows;
}

/* Without padding the input itself is read, as far as all units of a segment lie in it. The rest,
 * and what has padding, is read from bands or by pointers. */
static void drive_convolve(drive *d, const uint8_t **room) {
    const dpt_op *op = d->op;
    const size_t pitch = (size_t)op->in.w * op->in.c;
    const int padded = dpt_padded(op);
    const size_t rows = padded ? 0 : d->whole ? op->out.h : drive_rows_inside(op);
    d->exact = 0;
    d->room = room;
    d->corners = dpt_min(DRIVE_ROOM, DPT_CORNERS);
    if (rows > 0) {
        drive_inside(d, d->in, pitch, 0, 0, rows, op->out.w);
    }
    if (rows == op->out.h) {
        return;
    }
    if (d->pointed > 0) {
        d->exact = !d->whole;
        drive_pointers(d);
    } else if (d->rows > 0) {
        d->corners = DRIVE_BESIDE;
        drive_bands(d, rows);
    } else {
        d->exact = 1;
        drive_inside(d, d->in + rows * op->pool_h * op->stride_h * pitch, pitch, rows, 0,
                     op->out.h - rows, op->out.w);
    }
}

/* Decides how an op is read; returns whether there is room for it. */
static int drive_plan(drive *d) {
    const dpt_op *op = d->op;
    const int padded = dpt_padded(op);
    d->pointed = d->rows = 0;
    if (!padded && d->whole) {
        return d->job.pool <= DRIVE_ROOM;
    }
    drive_fit_band(d, (DRIVE_ROOM - DRIVE_BESIDE) * sizeof(void *));
    const int cheap = op->in.c < DRIVE_FEW_CHANNELS && d->rows > 0 &&
                      d->columns >= dpt_min(op->out.w, DRIVE_COLUMNS) &&
                      dpt_span_h(op, d->rows) <= 3 * d->rows * op->pool_h * op->stride_h;
    if (padded && !cheap) {
        const size_t zeros = op->pad == NULL ? (op->in.c + sizeof(void *) - 1) / sizeof(void *) : 0;
        const size_t room = dpt_min(DRIVE_ROOM - dpt_min(DRIVE_ROOM, zeros), DPT_POINTERS);
        d->pointed = dpt_pointer_windows(op, &d->layout, room);
    }
    return d->job.pool <= DRIVE_BESIDE && (!padded || d->rows > 0 || d->pointed > 0);
}

/* The op on the input at d->in. Not inlined: other ways to read a plane take less stack. */
__attribute__((noinline)) static void drive_with_room(drive *d) {
    __attribute__((aligned(DRIVE_ALIGNED))) const uint8_t *room[DRIVE_ROOM];
    drive_convolve(d, room);
}

#if DPT_SMALL_STACK
/* The same without room. */
__attribute__((noinline)) static void drive_without_room(drive *d) {
    const dpt_op *op = d->op;
    const dpt_plane plane = {d->in, op->pad, op->in.h, op->in.w, op->in.c};
    d->exact = 1;
    d->job.plane = &plane;
    d->job.pixel = 0;
    d->job.pixels = (size_t)op->out.h * op->out.w;
    drive_channels(d);
}
#else
#define drive_without_room drive_with_room /* the layout says that there is room */
#endif

dpt_op dpt_form_op(const dpt_op *op, uint32_t form) {
    if (form & DPT_AS_ROW) {
        return dpt_column_as_row(op);
    }
    dpt_op pair = *op;
    if (DPT_X86_HAS(form, DPT_IN_PAIRS)) { /* the width of the output is even */
        pair.out.w = op->out.w / 2;
        pair.out.c = (uint16_t)(2 * op->out.c);
        pair.kernel_w = (uint16_t)(op->kernel_w + op->stride_w);
        pair.stride_w = (uint16_t)(2 * op->stride_w);
    }
    return pair;
}

size_t dpt_pointer_windows(const dpt_op *op, const dpt_layout *l, size_t pointers) {
    const size_t taps = (size_t)op->kernel_h * op->kernel_w, pool = (size_t)op->pool_h * op->pool_w;
    const size_t tile = DPT_TILE, room = pointers / taps / tile * tile;
    const int split = l->segments != taps && op->in.c % dpt_layout_unit(l) != 0;
    const int zeros = op->pad == NULL && op->in.c > DPT_ZEROS;
    return split || zeros || room < pool ? 0 : room < DPT_CORNERS ? room : DPT_CORNERS;
}

void dpt_drive_conv(const dpt_microkernels *kernels, const dpt_op *op, const void *const in[2],
                    void *out, size_t n) {
    if (op->packed == NULL) {
        const int grouped = op->kind == DPT_GROUPED || dpt_dilated(op) || op->weight_bits < 8;
        (grouped ? dpt_scalar_grouped : dpt_scalar_conv)(op, in, out, n);
        return;
    }
    const dpt_layout l = dpt_layout_of(op);
    const dpt_op computed = dpt_form_op(op, l.form);
    if (DPT_X86_HAS(l.form, DPT_IN_GRAY)) {
        kernels->gray(&computed, &l, in[0], out, n);
        return;
    }
    drive d;
    drive_begin(&d, kernels, &computed, &l, in[0], out);
    const int fits = drive_plan(&d);
    for (size_t i = 0; i < n; i++) {
        d.in = (const uint8_t *)in[0] + i * dpt_elements(op->in);
        d.job.out = dpt_output(op, out, i);
        (fits ? drive_with_room : drive_without_room)(&d);
    }
}

void dpt_drive_dense(const dpt_microkernels *kernels, const dpt_op *op, const void *const in[2],
                     void *out, size_t n) {
    if (op->packed == NULL) {
        dpt_scalar_dense(op, in, out, n);
        return;
    }
    const dpt_layout l = dpt_layout_of(op);
    drive d;
    drive_begin(&d, kernels, op, &l, in[0], out);
    if (d.whole) {
        drive_pixels(&d, in[0], l.length, 0, n);
    } else {
        drive_last_pixels(&d, in[0], l.length, n);
    }
}
