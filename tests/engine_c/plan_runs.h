/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a model, or steps of a streaming model, and beside it the plan in which nothing overlaps:
 * every tensor has a place of its own in `planes`. The kernels compute no values. Each compares the
 * rows that NUMERICS.md lets it read with the rows in `planes`, and writes random bytes to both
 * places. So a read of a byte that was written over is seen, except where the two bytes are equal
 * by chance (1 of 256). The engine's own code runs groups, histories and steps. */
#ifndef PLAN_RUNS_H
#define PLAN_RUNS_H

#include "dpt_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_OPS = 24, RUN_PLANE = 2048, RUN_ARENA = 1 << 16 };

static uint8_t planes[RUN_OPS + 1][RUN_PLANE]; /* 0: the input; of a history: all rows it keeps */
static const dpt_model *running;
static uint32_t rows_done[RUN_OPS], last_run[RUN_OPS], step_number;
static uint64_t noise = 1;

static inline void demand(int holds, size_t op, const char *what) {
    if (!holds) {
        fprintf(stderr, "op %u: %s\n", (unsigned)op, what);
        abort();
    }
}

static inline void write_noise(uint8_t *a, uint8_t *b, size_t size) {
    for (size_t i = 0; i < size; i++) {
        noise = i % 8 == 0 ? noise * 6364136223846793005u + 1442695040888963407u : noise;
        a[i] = b[i] = (uint8_t)(noise >> (56 - 8 * (i % 8)) & 0xFFu);
    }
}

static inline size_t row_bytes(dpt_tensor t) {
    return (size_t)t.w * t.c * (t.type == DPT_I32 ? 4 : 1);
}

/* The first row of its input that row y of the output of an op reads, and the first that it does
 * not read, where the input went on before and behind. */
typedef struct input_rows {
    int32_t begin, end;
} input_rows;

static inline input_rows rows_of_window(const dpt_op *op, int32_t y) {
    input_rows r = {y, y + 1};
    if (op->kind == DPT_UPSAMPLE) {
        r.begin = (y + op->pad_top) / op->kernel_h;
        r.end = r.begin + 1;
    } else if (op->kind == DPT_RESIZE) {
        const int32_t at = y * op->stride_h + op->dilation_h - op->kernel_h;
        r.begin = at > 0 ? at / op->kernel_h : 0;
        r.end = r.begin + (op->kernel_h == 1 ? 1 : 2);
    } else if (op->kind == DPT_SLICE) {
        r.begin = op->pad_top + y * op->stride_h;
        r.end = r.begin + 1;
    } else if (op->kernel_h != 0) {
        const int32_t conv = op->dilation_h != 0, pool = conv ? op->pool_h : 1;
        r.begin = y * pool * op->stride_h - op->pad_top;
        r.end = r.begin + (pool - 1) * op->stride_h +
                (op->kernel_h - 1) * (conv ? op->dilation_h : 1) + 1;
    }
    return r;
}

/* Demands that the rows at `in` equal the rows of tensor `number` from row `from` on. */
static inline void compare_rows(size_t i, size_t number, dpt_tensor t, int32_t from, int32_t n,
                                const uint8_t *in) {
    const size_t row = row_bytes(t);
    demand(memcmp(in, planes[number] + (size_t)from * row, (size_t)n * row) == 0, i,
           "reads a byte that was written over");
    if (running->state_size != 0 && number > 0) {
        const int kept = running->ops[number - 1].kind == DPT_HISTORY;
        demand(kept || last_run[number - 1] == step_number, i, "reads a tensor of another step");
    }
}

static inline int is_elementwise(const dpt_op *op) {
    return op->kind == DPT_ADD || op->kind == DPT_MUL || op->kind == DPT_LOOKUP;
}

/* The contract of dpt_kernel: the output overlaps no input that it does not equal. */
static inline void compare_places(const dpt_op *op, size_t i, const uint8_t *in, size_t in_size,
                                  const uint8_t *out, size_t out_size) {
    const int equal = is_elementwise(op) && in == out && in_size == out_size;
    demand(equal || in + in_size <= out || out + out_size <= in, i, "writes over what it reads");
}

/* `cut` is the op, or a copy of it for the next rows; its lo is the op's index. */
static void check_kernel(const dpt_op *cut, const void *const in[2], void *out, size_t n) {
    const size_t i = (size_t)cut->lo, out_size = cut->out.h * row_bytes(cut->out);
    const dpt_op *op = &running->ops[i];
    const int32_t y = (int32_t)rows_done[i] % op->out.h, by_rows = op->rows != 0;
    const int pixel = op->kind == DPT_MUL && op->in2.h != op->in.h;
    const input_rows first = rows_of_window(op, y), last = rows_of_window(op, y + cut->out.h - 1);
    const int32_t from = by_rows && first.begin > 0 ? first.begin : 0,
                  to = by_rows && last.end < op->in.h ? last.end : op->in.h;
    demand(n == 1 && y + cut->out.h <= op->out.h && cut->in.h == to - from, i, "the wrong rows");
    if (by_rows && op->kind == DPT_UPSAMPLE) {
        demand(cut->pad_top == (y + op->pad_top) % op->kernel_h, i, "the wrong padding");
    } else if (by_rows && op->kind == DPT_RESIZE) {
        demand(cut->dilation_h == op->dilation_h + y * op->stride_h - from * op->kernel_h, i,
               "the wrong offset");
    } else if (by_rows && op->kernel_h != 0) {
        demand(cut->pad_top == from - first.begin && cut->pad_bottom == last.end - to, i,
               "the wrong padding");
    }
    for (size_t k = 0; k < (op->in2.c != 0 ? 2u : 1u); k++) {
        const int whole = k == 1 && pixel;
        const dpt_tensor t = k == 0 ? op->in : op->in2;
        const int32_t begin = whole ? 0 : from, rows = whole ? op->in2.h : to - from;
        compare_rows(i, op->reads[k], t, begin, rows, in[k]);
        compare_places(op, i, in[k], (size_t)rows * row_bytes(t), out, out_size);
    }
    write_noise(out, planes[i + 1] + (size_t)y * row_bytes(op->out), out_size);
    rows_done[i] += cut->out.h;
    last_run[i] = step_number;
}

