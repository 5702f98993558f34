/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a model that is known to be good: arguments are checked, then op follows op. */
#include "dpt_internal.h"

size_t dpt_elements(dpt_tensor tensor) {
    return (size_t)tensor.h * tensor.w * tensor.c;
}

size_t dpt_bytes(dpt_tensor tensor) {
    return dpt_elements(tensor) * dpt_value_size(tensor.type);
}

size_t dpt_input_size(const dpt_model *model) {
    return dpt_elements(model->ops[0].in);
}

/* kernels[DPT_CONV] computes no dilated convolution; kernels[DPT_GROUPED] does. Kernels of a kind
 * know no 16-bit values. */
dpt_kernel *dpt_kernel_of(const dpt_backend *backend, const dpt_op *op) {
    const int grouped = op->kind == DPT_CONV && dpt_dilated(op);
    return backend->kernels[grouped ? DPT_GROUPED : dpt_is_wide(op) ? DPT_WIDE : op->kind];
}

/* A backend cannot read weights that are packed for another one. A SIMD backend runs unpacked ops
 * with the plain kernels, a backend for small devices does not. The plain kernels need the weights
 * as they are, which an exporter that packs weights leaves out. Only the table of an exported model
 * has kernels for few bits: kernels for 8 bits would read behind the weights. */
int dpt_fits(const dpt_model *model, const dpt_backend *backend) {
    const int packed = backend->packing != 0 && backend->packing == model->packing;
    const int any_bits =
        !packed || backend->packing < DPT_PACKING_BLOCKS || backend == model->backend;
    if (!packed && backend->packing != 0 &&
        (model->packing != 0 || backend->packing >= DPT_PACKING_BLOCKS)) {
        return 0;
    }
    for (size_t i = 0; i < model->n_ops; i++) {
        const dpt_op *op = &model->ops[i];
        const int needs_weights = !packed && op->weight_bits != 0;
        const int has_runner = op->rows == 0 || backend->run_group != NULL;
        if (!has_runner || dpt_kernel_of(backend, op) == NULL ||
            (needs_weights && op->weight == NULL) || (!any_bits && op->weight_bits % 8 != 0)) {
            return 0;
        }
    }
    return 1;
}

void *dpt_tensor_at(const dpt_run_state *run, size_t number) {
    if (number == 0) {
        return (void *)(uintptr_t)run->inputs; /* which is only read */
    }
    const dpt_op *op = &run->model->ops[number - 1];
    uint8_t *base = run->arena;
    size_t at = run->n * op->out_offset;
    if (op->out.type == DPT_I32) {
        base = (uint8_t *)run->outputs;
        at *= sizeof(int32_t);
    }
    return base + at;
}

dpt_status dpt_check_run(dpt_run_state *r) {
    const dpt_model *model = r->model;
    if (model == NULL || r->inputs == NULL || r->outputs == NULL || r->n == 0) {
        return DPT_E_ARGUMENT;
    }
    if (r->arena == NULL && model->arena_size > 0) {
        return DPT_E_ARGUMENT;
    }
    if (model->arena_size > 0 && r->arena_size / model->arena_size < r->n) {
        return DPT_E_ARENA;
    }
    if (r->backend == NULL) {
        r->backend = model->backend;
    }
    if (r->backend == NULL || !dpt_fits(model, r->backend)) {
        return DPT_E_BACKEND;
    }
    return DPT_OK;
}

static dpt_status execute(dpt_run_state *r) {
    const dpt_status status = dpt_check_run(r);
    if (status != DPT_OK) {
        return status;
    }
    const dpt_model *model = r->model;
    if (model->state_size != 0) {
        return DPT_E_STATE;
    }
    for (size_t i = 0; i < model->n_ops; i++) {
        if (model->ops[i].rows == 0) {
            dpt_run_op(r, i);
        } else {
            i = r->backend->run_group(r, i);
        }
    }
    return DPT_OK;
}

dpt_status dpt_run_traced(const dpt_model *model, const dpt_backend *backend, void *arena,
                          size_t arena_size, const void *input, int32_t *output, dpt_trace *trace,
                          void *user) {
    dpt_run_state r = {model, backend, arena, arena_size, 1, input, output, trace, user};
    return execute(&r);
}

dpt_status dpt_run(const dpt_model *model, const dpt_backend *backend, void *arena,
                   size_t arena_size, const void *input, int32_t *output) {
    dpt_run_state r = {model, backend, arena, arena_size, 1, input, output, NULL, NULL};
    return execute(&r);
}

