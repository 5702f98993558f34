/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a group of ops row by row (NUMERICS.md section 8). It calls the kernels that compute whole
 * planes: with a copy of the op that has other heights and padding, a kernel computes a few rows.
 */
#include "dpt_geometry.h"

#include <string.h>

/* An op of the group. Rows begin .. end - 1 of its output are in its ring, the rows before them are
 * gone; the last op writes a plane: its `begin` is 0. */
typedef struct rows_op {
    uint16_t begin, end;
} rows_op;

typedef struct rows_group {
    const dpt_run_state *run;
    const dpt_op *ops; /* the model's */
    size_t first, last, example;
    rows_op state[DPT_MAX_ALIVE]; /* of op first + i */
} rows_group;

static size_t rows_pitch(dpt_tensor t) {
    return (size_t)t.w * t.c * (t.type == DPT_I32 ? sizeof(int32_t) : 1);
}

/* Whether op k has computed its whole output. */
static int rows_complete(const rows_group *g, size_t k) {
    return g->state[k - g->first].end == g->ops[k].out.h;
}

/* The first row of the output of op k that the next op still reads. */
static int32_t rows_needed(const rows_group *g, size_t k) {
    const dpt_row_map map = dpt_row_map_of(&g->ops[k + 1]);
    return rows_complete(g, k + 1)
               ? g->ops[k].out.h
               : dpt_larger(0, dpt_first_row(map, g->state[k + 1 - g->first].end));
}

/* Whether the ring of op k is full. */
static int rows_full(const rows_group *g, size_t k) {
    return rows_complete(g, k) || g->state[k - g->first].end - rows_needed(g, k) >= g->ops[k].rows;
}

/* Drops the rows of the ring of op k that the next op has read for the last time, and moves the
 * others to the front: each copy is as long as the distance at most, so that it overlaps nothing.
 */
static void rows_drop(rows_group *g, size_t k, uint8_t *ring) {
    rows_op *s = &g->state[k - g->first];
    const int32_t needed = dpt_smaller(rows_needed(g, k), s->end);
    if (needed > s->begin) {
        const size_t pitch = rows_pitch(g->ops[k].out);
        const size_t distance = (size_t)(needed - s->begin) * pitch;
        for (size_t n, left = (size_t)(s->end - needed) * pitch; left > 0; left -= n, ring += n) {
            n = left < distance ? left : distance;
            memcpy(ring, ring + distance, n);
        }
        s->begin = (uint16_t)needed;
    }
}

/* How many rows op k computes next: at least one, since its input's ring is full. */
static int32_t rows_next(const rows_group *g, size_t k, dpt_row_map map) {
    const dpt_op *op = &g->ops[k];
    const rows_op *s = &g->state[k - g->first];
    int32_t n = dpt_smaller(op->rows - (k == g->last ? 0 : s->end - s->begin), op->out.h - s->end);
    if (k > g->first && s[-1].end < op->in.h) {
        const int32_t last = (s[-1].end - map.reach + 1) * map.grow - 1 + map.pad;
        n = dpt_smaller(n, last / map.stride + 1 - s->end);
    }
    return n;
}

/* Row `row` of a tensor: in a ring, or in the plane of the example. */
static uint8_t *rows_at(const rows_group *g, size_t number, dpt_tensor t, int32_t row) {
    uint8_t *at = dpt_tensor_at(g->run, number);
    if (number > g->first && number <= g->last) { /* the output of a fused op */
        row -= g->state[number - 1 - g->first].begin;
    } else {
        at += g->example * rows_pitch(t) * t.h;
    }
    return at + (size_t)row * rows_pitch(t);
}

/* Computes the next rows of op k. */
static void rows_compute(rows_group *g, size_t k) {
    rows_op *s = &g->state[k - g->first];
    if (k < g->last) {
        rows_drop(g, k, dpt_tensor_at(g->run, k + 1));
    }
    dpt_op op = g->ops[k];
    const dpt_row_map map = dpt_row_map_of(&op);
    const int32_t n = rows_next(g, k, map), top = dpt_first_row(map, s->end);
    const int32_t bottom = dpt_first_row(map, s->end + n - 1) + map.reach;
    const int32_t from = dpt_larger(0, top), to = dpt_smaller(bottom, op.in.h);
    const int one_pixel = op.in2.h != op.in.h; /* the second input, or there is none */
    const void *const in[2] = {rows_at(g, op.reads[0], op.in, from),
                               rows_at(g, op.reads[1], op.in2, one_pixel ? 0 : from)};
    uint8_t *out = rows_at(g, k + 1, op.out, s->end);
    op.pad_top = (uint16_t)(map.grow == 1 ? from - top : s->end - map.pad - top * map.grow);
    op.pad_bottom = (uint16_t)(bottom - to);
    if (op.kind == DPT_RESIZE) { /* the offset of row s->end among the rows from `from` on */
        const dpt_ratio ratio = dpt_row_ratio(&op);
        op.dilation_h = (uint16_t)(ratio.offset + s->end * ratio.stride - from * ratio.parts);
    }
    op.in.h = (uint16_t)(to - from);
    op.in2.h = one_pixel ? op.in2.h : op.in.h;
    op.out.h = (uint16_t)n;
    dpt_kernel_of(g->run->backend, &op)(&op, in, out, 1);
    if (g->run->trace != NULL) {
        g->run->trace(g->run->user, k, s->end * rows_pitch(op.out), out, dpt_bytes(op.out));
    }
    s->end = (uint16_t)(s->end + n);
}

size_t dpt_run_rows(const dpt_run_state *run, size_t first) {
    rows_group g;
    g.run = run;
    g.ops = run->model->ops;
    g.first = g.last = first;
    while ((g.ops[g.last].marks & DPT_FUSED) != 0) {
        g.last++;
    }
    for (g.example = 0; g.example < run->n; g.example++) {
        memset(g.state, 0, sizeof g.state);
        size_t k = first;
        do {
            rows_compute(&g, k);
            k = g.last;
            while (k > first && (rows_complete(&g, k) || !rows_full(&g, k - 1))) {
                k--;
            }
        } while (!rows_complete(&g, k)); /* if the first op is complete, all are */
    }
    return g.last;
}
