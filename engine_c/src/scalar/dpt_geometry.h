/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers of all backends share: limits of coordinates, padding, copies of parts of the
 * input with it, and the neighbours of a resize's pixels. */
#ifndef DPT_GEOMETRY_H
#define DPT_GEOMETRY_H

#include "dpt_internal.h"

#include <string.h>

static inline size_t dpt_min(size_t a, size_t b) {
    return a < b ? a : b;
}

/* The larger of two coordinates, and the smaller. */
static inline int32_t dpt_larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static inline int32_t dpt_smaller(int32_t a, int32_t b) {
    return a < b ? a : b;
}

/* Whether all planes of an op are one pixel wide, as (T, 1, C) in nets on signals. The op is
 * computed as the op on planes one pixel high, whose bytes are the same. */
static inline int dpt_is_column(const dpt_op *op) {
    return op->kind != DPT_DENSE && op->in.w == 1 && op->out.w == 1 && op->pad_left == 0 &&
           op->pad_right == 0;
}

static inline dpt_op dpt_column_as_row(const dpt_op *op) {
    dpt_op row = *op;
    row.in.h = row.out.h = row.kernel_h = row.stride_h = row.dilation_h = row.pool_h = 1;
    row.in.w = op->in.h;
    row.out.w = op->out.h;
    row.kernel_w = op->kernel_h;
    row.stride_w = op->stride_h;
    row.dilation_w = op->dilation_h;
    row.pool_w = op->pool_h;
    row.pad_left = op->pad_top;
    row.pad_right = op->pad_bottom;
    row.pad_top = row.pad_bottom = 0;
    return row;
}

#ifdef DPT_BLOCKS /* the drivers of small devices */
/* Activations that are multiplied at once, and channels of a block of weights. */
enum { WINDOW_UNIT = 4, WINDOW_BLOCK = 4 };

/* to[apart * i] = the address of tap i of the window at (top, left), whose corner has the address
 * `row`; of a tap on the padding, `padding`. All are modulo 2^32 (2^64). Returns whether all taps
 * lie in the input. */
static inline int dpt_find_taps(const dpt_op *op, int32_t top, int32_t left, uintptr_t row,
                                uintptr_t padding, size_t apart, uintptr_t *to) {
    const uintptr_t across = (uintptr_t)op->dilation_w * op->in.c;
    int whole = 1;
    for (int32_t ky = 0, y = top; ky < op->kernel_h; ky++, y += op->dilation_h) {
        const int32_t width = y >= 0 && y < op->in.h ? op->in.w : 0;
        uintptr_t tap = row;
        for (int32_t kx = 0, x = left; kx < op->kernel_w; kx++, x += op->dilation_w, to += apart) {
            const int inside = x >= 0 && x < width;
            *to = inside ? tap : padding;
            whole &= inside;
            tap += across;
        }
        row += (uintptr_t)op->dilation_h * op->in.w * op->in.c;
    }
    return whole;
}

/* Writes n outputs that lie `apart` bytes apart; keeps the larger value of each where a window of
 * the same pooling window came before. `signs`: 0x80 where the outputs are signed. */
static inline void dpt_keep_larger(uint8_t *out, size_t apart, const uint8_t *from, size_t n,
                                   int first, uint32_t signs) {
    for (size_t i = 0; i < n; i++, out += apart) {
        if (first || (*out ^ signs) < (from[i] ^ signs)) {
            *out = from[i];
        }
    }
}
#endif

/* Fills n bytes, whole pixels of `channels` bytes, with padding: values of each channel, or 0 where
 * `pad` is NULL. */
static inline void dpt_fill_padding(const uint8_t *pad, size_t channels, uint8_t *to, size_t n) {
    if (pad == NULL) {
        memset(to, 0, n);
    } else if (n > 0) {
        memcpy(to, pad, channels);
        for (size_t done = channels, some; done < n; done += some) { /* doubles what is done */
            some = done < n - done ? done : n - done;
            memcpy(to + done, to, some);
        }
    }
}

/* A rectangle of an op's padded input: its corner, negative on the padding, and its size. */
typedef struct dpt_rectangle {
    int32_t top, left;
    size_t height, width;
} dpt_rectangle;

/* Copies a rectangle, row by row, with padding where it lies outside the input; `slack` bytes of 0
 * follow. */
static inline void dpt_copy_padded(const dpt_op *op, const uint8_t *in, dpt_rectangle r,
                                   size_t slack, uint8_t *copy) {
    const size_t c = op->in.c, pitch = op->in.w * c;
    const size_t first = r.left < 0 ? dpt_min((size_t)-r.left, r.width) : 0;
    const int32_t right = op->in.w - r.left;
    const size_t end = right < (int32_t)first ? first : dpt_min((size_t)right, r.width);
    size_t pending = 0; /* pixels of padding: what ends a row and begins the next is filled once */
    for (int32_t y = r.top; y < r.top + (int32_t)r.height; y++) {
        if (y < 0 || y >= op->in.h || first == end) {
            pending += r.width;
            continue;
        }
        const size_t column = (size_t)(r.left + (int32_t)first);
        dpt_fill_padding(op->pad, c, copy, (pending + first) * c);
        copy += (pending + first) * c;
        memcpy(copy, in + (size_t)y * pitch + column * c, (end - first) * c);
        copy += (end - first) * c;
        pending = r.width - end;
    }
    dpt_fill_padding(op->pad, c, copy, pending * c);
    memset(copy + pending * c, 0, slack);
}

