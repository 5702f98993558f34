/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a streaming model step by step: NUMERICS.md section 11. */
#include "dpt_internal.h"

#include <string.h>

enum { STREAM_COUNTER = 2, STREAM_MOST_STEPS = 0xFFFF };

/* What happens in the steps first, first + period, ... */
typedef struct stream_clock {
    uint32_t first, period;
} stream_clock;

/* The histories and delays of a model. */
typedef struct stream_histories {
    size_t n;
    uint16_t op[DPT_MAX_HISTORIES];
    uint8_t lent[DPT_MAX_HISTORIES]; /* whether other outputs may lie over a history's oldest row */
} stream_histories;

static void stream_write(uint8_t *at, uint32_t steps) {
    at[0] = (uint8_t)(steps & 0xFFu);
    at[1] = (uint8_t)(steps >> 8 & 0xFFu);
}

static int stream_remembers(const dpt_op *op) {
    return op->kind == DPT_HISTORY || op->kind == DPT_DELAY;
}

/* Bytes of the state that a history or a delay has. */
static uint64_t stream_bytes(const dpt_op *op) {
    return op->kind == DPT_DELAY ? dpt_bytes(op->out)
                                 : op->kernel_h * (uint64_t)dpt_elements(op->in);
}

/* Rules 1, 3 and 4 of the delay that is op i; the tensor that it carries is alive to the end. Two
 * delays cannot carry one tensor, since their places differ. */
static int stream_delay_ok(dpt_op *ops, size_t i, size_t n_ops) {
    const dpt_op *op = &ops[i];
    dpt_op *source = &ops[op->groups - 1u];
    const size_t last = op->last_reader, at = op->groups - 1u;
    const int over = (dpt_facts[source->kind] & DPT_MAY_LIE_OVER_INPUT) != 0;
    source->last_reader = (uint16_t)(n_ops - 1);
    return !stream_remembers(source) && source->out.type != DPT_I32 &&
           dpt_same_tensor(source->out, op->out) && source->out_offset == op->out_offset &&
           (last < at || (last == at && over));
}

/* The steps in which tensor `number` is ready. Products fit 32 bits: their factors have 16. */
static stream_clock stream_ready(const dpt_op *ops, size_t number) {
    stream_clock clock = {1, 1};
    if (number > 0) {
        const dpt_op *op = &ops[number - 1];
        clock.first = op->first;
        clock.period = op->period;
        if (op->kind == DPT_HISTORY) {
            clock.first += (op->kernel_h - op->pad_top - 1u) * clock.period;
            clock.period *= op->stride_h;
        }
    }
    return clock;
}

/* Fills `first` and `period` of op i, whose inputs' clocks are known; 0: it breaks a rule. */
static int stream_set_clock(dpt_op *ops, size_t i, stream_histories *found) {
    dpt_op *op = &ops[i];
    const int inputs = op->in2.c != 0 ? 2 : 1;
    stream_clock ready[2], run = {0, 0};
    for (int k = 0; k < inputs; k++) {
        ready[k] = stream_ready(ops, op->reads[k]);
        run = ready[k].first > run.first ? ready[k] : run;
    }
    op->first = (uint16_t)run.first;
    op->period = (uint16_t)run.period;
    for (int k = 0; k < inputs; k++) {
        const size_t source = op->reads[k];
        const int kept = source > 0 && ops[source - 1].kind == DPT_HISTORY;
        if (ready[k].period != run.period || (!kept && ready[k].first != run.first)) {
            return 0;
        }
        for (size_t h = 0; ready[k].first != run.first && h < found->n; h++) {
            found->lent[h] &= found->op[h] != source - 1;
        }
    }
    const stream_clock out = stream_ready(ops, i + 1);
    return out.first <= STREAM_MOST_STEPS && out.period <= STREAM_MOST_STEPS && op->rows == 0;
}

/* Rule 8 for op i: whether its output overlaps nothing of the state that is in use. */
static int stream_place_ok(const dpt_op *ops, size_t i, size_t n_ops,
                           const stream_histories *found) {
    const uint64_t begin = ops[i].out_offset, end = begin + dpt_bytes(ops[i].out);
    int ok = begin >= STREAM_COUNTER * (uint64_t)n_ops;
    for (size_t k = 0; k < found->n; k++) {
        const size_t h = found->op[k];
        const int delay = ops[h].kind == DPT_DELAY, own = delay && ops[h].groups == i + 1;
        const uint64_t at = ops[h].out_offset, row = delay ? 0 : dpt_elements(ops[h].in);
        const int free = found->lent[k] && (ops[i].last_reader < h || ops[h].last_reader < i);
        const uint64_t used = at + (free ? row : 0), last = at + stream_bytes(&ops[h]);
        ok &= own || end <= used || last <= begin || last <= used;
    }
    return ok;
}

