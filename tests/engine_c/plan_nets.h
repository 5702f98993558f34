/* SPDX-License-Identifier: Apache-2.0 */
/* Random nets, and random memory plans of them that are not the planner's. The ops have shapes,
 * windows and inputs, but no tables: what checks of a plan look at. */
#ifndef PLAN_NETS_H
#define PLAN_NETS_H

#include "plan_runs.h"

typedef struct plan_net {
    dpt_op ops[RUN_OPS];
    dpt_model model;
    uint64_t state;           /* of the random numbers */
    uint8_t read[RUN_OPS];    /* by tensor: whether an op reads it */
    uint16_t period[RUN_OPS]; /* by tensor: the steps from one to the next */
    uint32_t size[RUN_OPS];   /* bytes that an output takes */
} plan_net;

/* xorshift64*, below `n`. */
static inline uint32_t below(plan_net *p, uint32_t n) {
    p->state ^= p->state >> 12;
    p->state ^= p->state << 25;
    p->state ^= p->state >> 27;
    return (uint32_t)((p->state * 0x2545F4914F6CDD1Du) >> 33) % n;
}

/* Small, and now and then larger. */
static inline uint32_t few(plan_net *p, uint32_t most) {
    return below(p, below(p, 3) == 0 ? most + 1 : 2);
}

static inline dpt_tensor tensor_number(const plan_net *p, size_t number) {
    return number == 0 ? p->ops[0].in : p->ops[number - 1].out;
}

/* Reads tensor `number`, as the first or second input. */
static inline void read_tensor(plan_net *p, size_t i, int second, size_t number) {
    dpt_op *op = &p->ops[i];
    op->reads[second] = (uint16_t)number;
    *(second ? &op->in2 : &op->in) = tensor_number(p, number);
    p->read[number] = 1;
    if (number > 0) {
        p->ops[number - 1].last_reader = (uint16_t)i;
    }
}

/* An older tensor of the height and period (and, if `same`, of the row's bytes) of tensor `number`;
 * tensors that no op reads yet come first. `number` itself if there is no such tensor. */
static inline size_t find_second(plan_net *p, size_t i, size_t number, int same) {
    const dpt_tensor t = tensor_number(p, number);
    size_t found = number;
    for (size_t k = 0; k <= i; k++) {
        const dpt_tensor other = tensor_number(p, k);
        if (k != number && other.h == t.h && p->period[k] == p->period[number] &&
            (!same || other.c == t.c) && (found == number || !p->read[k] || below(p, 2) == 0)) {
            found = k;
        }
    }
    return found;
}

/* A convolution or a pool; most have a row that no window reads, padding, or a stride. */
static inline void make_window(plan_net *p, dpt_op *op) {
    const uint32_t height = op->in.h;
    op->kind = below(p, 2) == 0 ? DPT_CONV : DPT_MAXPOOL;
    const int conv = op->kind == DPT_CONV;
    op->dilation_h = op->dilation_w = (uint16_t)conv;
    op->pool_h = op->pool_w = (uint16_t)conv;
    op->kernel_h = (uint16_t)(1 + below(p, height < 4 ? height : 4));
    op->stride_h = (uint16_t)(1 + few(p, 2));
    if (conv && below(p, 6) == 0 && op->kernel_h > 1 && op->kernel_h * 2u <= height) {
        op->dilation_h = 2;
    }
    const uint32_t reach = (op->kernel_h - 1u) * (conv ? op->dilation_h : 1u) + 1;
    op->pad_top = (uint16_t)(below(p, 3) == 0 ? below(p, reach) : 0);
    op->pad_bottom = (uint16_t)(below(p, 2) == 0 ? below(p, reach) : 0);
    const uint32_t plane = (height + op->pad_top + op->pad_bottom - reach) / op->stride_h + 1;
    if (conv && below(p, 6) == 0) {
        op->pool_h = (uint16_t)(1 + below(p, plane < 3 ? plane : 3));
    }
    op->out.h = (uint16_t)(plane / (conv ? op->pool_h : 1));
    op->out.c = (uint16_t)(1 + below(p, 4));
}

