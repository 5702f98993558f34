/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include <string.h>

typedef struct writer {
    uint8_t *next;
    size_t last; /* the op whose output the caller has already */
} writer;

static void keep(void *user, size_t op, const void *output, size_t size) {
    writer *w = user;
    if (op != w->last) {
        memcpy(w->next, output, size);
        w->next += size;
    }
}

dpt_status dpt_bridge_run(const dpt_model *model, const dpt_backend *backend, void *arena, size_t n,
                          const uint8_t *inputs, size_t input_size, int32_t *outputs,
                          size_t n_outputs, uint8_t *traces, size_t trace_size) {
    dpt_status status = DPT_OK;
    for (size_t i = 0; i < n && status == DPT_OK; i++) {
        writer w = {traces == NULL ? NULL : traces + i * trace_size, (size_t)model->n_ops - 1};
        status = dpt_run_traced(model, backend, arena, model->arena_size, inputs + i * input_size,
                                outputs + i * n_outputs, traces == NULL ? NULL : keep, &w);
    }
    return status;
}
