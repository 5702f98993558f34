/* SPDX-License-Identifier: Apache-2.0 */
/* Runs jobs from standard input and answers on standard output, all numbers 32 bits of the machine.
 *
 * Job: blob_size, model, limit, n_inputs, input_size; the blob; n_inputs times input_size bytes.
 * With blob_size 0 it is the compiled-in model of that number (-DDRIVER_MODELS=...). An input that
 * is shorter than the model's is repeated, one that is longer is cut.
 * Answer: the status of the load, or 1 when a run would take more than `limit` steps; after DPT_OK
 * arena_size, then for each input the outputs of all ops, and the status of the run.
 *
 * With an argument it prints the names of the backends that this CPU can run. */
#include "backends.h"

#include <stdio.h>

#ifdef DRIVER_MODELS
extern const dpt_model *const driver_models[DRIVER_MODELS];
#endif

enum { TOO_LONG = 1 };

static void put(const void *bytes, size_t size) {
    if (fwrite(bytes, 1, size, stdout) != size) {
        abort();
    }
}

static void put_number(uint32_t number) {
    put(&number, sizeof number);
}

/* The outputs of all ops, one after the other. */
typedef struct planes {
    const dpt_model *model;
    uint8_t *bytes;
} planes;

static size_t output_bytes(const dpt_op *op) {
    return dpt_bytes(op->out);
}

static size_t planes_before(const dpt_model *model, size_t op) {
    size_t size = 0;
    for (size_t i = 0; i < op; i++) {
        size += output_bytes(&model->ops[i]);
    }
    return size;
}

/* cppcheck-suppress constParameterCallback ; the type is dpt_trace */
static void keep(void *user, size_t op, size_t at, const void *output, size_t size) {
    const planes *p = user;
    memcpy(p->bytes + planes_before(p->model, op) + at, output, size);
}

static void get(void *bytes, size_t size) {
    if (fread(bytes, 1, size, stdin) != size) {
        abort();
    }
}

static void run(const dpt_model *model, const uint8_t *bytes, uint32_t n, uint32_t size) {
    uint8_t *arena = exact(model->arena_size), *input = exact(input_bytes(model));
    int32_t *output = exact(output_count(model) * sizeof *output);
    const size_t n_bytes = planes_before(model, model->n_ops);
    planes found = {model, exact(n_bytes)};
    begin_signal(model, arena);
    for (uint32_t i = 0; i < n; i++) {
        memset(found.bytes, 0, n_bytes); /* of ops that a step does not run */
        for (size_t k = 0; k < input_bytes(model); k++) {
            input[k] = bytes[(size_t)i * size + k % size];
        }
        const dpt_status status = run_or_step(model, NULL, arena, input, output, keep, &found);
        put(found.bytes, n_bytes);
        put_number((uint32_t)status);
        if (model->backend == &dpt_scalar) { /* a loaded one, with all kernels */
            check_backends(model, input);
        }
    }
    release(arena);
    release(input);
    release(output);
    release(found.bytes);
}

static int print_backends(void) {
    for (size_t i = 0; dpt_backend_at(i) != NULL; i++) {
        if (dpt_backend_at(i)->available()) {
            puts(dpt_backend_at(i)->name);
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    uint32_t job[5]; /* blob_size, model, limit, n_inputs, input_size */
    (void)argv;
    if (argc > 1) {
        return print_backends();
    }
    while (fread(job, sizeof job[0], 5, stdin) == 5) {
        uint8_t *blob = exact(job[0]), *inputs = exact((size_t)job[3] * job[4]);
        dpt_op ops[MAX_OPS];
        dpt_model loaded = {0};
        const dpt_model *model = &loaded;
        dpt_status status = DPT_OK;
        get(blob, job[0]);
        get(inputs, (size_t)job[3] * job[4]);
        if (job[0] > 0) {
            status = dpt_model_load(&loaded, ops, MAX_OPS, blob, job[0]);
        }
#ifdef DRIVER_MODELS
        model = job[0] > 0 ? model : driver_models[job[1]];
#endif
        if (status != DPT_OK) {
            put_number((uint32_t)status);
        } else if (dpt_work(model) > job[2]) {
            put_number(TOO_LONG);
        } else {
            put_number(DPT_OK);
            put_number(model->arena_size);
            run(model, inputs, job[3], job[4]);
        }
        release(blob);
        release(inputs);
    }
    return 0;
}
