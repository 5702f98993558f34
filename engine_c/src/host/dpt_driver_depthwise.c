/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of depthwise convolutions, in plain C: where each tap of each window lies, or, for
 * backends with 16 lanes, the columns that windows share. The instructions are in micro-kernels of
 * each SIMD backend (dpt_driver.h).
 *
 * Planes of at least one panel of channels are read where they lie, and padding from a pixel of
 * padding. Fewer channels, and channels that several outputs read, are copied in bands of rows,
 * with their padding: then a panel may be read beyond its channels, and holds several pixels where
 * these fill it. */
#include "dpt_geometry.h"
#include "dpt_pack.h"

enum { DEPTHWISE_SLAB = 1024 }; /* channels whose pointers are found together, at most */

/* Memory for pointers to taps; for a band, or a pixel of padding without values. Where the room of
 * a small stack is too small, the micro-kernel finds each tap itself. */
enum {
    DEPTHWISE_POINTERS = DPT_SMALL_STACK ? 80 : DPT_POINTERS,
    DEPTHWISE_BAND = DPT_SMALL_STACK ? 0x2A0 : DPT_DEPTHWISE_BAND
};
typedef struct depthwise_room {
    const uint8_t *taps[DEPTHWISE_POINTERS]; /* of some windows, one after the other */
    uint8_t bytes[DEPTHWISE_BAND];
} depthwise_room;

/* The pointers to all taps of the window at (y, x), filled up to n, whole quads. */
static void depthwise_point(const dpt_op *op, const dpt_plane *p, int32_t y, int32_t x, size_t n,
                            const uint8_t **to) {
    const uint8_t **const end = to + n;
    to = dpt_point_taps(op, p, y, x, 1, to);
    for (const uint8_t *const again = to[-1]; to < end; to++) { /* these meet weights of 0 */
        *to = again;
    }
}

/* The outputs of one row from column `x` on, `columns` of them, whose first window has its corner
 * at (top, left) of the plane. job->index is the first output. */
static void depthwise_row(const dpt_op *op, const dpt_plane *p, dpt_depthwise_job *job,
                          const uint8_t **taps, int32_t top, int32_t left, size_t columns,
                          size_t together) {
    const size_t windows = (size_t)op->pool_h * op->pool_w, each = windows * job->taps;
    const size_t most = DEPTHWISE_POINTERS / each, pixel = op->out.c;
    job->apart = together * pixel;
    for (size_t x = 0, n; x < columns; x += n) {
        const size_t left_over = columns - x, whole = dpt_min(left_over / together, most);
        const uint8_t **to = taps;
        job->outputs = whole > 0 ? whole : 1; /* an incomplete panel comes last */
        n = whole > 0 ? whole * together : left_over;
        job->lanes = together == 1 ? job->lanes : dpt_min(n, together) * pixel;
        for (size_t i = 0; i < job->outputs; i++) {
            const size_t column = (x + i * together) * op->pool_w;
            for (size_t w = 0; w < windows; w++, to += job->taps) {
                const size_t py = w / op->pool_w, px = w % op->pool_w;
                depthwise_point(op, p, top + (int32_t)(py * op->stride_h),
                                left + (int32_t)((column + px) * op->stride_w), job->taps, to);
            }
        }
        job->kernel(job);
        job->index += n * pixel;
    }
}

/* All outputs, with the input where it lies, slab by slab of channels. */
__attribute__((noinline)) static void depthwise_direct(const dpt_op *op, const uint8_t *in,
                                                       dpt_depthwise_job *job,
                                                       depthwise_room *room) {
    const size_t panels = dpt_panels_of(op, job->size);
    const size_t size = dpt_min(DEPTHWISE_SLAB, DEPTHWISE_BAND), slab = size / job->size;
    memset(room->bytes, 0, size);
    for (job->first = 0; job->first < panels; job->first = job->end) {
        job->end = dpt_min(panels, job->first + slab);
        job->begin = dpt_panel_begin(op, job->size, job->first);
        const dpt_plane plane = {in + job->begin,
                                 op->pad != NULL ? op->pad + job->begin : room->bytes, op->in.h,
                                 op->in.w, op->in.c};
        for (size_t y = 0; y < op->out.h; y++) {
            job->index = y * op->out.w * op->out.c;
            depthwise_row(op, &plane, job, room->taps,
                          (int32_t)(y * op->pool_h * op->stride_h) - op->pad_top, -op->pad_left,
                          op->out.w, 1);
        }
    }
}