/* Op i, which reads the output of the op before it or an older tensor. */
static inline void make_op(plan_net *p, size_t i) {
    dpt_op *op = &p->ops[i];
    const size_t first = i > 1 && below(p, 8) == 0 ? below(p, (uint32_t)i + 1) : i;
    const uint32_t way = below(p, 16);
    op->lo = (int32_t)i;
    read_tensor(p, i, 0, first);
    op->out = op->in;
    if (i == 0 || way < 9) {
        make_window(p, op);
    } else if (way < 11) {
        op->kind = DPT_LOOKUP;
    } else if (way < 14) {
        op->kind = (uint8_t)(way == 11 ? DPT_CONCAT : way == 12 ? DPT_ADD : DPT_MUL);
        read_tensor(p, i, 1, find_second(p, i, first, way != 11));
        op->out.c = (uint16_t)(op->in.c + (way == 11 ? op->in2.c : 0));
        for (size_t k = 0; way == 13 && k <= i; k++) {
            const dpt_tensor pixel = tensor_number(p, k);
            if (k != first && pixel.h == 1 && pixel.c == op->in.c) {
                read_tensor(p, i, 1, k);
            }
        }
    } else if (way == 14 && op->in.h < 8) {
        op->kind = DPT_UPSAMPLE;
        op->kernel_h = (uint16_t)(1 + below(p, 3));
        op->pad_top = (uint16_t)below(p, op->kernel_h);
        op->pad_bottom = (uint16_t)below(p, op->kernel_h);
        const int32_t h = op->in.h * op->kernel_h - op->pad_top - op->pad_bottom;
        op->pad_top = h > 0 ? op->pad_top : 0;
        op->pad_bottom = h > 0 ? op->pad_bottom : 0;
        op->out.h = (uint16_t)(op->in.h * op->kernel_h - op->pad_top - op->pad_bottom);
    } else if (way == 14 && below(p, 2) == 0) {
        op->kind = DPT_RESIZE;
        op->kernel_h = (uint16_t)(1 + below(p, 4));
        op->stride_h = (uint16_t)(1 + below(p, 6));
        op->dilation_h = (uint16_t)(1 + below(p, 2 * op->kernel_h));
        const uint32_t room = (op->in.h + 1u) * op->kernel_h - 1 - op->dilation_h;
        op->out.h = (uint16_t)(1 + below(p, 1 + room / op->stride_h));
    } else if (way == 14) {
        op->kind = DPT_SLICE;
        op->stride_h = (uint16_t)(1 + below(p, 3));
        op->pad_top = (uint16_t)below(p, op->in.h);
        op->out.h = (uint16_t)(1 + below(p, 1 + (op->in.h - 1u - op->pad_top) / op->stride_h));
    } else if (way == 15 && below(p, 3) == 0) {
        op->kind = DPT_DENSE;
        op->out.h = 1;
        op->out.c = (uint16_t)(1 + below(p, 8));
    } else {
        make_window(p, op);
    }
}

/* Chooses groups, rings and rows at a time. */
static inline void choose_rows(plan_net *p) {
    dpt_op *ops = p->ops;
    for (size_t i = 0, n = p->model.n_ops; i < n; i++) {
        const uint32_t h = ops[i].out.h;
        const int follows = i > 0 && (ops[i - 1].marks & DPT_FUSED) != 0;
        const int fits = i > 0 && i + 1 < n && ops[i].last_reader == i + 1 &&
                         ops[i].kind != DPT_DENSE && ops[i + 1].kind != DPT_DENSE;
        ops[i].marks = 0;
        ops[i].rows = 0;
        if (fits && below(p, 5) != 0) {
            const uint32_t reach = (uint32_t)(rows_of_window(&ops[i + 1], 1).end -
                                              rows_of_window(&ops[i + 1], 1).begin);
            const uint32_t rows = below(p, 6) == 0 ? h : reach + few(p, 3);
            ops[i].marks = DPT_FUSED;
            ops[i].rows = (uint16_t)(rows < h ? rows : h);
        } else if (follows || (ops[i].kind != DPT_DENSE && below(p, 2) == 0)) {
            ops[i].rows = (uint16_t)(1 + below(p, below(p, 3) == 0 ? h : 1));
        }
    }
}

/* Gives every output a place of its own, some bytes apart, behind the state. */
static inline void place_apart(plan_net *p) {
    uint32_t at = p->model.state_size;
    for (size_t i = 0; i + 1 < p->model.n_ops; i++) {
        dpt_op *op = &p->ops[i];
        const int fused = (op->marks & DPT_FUSED) != 0;
        p->size[i] = (uint32_t)op->out.w * op->out.c * (fused ? op->rows : op->out.h);
        if (op->kind != DPT_HISTORY) {
            at += below(p, 24);
            op->out_offset = at;
            at += p->size[i];
        }
    }
}

/* Whether the loader accepts the plan; the arena has the size that the plan needs. */
static inline int accepts(plan_net *p) {
    uint32_t arena = p->model.state_size;
    for (size_t i = 0; i + 1 < p->model.n_ops; i++) {
        const uint32_t end = p->ops[i].out_offset + p->size[i];
        arena = p->ops[i].kind != DPT_HISTORY && end > arena ? end : arena;
    }
    p->model.arena_size = arena;
    return dpt_check_stream(p->ops, p->model.n_ops, p->model.state_size) == DPT_OK &&
           dpt_check_plan(p->ops, p->model.n_ops, p->model.state_size, arena) == DPT_OK;
}

/* Another place for the output of op i, if the loader accepts one of a few: over the output of an
 * op before it, as near as the loader allows; beside an output; in the state. */