static void check_history(const dpt_op *op, const void *const in[2], void *out, size_t n) {
    const size_t i = (size_t)op->lo, row = row_bytes(op->in), more = (op->kernel_h - 1u) * row;
    uint8_t *kept = planes[i + 1];
    compare_rows(i, op->reads[0], op->in, 0, 1, in[0]);
    demand(memcmp((uint8_t *)out + row, kept + row, more) == 0, i, "has lost a row");
    compare_places(op, i, in[0], row, out, row + more);
    memmove(kept, kept + row, more);
    memcpy(kept + more, in[0], row);
    dpt_scalar_history(op, in, out, n);
    rows_done[i] += op->out.h;
    last_run[i] = step_number;
}

static void check_trace(void *user, size_t op, size_t at, const void *output, size_t size) {
    (void)user;
    demand(memcmp(output, planes[op + 1] + at, size) == 0, op, "another trace");
}

static int always(void) {
    return 1;
}

static const dpt_backend checking = {"checking",
                                     always,
                                     0,
                                     {[DPT_CONV] = check_kernel,
                                      [DPT_DENSE] = check_kernel,
                                      [DPT_MAXPOOL] = check_kernel,
                                      [DPT_AVGPOOL] = check_kernel,
                                      [DPT_GROUPED] = check_kernel,
                                      [DPT_DEPTHWISE] = check_kernel,
                                      [DPT_ADD] = check_kernel,
                                      [DPT_CONCAT] = check_kernel,
                                      [DPT_LOOKUP] = check_kernel,
                                      [DPT_MUL] = check_kernel,
                                      [DPT_HISTORY] = check_history,
                                      [DPT_UPSAMPLE] = check_kernel,
                                      [DPT_RESIZE] = check_kernel,
                                      [DPT_SLICE] = check_kernel},
                                     dpt_run_rows};

static inline void begin_run(const dpt_model *model) {
    running = model;
    memset(rows_done, 0, sizeof rows_done);
    memset(last_run, 0, sizeof last_run);
    step_number = 0;
    for (size_t i = 0; i < model->n_ops; i++) {
        demand(model->ops[i].lo == (int32_t)i, i, "has another index");
    }
}

static inline void write_input(const dpt_model *model, uint8_t *input) {
    write_noise(input, planes[0], model->ops[0].in.h * row_bytes(model->ops[0].in));
}

/* A run: every op computes all of its rows. */
static inline void check_run(const dpt_model *model) {
    static uint8_t input[RUN_PLANE], arena[RUN_ARENA];
    static int32_t output[RUN_PLANE];
    begin_run(model);
    write_input(model, input);
    const dpt_status status = dpt_run_traced(model, &checking, arena, model->arena_size, input,
                                             output, check_trace, NULL);
    demand(status == DPT_OK, 0, "does not run");
    for (size_t i = 0; i < model->n_ops; i++) {
        demand(rows_done[i] == model->ops[i].out.h, i, "has not computed its rows");
    }
}

/* Steps of a stream, in each of which the ops run that are due. */
static inline void check_steps(const dpt_model *model, uint32_t steps) {
    static uint8_t input[RUN_PLANE], arena[RUN_ARENA];
    static int32_t output[RUN_PLANE];
    const dpt_op *last = &model->ops[model->n_ops - 1];
    begin_run(model);
    write_noise(arena, arena, model->arena_size);
    demand(dpt_reset(model, arena, model->arena_size) == DPT_OK, 0, "does not begin");
    for (size_t i = 0; i < model->n_ops; i++) {
        memset(planes[i + 1], 0, RUN_PLANE); /* a history without padding values */
    }
    while (step_number++ < steps) {
        write_input(model, input);
        const dpt_status status = dpt_step_traced(model, &checking, arena, model->arena_size, input,
                                                  output, check_trace, NULL);
        for (size_t i = 0; i < model->n_ops; i++) {
            const dpt_op *op = &model->ops[i];
            const int due = step_number >= op->first && (step_number - op->first) % op->period == 0;
            demand((last_run[i] == step_number) == due, i, "runs in the wrong step");
        }
        demand(status == (last_run[last - model->ops] == step_number ? DPT_OK : DPT_NO_OUTPUT), 0,
               "the wrong status");
    }
}

#endif