/* Copies the channels from job->begin on, `width` of them, of a rectangle; each input channel as
 * often as outputs read it. */
static void depthwise_copy(const dpt_op *op, const uint8_t *in, const dpt_depthwise_job *job,
                           dpt_rectangle r, size_t width, uint8_t *copy) {
    const size_t times = op->out.c / op->in.c;
    if (times == 1 && width == op->in.c) {
        dpt_copy_padded(op, in, r, job->size, copy);
        return;
    }
    for (int32_t y = r.top; y < r.top + (int32_t)r.height; y++) {
        for (int32_t x = r.left; x < r.left + (int32_t)r.width; x++, copy += width) {
            const int inside = y >= 0 && y < op->in.h && x >= 0 && x < op->in.w;
            const uint8_t *from =
                inside ? in + ((size_t)y * op->in.w + (size_t)x) * op->in.c : op->pad;
            if (from == NULL) {
                memset(copy, 0, width);
            } else {
                dpt_repeat_bytes(from, job->begin, times, copy, width);
            }
        }
    }
    memset(copy, 0, job->size);
}

/* All outputs from copies of bands. A slab is as many panels as leave room for a few rows. */
__attribute__((noinline)) static void depthwise_bands(const dpt_op *op, const uint8_t *in,
                                                      dpt_depthwise_job *job, depthwise_room *room,
                                                      size_t together) {
    uint8_t *const copy = room->bytes;
    const size_t panels = dpt_panels_of(op, job->size), c = op->out.c;
    for (job->first = 0; job->first < panels; job->first = job->end) {
        size_t rows = dpt_min(op->out.h, 4), columns = op->out.w, width;
        job->begin = dpt_panel_begin(op, job->size, job->first);
        job->end = panels;
        for (;;) {
            width = dpt_min(dpt_panel_begin(op, job->size, job->end - 1) + job->size, c);
            width -= job->begin;
            const size_t pixels = (DEPTHWISE_BAND - job->size) / width;
            if (dpt_span_h(op, rows) * dpt_span_w(op, columns) <= pixels) {
                break;
            }
            if (job->end > job->first + 1) { /* fewer channels, then rows, then columns */
                job->end--;
            } else if (rows > 1) {
                rows--;
            } else {
                columns--;
            }
        }
        for (size_t y = 0; y < op->out.h; y += rows) {
            const size_t high = dpt_min(rows, op->out.h - y);
            for (size_t x = 0; x < op->out.w; x += columns) {
                const size_t wide = dpt_min(columns, op->out.w - x);
                const dpt_rectangle r = {(int32_t)(y * op->pool_h * op->stride_h) - op->pad_top,
                                         (int32_t)(x * op->pool_w * op->stride_w) - op->pad_left,
                                         dpt_span_h(op, high), dpt_span_w(op, wide)};
                const dpt_plane plane = {copy, NULL, (int32_t)r.height, (int32_t)r.width, width};
                depthwise_copy(op, in, job, r, width, copy);
                for (size_t i = 0; i < high; i++) {
                    job->index = ((y + i) * op->out.w + x) * c;
                    depthwise_row(op, &plane, job, room->taps,
                                  (int32_t)(i * op->pool_h * op->stride_h), 0, wide, together);
                }
            }
        }
    }
}

