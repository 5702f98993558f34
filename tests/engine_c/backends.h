/* SPDX-License-Identifier: Apache-2.0 */
/* Holds every backend that this CPU can run against the plain kernels with a memory plan in which
 * nothing overlaps and no op runs row by row: each op of a model, one input at a time and in a
 * batch, with weights packed and not. Aborts where a byte differs. */
#ifndef BACKENDS_H
#define BACKENDS_H

#include "exact.h"

#include <stdio.h>

enum {
    BATCH = 3,
    /* What is not packed runs by the plain kernels, whatever the backend: a model of more work
     * runs so by the first backend alone. */
    MUCH_WORK = 100000
};

typedef struct digests {
    uint32_t crc[MAX_OPS];
} digests;

static inline void digest(void *user, size_t op, size_t at, const void *output, size_t size) {
    uint32_t *crc = &((digests *)user)->crc[op];
    *crc = dpt_crc32(at == 0 ? 0 : *crc, output, size);
}

static inline void demand(int holds, const char *backend, const char *what) {
    if (!holds) {
        fprintf(stderr, "backend %s: %s\n", backend, what);
        abort();
    }
}

/* Begins a signal, if the model streams; then dpt_step or dpt_run. */
static inline void begin_signal(const dpt_model *model, void *arena) {
    if (model->state_size != 0 && dpt_reset(model, arena, model->arena_size) != DPT_OK) {
        abort();
    }
}

static inline dpt_status run_or_step(const dpt_model *model, const dpt_backend *backend,
                                     void *arena, const void *input, int32_t *output,
                                     dpt_trace *trace, void *user) {
    return (model->state_size != 0 ? dpt_step_traced : dpt_run_traced)(
        model, backend, arena, model->arena_size, input, output, trace, user);
}

/* A number of all outputs of some steps, in which the inputs come again and again. */
static inline uint32_t stream_digest(const dpt_model *model, const dpt_backend *backend,
                                     const uint8_t *inputs) {
    enum { STEPS = 20 };
    const size_t n = input_bytes(model), count = output_count(model);
    uint8_t *arena = exact(model->arena_size);
    int32_t *output = exact(count * sizeof *output);
    uint32_t crc = 0;
    begin_signal(model, arena);
    for (size_t i = 0; i < STEPS; i++) {
        digests found = {{0}};
        const int32_t status =
            run_or_step(model, backend, arena, inputs + i % BATCH * n, output, digest, &found);
        crc = dpt_crc32(crc, &status, sizeof status);
        crc = dpt_crc32(crc, &found, model->n_ops * sizeof found.crc[0]);
        if (status == DPT_OK) {
            crc = dpt_crc32(crc, output, count * sizeof *output);
        }
    }
    release(arena);
    release(output);
    return crc;
}

/* `model` as a backend that packs sees it, and not packed, against the outputs and digests of the
 * plain kernels. */
static inline void check_backend(const dpt_model *model, const dpt_backend *backend, int unpacked,
                                 const uint8_t *inputs, const int32_t *wanted,
                                 const digests *right) {
    const size_t count = output_count(model);
    const size_t size = dpt_packed_size(model, backend);
    uint8_t *memory = exact(size), *arena = exact(BATCH * (size_t)model->arena_size);
    int32_t *outputs = exact(BATCH * count * sizeof *outputs);
    dpt_op ops[MAX_OPS];
    dpt_model packed;
    demand(dpt_model_pack(&packed, ops, MAX_OPS, model, backend, memory, size) == DPT_OK,
           backend->name, "does not pack");
    demand(size == 0 || dpt_model_pack(&packed, ops, MAX_OPS, model, backend, memory, size - 1) ==
                            DPT_E_CAPACITY,
           backend->name, "packs into too little memory");
    dpt_model_pack(&packed, ops, MAX_OPS, model, backend, memory, size);
    const dpt_model *both[2] = {&packed, model};
    const int models = unpacked && size > 0 ? 2 : 1; /* where nothing is packed, both are equal */
    for (int i = 0; i < models && model->state_size != 0; i++) {
        demand(stream_digest(both[i], backend, inputs) == right->crc[0], backend->name,
               "differs in a step");
    }
    for (int i = 0; i < models && model->state_size == 0; i++) {
        digests found = {{0}};
        demand(dpt_run_traced(both[i], backend, arena, model->arena_size, inputs, outputs, digest,
                              &found) == DPT_OK,
               backend->name, "does not run");
        demand(memcmp(&found, right, model->n_ops * sizeof found.crc[0]) == 0, backend->name,
               i == 0 ? "differs in an op" : "differs in an op, not packed");
        demand(dpt_run_batch(both[i], backend, arena, BATCH * (size_t)model->arena_size, inputs,
                             outputs, BATCH) == DPT_OK,
               backend->name, "does not run a batch");
        demand(memcmp(outputs, wanted, BATCH * count * sizeof *outputs) == 0, backend->name,
               "differs in a batch");
    }
    release(memory);
    release(arena);
    release(outputs);
}

