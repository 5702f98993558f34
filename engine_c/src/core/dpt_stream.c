/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a streaming model step by step: NUMERICS.md section 11. */
#include "dpt_internal.h"

#include <string.h>

static void stream_write(uint8_t *at, uint32_t steps) {
    at[0] = (uint8_t)(steps & 0xFFu);
    at[1] = (uint8_t)(steps >> 8 & 0xFFu);
}

/* The rows of a history before a signal, the first output of a delay. */
static void stream_clear(const dpt_op *op, uint8_t *state) {
    const size_t size = (size_t)dpt_state_bytes(op);
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
        stream_write((uint8_t *)arena + DPT_COUNTER * i, op->first);
        if (dpt_remembers(op)) {
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
    for (size_t i = 0; i < model->n_ops; i++, due += DPT_COUNTER) {
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