/* An op that is packed by taps, on one input. Not inlined: other ops need less stack. */
__attribute__((noinline)) static void depthwise_with_room(const dpt_microkernels *kernels,
                                                          const dpt_op *op, const dpt_layout *l,
                                                          const uint8_t *in, void *out) {
    depthwise_room room;
    dpt_depthwise_job job;
    job.kernel = kernels->depthwise;
    job.at = room.taps;
    job.op = op;
    job.out = out;
    job.packed = dpt_tables_of(op);
    job.size = l->lanes;
    job.taps = l->segments;
    job.pool = (uint32_t)op->pool_h * op->pool_w;
    job.lanes = dpt_min(job.size, op->out.c);
    if (l->form & DPT_OF_COPIES) {
        depthwise_bands(op, in, &job, &room, l->together);
    } else {
        depthwise_direct(op, in, &job, &room);
    }
}

#if DPT_SMALL_STACK
/* The same without room. */
__attribute__((noinline)) static void depthwise_without_room(const dpt_microkernels *kernels,
                                                             const dpt_op *op, const dpt_layout *l,
                                                             const uint8_t *in, void *out) {
    const size_t size = l->lanes, bytes = size * (8 + (size_t)l->segments);
    const dpt_plane plane = {in, op->pad, op->in.h, op->in.w, op->in.c};
    for (size_t panel = 0; panel < dpt_panels_of(op, size); panel++) {
        const int32_t *tables = (const void *)(dpt_tables_of(op) + panel * bytes);
        const size_t first = dpt_panel_begin(op, size, panel);
        const dpt_gemm_job job = {.op = op,
                                  .out = out,
                                  .plane = &plane,
                                  .panel = {.bias = tables,
                                            .mult = tables + size,
                                            .weight = (const uint8_t *)(tables + 2 * size)},
                                  .first = first,
                                  .end = op->out.c,
                                  .pixels = (size_t)op->out.h * op->out.w,
                                  .pool = (uint32_t)op->pool_h * op->pool_w};
        kernels->exact[0](&job);
    }
}
#else
#define depthwise_without_room depthwise_with_room /* as the layout says */
#endif

/* The rest of this file: panels of 16 channels, for backends with 16 lanes.
 *
 * A quad of a channel is four taps below each other: rows 4 * q to 4 * q + 3 of the kernel in one
 * of its columns. The windows of a row of the output share the columns of the input, so the quads
 * of each column are interleaved once, into a buffer, where all windows that have the column read
 * them. Columns and rows of padding become quads, too: the loop over windows knows no borders.
 *
 * The bytes of a row are interleaved in their order, whatever channels and columns they belong to:
 * byte i of four rows becomes the quad at 4 * i. A slab is as many panels as leave room in the
 * buffer for a whole row. A row of 5 columns of 64 channels, padded by 1, takes 7 * 64 * 4 bytes.
 *
 * Where `together` is more than 1, the lanes hold the channels of several columns, which
 * lie side by side in the input, in the buffer and in the output. */
enum { COLUMNS_PAD = 512 }; /* bytes of padding that rows outside the input read */

/* The quads of n columns, from four rows of the slab's channels on, whose next column lies `apart`
 * further: 0 for padding. Where the slab has all channels, its columns follow each other. */
static void columns_interleave(const dpt_columns_slab *s, const uint8_t *const *rows,
                               const size_t *apart, size_t n, uint8_t *to) {
    const size_t width = s->width, most = COLUMNS_PAD / width;
    const uint8_t *next[4];
    if (width < s->op->in.c) {
        s->kernels->interleave(s->flip, rows, apart, n, width, to);
        return;
    }
    for (size_t some; n > 0; n -= some, rows = next, to += 4 * some * width) {
        some = dpt_min(n, most);
        if (some * width >= DPT_DEPTHWISE_PANEL) {
            s->kernels->interleave(s->flip, rows, apart, 1, some * width, to);
        } else {
            for (size_t i = 0; i < 4 * some * width; i++) {
                to[i] = rows[i % 4][i / 4] ^ s->flip;
            }
        }
        for (size_t i = 0; some < n && i < 4; i++) {
            next[i] = rows[i] + some * apart[i];
        }
    }
}

/* The quads number q of the columns from `x` to `end`, which lie inside the input, for windows
 * whose first row is `top`. Rows that the kernel lacks meet weights of 0. */