static inline int move_output(plan_net *p, size_t i) {
    dpt_op *op = &p->ops[i];
    const uint32_t before = op->out_offset, size = p->size[i];
    size_t other = below(p, (uint32_t)i + 1), first = i;
    while (first > 0 && (p->ops[first - 1].marks & DPT_FUSED) != 0) {
        first--;
    }
    if (p->ops[first].reads[0] > 0 && below(p, 2) == 0) {
        other = p->ops[first].reads[0] - 1u;
    }
    const uint32_t at = p->ops[other].out_offset, end = at + p->size[other];
    if (below(p, 4) != 0) {
        op->marks |= DPT_IN_PLACE;
        const uint32_t least = size > p->size[other] ? size - p->size[other] : 0;
        for (uint32_t lead = least; lead < size && lead <= at; lead++) {
            op->out_offset = at - lead;
            if (accepts(p)) {
                return 1;
            }
            lead = op->rows == 0 ? size : lead;
        }
        op->marks &= (uint8_t)~DPT_IN_PLACE;
    }
    const uint32_t places[] = {0,
                               at,
                               end,
                               at > size ? at - size : 0,
                               end > size ? end - size : 0,
                               below(p, p->model.arena_size + 1)};
    for (size_t k = below(p, 3); k < 6; k += 1 + below(p, 3)) {
        op->out_offset = places[k];
        if (places[k] != before && accepts(p)) {
            return 1;
        }
    }
    op->out_offset = before;
    return 0;
}

/* Ops from `n` on are gone; 0 if an op then reads no output that one has to read. */
static inline int end_net(plan_net *p, size_t n) {
    p->model.ops = p->ops;
    p->model.n_ops = (uint16_t)n;
    p->ops[n - 1].out.type = DPT_I32;
    for (size_t number = 1; number < n; number++) {
        if (!p->read[number]) {
            return 0;
        }
    }
    return 1;
}

static inline void begin_net(plan_net *p, uint64_t number, uint32_t height) {
    memset(p, 0, sizeof *p);
    p->state = number * 0x9E3779B97F4A7C15u + 0x1234567u;
    below(p, 2);
    const dpt_tensor input = {(uint16_t)(height == 0 ? 4 + below(p, 9) : height), 1,
                              (uint16_t)(1 + below(p, 3)), DPT_U8, 0};
    p->ops[0].in = input;
}

/* A net whose outputs lie apart, with groups; 0: the number makes none. */
static inline int make_net(plan_net *p, uint64_t number) {
    begin_net(p, number, 0);
    const size_t n = 3 + below(p, 6);
    for (size_t i = 0; i < n; i++) {
        make_op(p, i);
    }
    if (!end_net(p, n)) {
        return 0;
    }
    choose_rows(p);
    place_apart(p);
    return accepts(p);
}

/* A history of the tensor that op i reads, a row. */
static inline void make_history(plan_net *p, dpt_op *op) {
    op->kind = DPT_HISTORY;
    op->kernel_h = (uint16_t)(1 + below(p, 4));
    op->kernel_w = op->stride_w = 1;
    op->stride_h = (uint16_t)(1 + few(p, 2));
    op->pad_top = (uint16_t)(below(p, 2) == 0 ? below(p, op->kernel_h) : 0);
    op->out.h = (uint16_t)(below(p, 2) == 0 ? 1 : 1 + below(p, op->kernel_h));
}

/* A net that streams, whose outputs lie apart behind the state. */
static inline int make_stream(plan_net *p, uint64_t number) {
    begin_net(p, number, 1);
    const size_t n = 2 + below(p, 8);
    uint32_t at = 2 * (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        dpt_op *op = &p->ops[i];
        const size_t first = i > 0 && below(p, 4) == 0 ? below(p, (uint32_t)i + 1) : i;
        const uint32_t way = below(p, 8);
        op->lo = (int32_t)i;
        read_tensor(p, i, 0, first);
        op->out = op->in;
        p->period[0] = 1;
        p->period[i + 1] = p->period[first];
        if (op->in.h == 1 && i + 1 < n && way < 4) {
            make_history(p, op);
            p->period[i + 1] = (uint16_t)(p->period[first] * op->stride_h);
            op->out_offset = at;
            at += op->kernel_h * (uint32_t)row_bytes(op->in);
        } else if (way < 6) {
            op->kind = DPT_DENSE;
            op->out.h = 1;
            op->out.c = (uint16_t)(1 + below(p, 6));
        } else if (way == 6) {
            op->kind = (uint8_t)(below(p, 2) == 0 ? DPT_ADD : DPT_CONCAT);
            read_tensor(p, i, 1, find_second(p, i, first, op->kind == DPT_ADD));
            op->out.c = (uint16_t)(op->in.c + (op->kind == DPT_CONCAT ? op->in2.c : 0));
        } else {
            op->kind = DPT_LOOKUP;
        }
    }
    p->model.state_size = at;
    if (at == 2 * n || !end_net(p, n)) {
        return 0;
    }
    place_apart(p);
    return accepts(p);
}

/* The steps of a stream in which each op runs three times, if it begins soon. */
static inline uint32_t steps_of_stream(const plan_net *p) {
    uint32_t most = 0;
    for (size_t i = 0; i < p->model.n_ops; i++) {
        const uint32_t steps = p->ops[i].first + 2u * p->ops[i].period;
        most = steps > most ? steps : most;
    }
    return most < 60 ? most : 60;
}

#endif
