/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of depthwise convolutions by taps, in plain C: where each tap of each window lies. The
 * instructions are in a micro-kernel of each SIMD backend (dpt_driver.h).
 *
 * Planes of at least one group of channels are read where they lie, and padding from a pixel of
 * padding. Fewer channels, and channels that several outputs read, are copied in bands of rows,
 * with their padding: then a group may be read beyond its channels, and holds several pixels where
 * these fill it. */
#include "dpt_driver.h"
#include "dpt_geometry.h"

enum { DEPTHWISE_SLAB = 1024 }; /* channels whose pointers are found together */

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
    const size_t strip = DPT_POINTERS / each, pixel = op->out.c;
    job->apart = together * pixel;
    for (size_t x = 0, n; x < columns; x += n) {
        const size_t left_over = columns - x, whole = dpt_min(left_over / together, strip);
        const uint8_t **to = taps;
        job->outputs = whole > 0 ? whole : 1; /* an incomplete group of pixels comes last */
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
                                                       const uint8_t **taps) {
    const size_t groups = dpt_groups_of(op, job->group), slab = DEPTHWISE_SLAB / job->group;
    uint8_t zeros[DEPTHWISE_SLAB];
    memset(zeros, 0, sizeof zeros);
    for (job->first = 0; job->first < groups; job->first = job->end) {
        job->end = dpt_min(groups, job->first + slab);
        job->begin = dpt_group_begin(op, job->group, job->first);
        const dpt_plane plane = {in + job->begin, op->pad != NULL ? op->pad + job->begin : zeros,
                                 op->in.h, op->in.w, op->in.c};
        for (size_t y = 0; y < op->out.h; y++) {
            job->index = y * op->out.w * op->out.c;
            depthwise_row(op, &plane, job, taps,
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
        dpt_copy_padded(op, in, r, job->group, copy);
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
    memset(copy, 0, job->group);
}

/* All outputs from copies of bands. A slab is as many groups as leave room for a few rows. */
__attribute__((noinline)) static void depthwise_bands(const dpt_op *op, const uint8_t *in,
                                                      dpt_depthwise_job *job, const uint8_t **taps,
                                                      size_t together) {
    uint8_t copy[DPT_DEPTHWISE_BAND];
    const size_t groups = dpt_groups_of(op, job->group), c = op->out.c;
    for (job->first = 0; job->first < groups; job->first = job->end) {
        size_t rows = dpt_min(op->out.h, 4), columns = op->out.w, width;
        job->begin = dpt_group_begin(op, job->group, job->first);
        job->end = groups;
        for (;;) {
            width = dpt_min(dpt_group_begin(op, job->group, job->end - 1) + job->group, c);
            width -= job->begin;
            const size_t room = (DPT_DEPTHWISE_BAND - job->group) / width;
            if (dpt_span_h(op, rows) * dpt_span_w(op, columns) <= room) {
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
                    depthwise_row(op, &plane, job, taps, (int32_t)(i * op->pool_h * op->stride_h),
                                  0, wide, together);
                }
            }
        }
    }
}

/* An op that is packed by taps, on n inputs. Not inlined: other ops need no room for pointers. */
__attribute__((noinline)) static void depthwise_planes(const dpt_microkernels *kernels,
                                                       const dpt_op *op, const uint8_t *in,
                                                       void *out, size_t n) {
    const uint8_t *taps[DPT_POINTERS]; /* of a strip of windows, one after the other */
    const uint32_t packing = kernels->packing;
    dpt_depthwise_job job;
    job.kernel = kernels->depthwise;
    job.at = taps;
    job.op = op;
    job.packed = op->packed;
    job.group = dpt_group_size(packing);
    job.taps = 4 * dpt_tap_quads(op, packing);
    job.pool = (uint32_t)op->pool_h * op->pool_w;
    job.lanes = dpt_min(job.group, op->out.c);
    for (size_t i = 0; i < n; i++, in += dpt_elements(op->in)) {
        job.out = dpt_output(op, out, i);
        if (dpt_depthwise_copies(op, packing)) {
            depthwise_bands(op, in, &job, taps, dpt_taps_together(op, packing));
        } else {
            depthwise_direct(op, in, &job, taps);
        }
    }
}

void dpt_drive_depthwise(const dpt_microkernels *kernels, const dpt_op *op, const uint8_t *in,
                         void *out, size_t n) {
    const uint32_t packing = kernels->packing;
    const dpt_op packed = dpt_packed_op(op, packing);
    if (dpt_has_columns(&packed, packing)) {
        kernels->columns(&packed, in, out, n);
    } else {
        depthwise_planes(kernels, &packed, in, out, n);
    }
}