dpt_status dpt_run_batch(const dpt_model *model, const dpt_backend *backend, void *arena,
                         size_t arena_size, const void *inputs, int32_t *outputs, size_t n) {
    dpt_run_state r = {model, backend, arena, arena_size, n, inputs, outputs, NULL, NULL};
    return execute(&r);
}

const dpt_op *dpt_output_at(const dpt_model *model, size_t index) {
    for (size_t i = 0; i < model->n_ops; i++) {
        if (model->ops[i].out.type != DPT_I32) {
            continue;
        }
        if (index == 0) {
            return &model->ops[i];
        }
        index--;
    }
    return NULL;
}

size_t dpt_output_count(const dpt_model *model) {
    const dpt_op *last = &model->ops[model->n_ops - 1];
    return last->out_offset + dpt_elements(last->out);
}

size_t dpt_argmax(const int32_t *output, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        best = output[i] > output[best] ? i : best;
    }
    return best;
}

const char *dpt_label(const dpt_model *model, size_t index) {
    const char *label = model->labels;
    if (index >= model->n_labels) {
        return "";
    }
    while (index > 0) {
        index -= *label++ == '\0';
    }
    return label;
}

/* The reflected polynomial 0xEDB88320, eight bytes at a time. Row k of the table is what each value
 * of a group of four bits leaves behind when 15 - k more such groups follow it; built here, in 1 KB
 * of stack, since a device has less flash than time for that. */
uint32_t dpt_crc32(uint32_t crc, const void *data, size_t size) {
    enum { AT_ONCE = 8, LAST = 2 * AT_ONCE - 1 };
    uint32_t table[2 * AT_ONCE][16];
    crc = ~crc;
    const uint8_t *bytes = data;
    for (uint32_t n = 0; n < 16; n++) {
        uint32_t rest = n;
        for (int bit = 0; bit < 4; bit++) {
            rest = rest >> 1 ^ (0xEDB88320u & (0u - (rest & 1u)));
        }
        table[LAST][n] = rest;
    }
    for (int k = LAST - 1; k >= 0; k--) {
        for (int n = 0; n < 16; n++) {
            table[k][n] = table[k + 1][n] >> 4 ^ table[LAST][table[k + 1][n] & 15u];
        }
    }
    for (; size >= AT_ONCE; size -= AT_ONCE, bytes += AT_ONCE) {
        uint32_t next = 0;
        for (int i = 0; i < AT_ONCE; i++) {
            const uint32_t byte = bytes[i] ^ (i < 4 ? crc >> 8 * i & 0xFFu : 0);
            next ^= table[2 * i][byte & 15u] ^ table[2 * i + 1][byte >> 4];
        }
        crc = next;
    }
    for (; size > 0; size--, bytes++) {
        crc = table[LAST][(crc ^ *bytes) & 15u] ^ crc >> 4;
        crc = table[LAST][(crc ^ (uint32_t)*bytes >> 4) & 15u] ^ crc >> 4;
    }
    return ~crc;
}

const char *dpt_status_text(dpt_status status) {
    switch (status) {
    case DPT_OK:
        return "ok";
    case DPT_E_ARGUMENT:
        return "a pointer is NULL, a batch is empty, or a buffer is not of the model's size";
    case DPT_E_ARENA:
        return "the arena is smaller than the model needs";
    case DPT_E_BACKEND:
        return "the backend does not fit the model or this CPU";
    case DPT_E_SIZE:
        return "the blob is not as long as it says (truncated, or followed by more)";
    case DPT_E_MAGIC:
        return "not a drypoint blob";
    case DPT_E_VERSION:
        return "a blob of a version that this library does not read";
    case DPT_E_CRC:
        return "the blob's bytes are damaged (CRC)";
    case DPT_E_CAPACITY:
        return "more ops or bytes than the caller has room for";
    case DPT_E_FIELD:
        return "a field is out of its range, or an unused one is not 0";
    case DPT_E_SHAPE:
        return "shapes or types that do not fit each other";
    case DPT_E_TABLE:
        return "a table reaches outside the blob or holds a value that is not allowed, "
               "or ops share tables too often";
    case DPT_E_OVERFLOW:
        return "an accumulator could overflow";
    case DPT_E_PLAN:
        return "the arena plan is wrong, or no op reads an output";
    case DPT_E_STATE:
        return "a streaming model runs by dpt_reset and dpt_step alone, any other by dpt_run";
    case DPT_NO_OUTPUT:
        return "the step has no output";
    }
    return "not a status";
}