/* to[i] = from[(first + i) / times] for n bytes. */
static inline void dpt_repeat_bytes(const uint8_t *from, size_t first, size_t times, uint8_t *to,
                                    size_t n) {
    size_t i = 0, left = times - first % times;
    from += first / times;
    for (; times == 2 && left == 2 && i + 8 <= n; i += 8, from += 4) {
        uint64_t x = dpt_u32(from);
        x = (x | x << 16) & 0x0000FFFF0000FFFFu;
        x = (x | x << 8) & 0x00FF00FF00FF00FFu;
        x |= x << 8;
        const uint32_t low = (uint32_t)(x & UINT32_MAX), high = (uint32_t)(x >> 32);
        memcpy(to + i, &low, 4); /* little-endian, as all SIMD backends */
        memcpy(to + i + 4, &high, 4);
    }
    for (; i < n; from++, left = times) {
        for (; left > 0 && i < n; left--) {
            to[i++] = *from;
        }
    }
}

/* The part of a pool's window that lies in the input: every window has one. A byte that is read as
 * `byte ^ flip` is the value + flip, for both types. */
typedef struct dpt_pool_part {
    const uint8_t *from; /* its first pixel */
    size_t rows, columns, channels, pitch;
    uint32_t flip;
} dpt_pool_part;

/* Computes the channels of an output pixel, from number `index` of the output on. */
typedef void dpt_pool_pixel(const dpt_op *op, const dpt_pool_part *part, void *out, size_t index);

/* A pool whose pixels `pixel` computes. */
static inline void dpt_pool(const dpt_op *op, const uint8_t *in, void *out, size_t n,
                            dpt_pool_pixel *pixel) {
    DPT_ASSERT(op->in.c == op->out.c);
    const size_t channels = op->in.c, pitch = channels * op->in.w;
    size_t index = 0;
    for (; n > 0; n--, in += dpt_elements(op->in)) {
        for (int32_t k = 0; k < op->out.h; k++) {
            const int32_t y = k * op->stride_h - op->pad_top, top = dpt_larger(0, y);
            const size_t rows = (size_t)(dpt_smaller(op->in.h, y + op->kernel_h) - top);
            for (int32_t i = 0; i < op->out.w; i++, index += channels) {
                const int32_t x = i * op->stride_w - op->pad_left, left = dpt_larger(0, x);
                const size_t columns = (size_t)(dpt_smaller(op->in.w, x + op->kernel_w) - left);
                const int whole = columns == op->in.w; /* the rows are one run of pixels */
                const dpt_pool_part part = {in + (size_t)top * pitch + (size_t)left * channels,
                                            whole ? 1 : rows,
                                            whole ? rows * columns : columns,
                                            channels,
                                            pitch,
                                            op->in.type == DPT_I8 ? 128 : 0};
                pixel(op, &part, out, index);
            }
        }
    }
}

/* A value of an output pixel of a resize: the bias and the weighted values of its four neighbours,
 * requantized. */
typedef struct dpt_blend {
    const uint8_t *top, *bottom; /* first channels of the left neighbours */
    size_t right;                /* bytes from a left neighbour to the right one */
    int32_t weight[4];           /* top left, top right, bottom left, bottom right */
    int32_t bias, mult;
} dpt_blend;

/* Computes the channels of an output pixel, from number `index` of the output on. `type` is the
 * input's, a constant: small cores have no registers to spare for it. */
typedef void dpt_blend_pixel(const dpt_op *op, const dpt_blend *b, int type, void *out,
                             size_t index);

/* A resize whose pixels `pixel` computes. A column adds to quotient and remainder, since small
 * cores divide in software. The check of the shapes bounds all places to 31 bits. */
static inline void dpt_resize(const dpt_op *op, const uint8_t *in, void *out, size_t n,
                              dpt_blend_pixel *pixel) {
    DPT_ASSERT(op->kind == DPT_RESIZE && op->bias != NULL && op->mult != NULL);
    const dpt_op o = *op; /* a copy, which no store to `out` changes */
    const size_t pitch = (size_t)o.in.w * o.in.c;
    const dpt_ratio down = dpt_row_ratio(&o), across = dpt_column_ratio(&o);
    const int32_t rows = down.parts, columns = across.parts, last = o.in.w - 1;
    const int32_t end = (o.in.h - 1) * rows;
    dpt_blend b;
    b.bias = dpt_i32(o.bias);
    b.mult = dpt_i32(o.mult);
    size_t index = 0;
    for (size_t line = 0; line < n * o.out.h; line++) {
        const int32_t place = (int32_t)(line % o.out.h) * down.stride + down.offset - rows;
        const int32_t at = dpt_smaller(end, dpt_larger(0, place)), far = at % rows;
        const uint8_t *top = in + (line / o.out.h * o.in.h + (size_t)(at / rows)) * pitch;
        const uint8_t *bottom = far != 0 ? top + pitch : top;
        int32_t column = across.offset / columns - 1, rest = across.offset % columns;
        for (size_t x = 0; x < o.out.w; x++, index += o.out.c) {
            const int32_t first = dpt_smaller(last, dpt_larger(0, column));
            const int32_t right = first == column && first < last ? rest : 0;
            b.top = top + (size_t)first * o.in.c;
            b.bottom = bottom + (size_t)first * o.in.c;
            b.right = right != 0 ? o.in.c : 0;
            b.weight[0] = (rows - far) * (columns - right);
            b.weight[1] = (rows - far) * right;
            b.weight[2] = far * (columns - right);
            b.weight[3] = far * right;
            if (o.in.type == DPT_U8) {
                pixel(&o, &b, DPT_U8, out, index);
            } else {
                pixel(&o, &b, DPT_I8, out, index);
            }
            column += across.stride / columns;
            rest += across.stride % columns;
            if (rest >= columns) {
                rest -= columns;
                column++;
            }
        }
    }
}

#endif