static void columns_fill_inside(const dpt_columns_slab *s, const uint8_t *in, int32_t top, size_t q,
                                int32_t x, int32_t end, uint8_t *to) {
    const dpt_op *op = s->op;
    const size_t pixel = op->in.c, pitch = op->in.w * pixel;
    const uint8_t *row[4];
    size_t apart[4];
    for (size_t i = 0; i < 4; i++) {
        const size_t down = 4 * q + i < s->rows ? 4 * q + i : 4 * q;
        const int32_t y = top + (int32_t)down * op->dilation_h;
        const int inside = y >= 0 && y < op->in.h;
        row[i] = inside ? in + (size_t)y * pitch + (size_t)x * pixel + s->begin : s->pad;
        apart[i] = inside ? pixel : 0;
    }
    columns_interleave(s, (const uint8_t *const *)row, apart, (size_t)(end - x), to);
}

/* The quads of n columns from `left` on, for windows whose first row is `top`. Padding begins and
 * ends anywhere. Unless `all`, its columns are in the buffer already. */
static void columns_fill(const dpt_columns_slab *s, int all, const uint8_t *in, int32_t top,
                         int32_t left, int32_t n, uint8_t *to) {
    const int32_t end = left + n, width = s->op->in.w;
    const int32_t first = left > 0 ? left : end < 0 ? end : 0;
    const int32_t within = end < width ? end : width, last = within < first ? first : within;
    const size_t before = (size_t)(first - left), inside = (size_t)(last - left);
    const uint8_t *const pads[4] = {s->pad, s->pad, s->pad, s->pad};
    const size_t none[4] = {0, 0, 0, 0};
    for (size_t q = 0; q < s->quads; q++, to += s->plane) {
        if (all) {
            columns_interleave(s, pads, none, before, to);
            columns_interleave(s, pads, none, (size_t)(end - last), to + inside * 4 * s->width);
        }
        if (first < last) {
            columns_fill_inside(s, in, top, q, first, last, to + before * 4 * s->width);
        }
    }
    if (all) {
        memset(to, 0, DPT_COLUMN_QUAD); /* the last 16 lanes may reach beyond the last column */
    }
}

/* All windows of a slab, row by row, in each as many windows at a time as the buffer holds. Where
 * a kernel of three rows or fewer leaves a place in its quads, they serve two rows of windows.
 * Where `padded`, the buffer has the padding of such a slab already. */
static void columns_plane(dpt_columns_slab *s, int padded, const uint8_t *in, void *out,
                          uint8_t *buffer) {
    const dpt_op *op = s->op;
    const size_t reach = dpt_columns_reach(op);
    const size_t room = s->room * DPT_DEPTHWISE_PANEL / s->quads / s->width;
    const size_t most = (room - reach) / op->stride_w + 1;
    const size_t twice = op->kernel_h < 4 && op->stride_h == 1 && op->dilation_h == 1;
    s->rows = op->kernel_h + twice;
    for (size_t y = 0; y < op->out.h; y += 1 + twice) {
        const int32_t top = s->top + (int32_t)(y * op->stride_h);
        for (size_t x = 0; x < op->out.w; x += most) {
            const size_t n = dpt_min(op->out.w - x, most);
            const size_t columns = (n - 1) * op->stride_w + reach;
            const int all = most < op->out.w || (y == 0 && !padded);
            s->plane = columns * 4 * s->width;
            columns_fill(s, all, in, top, s->left + (int32_t)(x * op->stride_w), (int32_t)columns,
                         buffer);
            s->kernels->columns(s, twice && y + 1 < op->out.h, buffer, n, out,
                                (y * op->out.w + x) * op->out.c + s->begin);
        }
    }
}

/* The quads of n columns of a signal, from column `x` of the input's row `row` on: taps beside each
 * other. The row has `width` columns, 0 where it is padding, which begins and ends anywhere. */
