/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

static size_t input_size(const dpt_model *model) {
    return dpt_elements(model->ops[0].in);
}

/* One thread's share: inputs `from` up to `end`. */
typedef struct share {
    const dpt_model *model;
    uint8_t *arena;
    size_t batch, from, end;
    const uint8_t *inputs;
    int32_t *outputs, *planes; /* planes: of a batch, for a model of several outputs; or NULL */
    dpt_status status;
} share;

/* Gathers the values of all outputs of each of n inputs: in `planes`, the n planes of an output lie
 * together. */
static void gather(const dpt_model *model, size_t n, const int32_t *planes, int32_t *outputs) {
    const size_t count = dpt_output_count(model);
    const dpt_op *op = NULL;
    for (size_t k = 0; (op = dpt_output_at(model, k)) != NULL; k++) {
        const size_t at = op->out_offset, values = dpt_elements(op->out);
        for (size_t i = 0; i < n; i++) {
            memcpy(outputs + i * count + at, planes + n * at + i * values,
                   values * sizeof planes[0]);
        }
    }
}

static void run_share(share *s) {
    const size_t size = input_size(s->model), count = dpt_output_count(s->model);
    for (size_t i = s->from; i < s->end && s->status == DPT_OK; i += s->batch) {
        const size_t n = s->end - i < s->batch ? s->end - i : s->batch;
        int32_t *outputs = s->outputs + i * count;
        s->status = dpt_run_batch(s->model, NULL, s->arena, n * s->model->arena_size,
                                  s->inputs + i * size, s->planes != NULL ? s->planes : outputs, n);
        if (s->planes != NULL && s->status == DPT_OK) {
            gather(s->model, n, s->planes, outputs);
        }
    }
}

#ifdef _WIN32
/* No threads here yet: the shares run one after the other. */
static void run_shares(share *shares, size_t n) {
    for (size_t t = 0; t < n; t++) {
        run_share(&shares[t]);
    }
}
#else
#include <pthread.h>

static void *run_in_thread(void *s) {
    run_share(s);
    return NULL;
}

static void run_shares(share *shares, size_t n) {
    pthread_t threads[DPT_BRIDGE_THREADS];
    int started[DPT_BRIDGE_THREADS] = {0};
    for (size_t t = 1; t < n; t++) {
        started[t] = pthread_create(&threads[t], NULL, run_in_thread, &shares[t]) == 0;
    }
    run_share(&shares[0]);
    for (size_t t = 1; t < n; t++) {
        if (started[t]) {
            pthread_join(threads[t], NULL);
        } else {
            run_share(&shares[t]);
        }
    }
}
#endif

/* The first of n inputs that thread number t of `threads` runs; no product that could wrap. */
static size_t share_begin(size_t n, size_t threads, size_t t) {
    const size_t rest = n % threads;
    return n / threads * t + (t < rest ? t : rest);
}

int dpt_bridge_run(const dpt_model *model, size_t batch, size_t threads, size_t n,
                   const uint8_t *inputs, int32_t *outputs) {
    share shares[DPT_BRIDGE_THREADS];
    const int several = dpt_output_at(model, 1) != NULL && batch > 1;
    const size_t count = several ? dpt_output_count(model) : 0;
    const size_t planes_size = batch * count * sizeof(int32_t); /* less than `outputs` has */
    const size_t size = model->arena_size, most = SIZE_MAX - 1; /* 1 more: malloc(0) may be NULL */
    int status = DPT_OK;
    if ((size > 0 && batch > most / threads / size) || planes_size > most / threads) {
        return DPT_BRIDGE_E_MEMORY;
    }
    uint8_t *arena = malloc(threads * batch * size + 1);
    uint8_t *planes = malloc(threads * planes_size + 1);
    if (arena == NULL || planes == NULL) {
        free(arena);
        free(planes);
        return DPT_BRIDGE_E_MEMORY;
    }
    for (size_t t = 0; t < threads; t++) {
        const size_t from = share_begin(n, threads, t), end = share_begin(n, threads, t + 1);
        const share s = {.model = model,
                         .arena = arena + t * batch * size,
                         .batch = batch,
                         .from = from,
                         .end = end,
                         .inputs = inputs,
                         .outputs = outputs,
                         .planes = several ? (int32_t *)(void *)(planes + t * planes_size) : NULL,
                         .status = DPT_OK};
        shares[t] = s;
    }
    run_shares(shares, threads);
    for (size_t t = 0; t < threads && status == DPT_OK; t++) {
        status = shares[t].status;
    }
    free(arena);
    free(planes);
    return status;
}

dpt_status dpt_bridge_steps(const dpt_model *model, uint8_t *arena, size_t n, const uint8_t *inputs,
                            int32_t *outputs, uint8_t *has_output) {
    const size_t size = input_size(model), count = dpt_output_count(model);
    int status = DPT_OK;
    for (size_t i = 0; i < n && status >= 0; i++) {
        status =
            dpt_step(model, NULL, arena, model->arena_size, inputs + i * size, outputs + i * count);
        has_output[i] = status == DPT_OK;
    }
    return status < 0 ? status : DPT_OK;
}

/* The trace of one input: the outputs of all ops, one after the other. */
typedef struct trace {
    const dpt_model *model;
    uint8_t *to;
} trace;

/* cppcheck-suppress constParameterCallback ; the type is dpt_trace */
static void keep(void *user, size_t op, size_t at, const void *output, size_t size) {
    const trace *t = user;
    for (size_t i = 0; i < op; i++) {
        at += dpt_bytes(t->model->ops[i].out);
    }
    memcpy(t->to + at, output, size);
}

dpt_status dpt_bridge_trace(const dpt_model *model, void *arena, size_t n, const uint8_t *inputs,
                            int32_t *outputs, uint8_t *traces, size_t trace_size) {
    const int streams = model->state_size != 0;
    int status = streams ? dpt_reset(model, arena, model->arena_size) : DPT_OK;
    for (size_t i = 0; i < n && status >= 0; i++) {
        trace t = {model, traces + i * trace_size};
        status = (streams ? dpt_step_traced : dpt_run_traced)(
            model, NULL, arena, model->arena_size, inputs + i * input_size(model),
            outputs + i * dpt_output_count(model), keep, &t);
    }
    return status < 0 ? status : DPT_OK;
}