dpt_status dpt_check_stream(dpt_op *ops, size_t n_ops, uint32_t state_size) {
    stream_histories found = {0};
    uint64_t size = STREAM_COUNTER * n_ops;
    int wide = 0;
    for (size_t i = 0; i < n_ops; i++) {
        wide |= ops[i].out.type == DPT_I16;
        if (!stream_remembers(&ops[i])) {
            continue;
        }
        if (found.n == DPT_MAX_HISTORIES || ops[i].out_offset != size) {
            return DPT_E_PLAN;
        }
        found.op[found.n] = (uint16_t)i;
        found.lent[found.n++] = 1;
        size += stream_bytes(&ops[i]);
    }
    if ((found.n != 0 ? size : 0) != state_size || (found.n == 0 && wide)) {
        return DPT_E_PLAN;
    }
    for (size_t k = 0; k < found.n; k++) {
        const size_t i = found.op[k];
        if (ops[i].kind == DPT_DELAY && !stream_delay_ok(ops, i, n_ops)) {
            return DPT_E_PLAN;
        }
    }
    for (size_t i = 0; found.n != 0 && i < n_ops; i++) {
        if (!stream_set_clock(ops, i, &found)) {
            return DPT_E_PLAN;
        }
    }
    for (size_t i = 0; found.n != 0 && i < n_ops; i++) {
        const dpt_op *op = &ops[i], *last = &ops[n_ops - 1];
        const dpt_op *carried = op->kind == DPT_DELAY ? &ops[op->groups - 1u] : op;
        const int together = op->first == last->first && op->period == last->period;
        if (carried->first != op->first || carried->period != op->period) {
            return DPT_E_PLAN;
        }
        if (op->out.type == DPT_I32 ? !together
                                    : !stream_remembers(op) && op->out_offset < state_size &&
                                          !stream_place_ok(ops, i, n_ops, &found)) {
            return DPT_E_PLAN;
        }
    }
    return DPT_OK;
}

/* The rows of a history before a signal, the first output of a delay. */
static void stream_clear(const dpt_op *op, uint8_t *state) {
    const size_t size = (size_t)stream_bytes(op);
    const size_t pixel = op->out.c * dpt_value_size(op->out.type);
    memset(state, 0, size);
    for (size_t i = 0; op->pad != NULL && i < size; i += pixel) {
        memcpy(state + i, op->pad, pixel);
    }
}

dpt_status dpt_reset(const dpt_model *model, void *arena, size_t arena_size) {
    if (model == NULL || arena == NULL) {
        return DPT_E_ARGUMENT;
    }
    if (model->state_size == 0) {
        return DPT_E_STATE;
    }
    if (arena_size < model->state_size) {
        return DPT_E_ARENA;
    }
    for (size_t i = 0; i < model->n_ops; i++) {
        const dpt_op *op = &model->ops[i];
        stream_write((uint8_t *)arena + STREAM_COUNTER * i, op->first);
        if (stream_remembers(op)) {
            stream_clear(op, (uint8_t *)arena + op->out_offset);
        }
    }
    return DPT_OK;
}

dpt_status dpt_step_traced(const dpt_model *model, const dpt_backend *backend, void *arena,
                           size_t arena_size, const void *input, int32_t *output, dpt_trace *trace,
                           void *user) {
    dpt_run_state r = {model, backend, arena, arena_size, 1, input, output, trace, user};
    const dpt_status status = dpt_check_run(&r);
    if (status != DPT_OK) {
        return status;
    }
    if (model->state_size == 0) {
        return DPT_E_STATE;
    }
    uint32_t steps = 0;
    uint8_t *due = arena;
    for (size_t i = 0; i < model->n_ops; i++, due += STREAM_COUNTER) {
        steps = dpt_u16(due) - 1;
        if (steps == 0) {
            dpt_run_op(&r, i);
        }
        stream_write(due, steps == 0 ? model->ops[i].period : steps);
    }
    return steps == 0 ? DPT_OK : DPT_NO_OUTPUT;
}

dpt_status dpt_step(const dpt_model *model, const dpt_backend *backend, void *arena,
                    size_t arena_size, const void *input, int32_t *output) {
    return dpt_step_traced(model, backend, arena, arena_size, input, output, NULL, NULL);
}