static void signal_fill(const dpt_columns_slab *s, const uint8_t *row, int32_t width, int32_t x,
                        int32_t n, uint8_t *to) {
    const int32_t right = s->op->dilation_w, taps = s->op->kernel_w;
    for (int32_t some; n > 0; n -= some, x += some, to += (size_t)some * 4 * s->width) {
        const uint8_t *tap[4] = {s->pad, s->pad, s->pad, s->pad};
        size_t apart[4] = {0, 0, 0, 0};
        some = n; /* columns whose taps are padding or not, as the first one's */
        for (int32_t k = 0; k < 4 && k < taps; k++) {
            const int32_t at = x + k * right;
            if (at < 0) {
                some = dpt_smaller(some, -at);
            } else if (at < width) {
                some = dpt_smaller(some, width - at);
                apart[k] = s->op->in.c;
                tap[k] = row + (size_t)at * apart[k];
            }
        }
        columns_interleave(s, tap, apart, (size_t)some, to);
    }
    memset(to, 0, DPT_COLUMN_QUAD); /* as in columns_fill */
}

/* All windows of a slab of a signal, as columns_plane. Its quads lie in the buffer once: quad q of
 * a window is quad 0 of the window 4 * q taps further. */
static void columns_signal(dpt_columns_slab *s, const uint8_t *in, void *out, uint8_t *buffer) {
    const dpt_op *op = s->op;
    const size_t reach = dpt_columns_reach(op), column = 4 * s->width;
    const size_t room = s->room * DPT_COLUMN_QUAD / column;
    const size_t most = (room - reach) / op->stride_w + 1;
    s->plane = 4 * op->dilation_w * column;
    s->back = (s->quads - 1) * s->plane - (reach - 1) * column;
    for (size_t y = 0; y < op->out.h; y++) {
        const int32_t top = s->top + (int32_t)(y * op->stride_h);
        const int32_t width = top >= 0 && top < op->in.h ? op->in.w : 0;
        const uint8_t *row = in + s->begin + (width > 0 ? (size_t)top * op->in.w * op->in.c : 0);
        for (size_t x = 0; x < op->out.w; x += most) {
            const size_t n = dpt_min(op->out.w - x, most);
            signal_fill(s, row, width, s->left + (int32_t)(x * op->stride_w),
                        (int32_t)((n - 1) * op->stride_w + reach), buffer);
            s->kernels->columns(s, 0, buffer, n, out, (y * op->out.w + x) * op->out.c + s->begin);
        }
    }
}

/* All slabs of an op without pooling, on n inputs. `pad` is s->pad. */
static void columns_slabs(dpt_columns_slab *s, const uint8_t *in, void *out, size_t n, uint8_t *pad,
                          uint8_t *buffer) {
    const dpt_op *op = s->op;
    const size_t size = DPT_DEPTHWISE_PANEL, panels = dpt_panels_of(op, size);
    const size_t row = dpt_span_w(op, op->out.w) * (dpt_is_signal(op) ? 1 : s->quads);
    const size_t room = dpt_min(COLUMNS_PAD / size, s->room / row);
    const size_t fit = room < 4 ? room : room / 4 * 4;
    s->packed = s->tables;
    for (s->first = 0; s->first < panels; s->first = s->end) {
        s->end = dpt_min(panels, s->first + (fit > 0 ? fit : 1));
        s->begin = dpt_panel_begin(op, size, s->first);
        s->width = dpt_min(op->out.c, dpt_panel_begin(op, size, s->end - 1) + size) - s->begin;
        dpt_fill_padding(op->pad != NULL ? op->pad + s->begin : NULL, s->width, pad,
                         dpt_min(COLUMNS_PAD / s->width, dpt_span_w(op, op->out.w)) * s->width);
        for (size_t k = 0; k < n; k++) {
            const uint8_t *input = in + k * dpt_elements(op->in);
            if (dpt_is_signal(op)) {
                columns_signal(s, input, dpt_output(op, out, k), buffer);
            } else {
                columns_plane(s, k > 0, input, dpt_output(op, out, k), buffer);
            }
        }
        s->packed += (s->end - s->first) * DPT_COLUMN_QUAD * (2 + s->quads * s->columns);
    }
}

/* A pooled op on one input: outputs that are pooled together are computed as a plane of their own,
 * for as many pixels beside each other as `rows` has room for, and max-pooled there. */
