/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include <string.h>

/* Appends an output to the trace that *user points into. */
static void keep(void *user, size_t op, const void *output, size_t size) {
    uint8_t **next = user;
    (void)op;
    memcpy(*next, output, size);
    *next += size;
}

dpt_status dpt_bridge_run(const dpt_model *model, const dpt_backend *backend, void *arena, size_t n,
                          const uint8_t *inputs, size_t input_size, int32_t *outputs,
                          size_t n_outputs, uint8_t *traces, size_t trace_size) {
    dpt_status status = DPT_OK;
    for (size_t i = 0; i < n && status == DPT_OK; i++) {
        uint8_t *next = traces == NULL ? NULL : traces + i * trace_size;
        status = dpt_run_traced(model, backend, arena, model->arena_size, inputs + i * input_size,
                                outputs + i * n_outputs, traces == NULL ? NULL : keep, &next);
    }
    return status;
}
