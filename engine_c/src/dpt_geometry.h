/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers of all backends share: limits of coordinates, padding, and copies of parts of
 * the input with it. */
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

#endif