static void columns_pooled(dpt_columns_slab s, const dpt_op *op, const uint8_t *in, uint8_t *out,
                           uint8_t *pad, uint8_t *buffer, uint8_t *rows) {
    dpt_op plain = *op, pool = *op;
    plain.pool_h = plain.pool_w = 1;
    plain.out.h = pool.kernel_h = pool.stride_h = op->pool_h;
    pool.kernel_w = pool.stride_w = op->pool_w;
    pool.pad_top = pool.pad_left = 0;
    pool.out.h = 1;
    s.op = &plain;
    for (size_t y = 0; y < op->out.h; y++) {
        for (size_t x = 0, n; x < op->out.w; x += n, out += n * op->out.c) {
            n = dpt_min(op->out.w - x, dpt_columns_pooled(op));
            plain.out.w = (uint16_t)(n * op->pool_w);
            pool.in = plain.out;
            pool.out.w = (uint16_t)n;
            s.top = (int32_t)(y * op->pool_h * op->stride_h) - op->pad_top;
            s.left = (int32_t)(x * op->pool_w * op->stride_w) - op->pad_left;
            columns_slabs(&s, in, rows, 1, pad, buffer);
            const void *const reads[2] = {rows, NULL};
            s.kernels->maxpool(&pool, reads, out, 1);
        }
    }
}

/* An op that is packed by columns, on n inputs. */
__attribute__((noinline)) static void depthwise_columns(const dpt_microkernels *kernels,
                                                        const dpt_op *op, const dpt_layout *l,
                                                        const uint8_t *in, void *out, size_t n) {
    __attribute__((aligned(64))) uint8_t buffer[DPT_COLUMN_QUAD * (DPT_COLUMNS_QUADS + 1)];
    uint8_t pad[COLUMNS_PAD];
    dpt_columns_slab s = {.kernels = kernels,
                          .op = op,
                          .tables = dpt_tables_of(op),
                          .pad = pad,
                          .flip = l->flip,
                          .together = l->together,
                          .each = dpt_min(op->out.c, DPT_DEPTHWISE_PANEL),
                          .quads = dpt_columns_quads(op),
                          .columns = dpt_is_signal(op) ? 1 : op->kernel_w,
                          .room = dpt_columns_room(op),
                          .top = -(int32_t)op->pad_top,
                          .left = -(int32_t)op->pad_left};
    if (!dpt_pools(op)) {
        columns_slabs(&s, in, out, n, pad, buffer);
        return;
    }
    for (size_t k = 0; k < n; k++) {
        columns_pooled(s, op, in + k * dpt_elements(op->in), dpt_output(op, out, k), pad, buffer,
                       buffer + DPT_COLUMN_QUAD * (s.room + 1));
    }
}

int dpt_has_room_for_taps(const dpt_op *op, const dpt_layout *l, size_t pointers, size_t bytes) {
    const size_t pool = (size_t)op->pool_h * op->pool_w;
    const size_t window = dpt_span_h(op, 1) * dpt_span_w(op, 1),
                 width = dpt_min(op->out.c, l->lanes);
    return pool <= pointers && pool * l->segments <= pointers &&
           ((l->form & DPT_OF_COPIES) == 0 || window * width + l->lanes <= bytes);
}

void dpt_drive_depthwise(const dpt_microkernels *kernels, const dpt_op *op, const void *const in[2],
                         void *out, size_t n) {
    if (op->packed == NULL) {
        dpt_scalar_depthwise(op, in, out, n);
        return;
    }
    const dpt_layout l = dpt_layout_of(op);
    const dpt_op computed = dpt_form_op(op, l.form);
    const uint8_t *from = in[0];
    if (DPT_X86_HAS(l.form, DPT_BY_COLUMNS)) {
        depthwise_columns(kernels, &computed, &l, from, out, n);
        return;
    }
    const int fits = dpt_has_room_for_taps(&computed, &l, DEPTHWISE_POINTERS, DEPTHWISE_BAND);
    for (size_t i = 0; i < n; i++, from += dpt_elements(op->in)) {
        (fits ? depthwise_with_room : depthwise_without_room)(kernels, &computed, &l, from,
                                                              dpt_output(op, out, i));
    }
}