/* The model with a plan in which every output has a place of its own, behind the state. */
static inline dpt_model place_apart(const dpt_model *model, dpt_op *ops) {
    dpt_model apart = *model;
    apart.ops = ops;
    apart.arena_size = model->state_size;
    for (size_t i = 0; i < model->n_ops; i++) {
        ops[i] = model->ops[i];
        ops[i].marks = 0;
        ops[i].rows = 0;
        int kept = ops[i].kind == DPT_HISTORY || ops[i].kind == DPT_DELAY;
        for (size_t k = 0; k < i; k++) {
            kept |= ops[k].kind == DPT_DELAY && ops[k].groups == i + 1;
        }
        if (!kept && ops[i].out.type != DPT_I32) {
            ops[i].out_offset = apart.arena_size;
            apart.arena_size += (uint32_t)dpt_bytes(ops[i].out);
        }
    }
    return apart;
}

/* The outputs of BATCH runs, in the order of a batch: the planes of an output together. */
static inline void put_in_batch_order(const dpt_model *model, const int32_t *rows, int32_t *batch) {
    const size_t count = output_count(model);
    size_t at = 0; /* in a row */
    for (size_t i = 0; i < model->n_ops; i++) {
        const size_t n = dpt_elements(model->ops[i].out);
        for (size_t k = 0; model->ops[i].out.type == DPT_I32 && k < BATCH; k++, batch += n) {
            memcpy(batch, rows + k * count + at, n * sizeof *batch);
        }
        at += model->ops[i].out.type == DPT_I32 ? n : 0;
    }
}

/* All backends on one input, and on a batch of it and two that are derived from it. */
static inline void check_backends(const dpt_model *model, const uint8_t *input) {
    const size_t n = input_bytes(model), count = output_count(model);
    dpt_op ops[MAX_OPS];
    const dpt_model apart = place_apart(model, ops);
    uint8_t *inputs = exact(BATCH * n), *arena = exact(apart.arena_size);
    int32_t *rows = exact(BATCH * count * sizeof *rows),
            *wanted = exact(BATCH * count * sizeof *rows);
    digests right = {{0}};
    for (size_t i = 0; i < n; i++) {
        inputs[i] = input[i];
        inputs[n + i] = (uint8_t)(input[i] ^ 0xFF);
        inputs[2 * n + i] = input[n - 1 - i];
    }
    if (model->state_size != 0) {
        right.crc[0] = stream_digest(&apart, &dpt_scalar, inputs);
    }
    for (size_t i = model->state_size != 0 ? 0 : BATCH; i-- > 0;) {
        dpt_run_traced(&apart, &dpt_scalar, arena, apart.arena_size, inputs + i * n,
                       rows + i * count, digest, &right);
    }
    put_in_batch_order(model, rows, wanted);
    int unpacked = 1;
    for (size_t i = 0; dpt_backend_at(i) != NULL; i++) {
        if (dpt_backend_at(i)->available()) {
            check_backend(model, dpt_backend_at(i), unpacked, inputs, wanted, &right);
            unpacked = dpt_work(model) <= MUCH_WORK;
        }
    }
    release(inputs);
    release(arena);
    release(rows);
    release(wanted);
}

#endif
