/* SPDX-License-Identifier: Apache-2.0 */
/* Programs and sequences of calls. */
#include "dpk_threads.h"

#include <string.h>

static int run_once(const dpk_call *calls, size_t n_calls, size_t n_threads) {
    int status = DPK_DONE;
    for (const dpk_call *call = calls; call < calls + n_calls && status == DPK_DONE; call++)
        status = dpk_run(call->task, call->arguments, n_threads, call->n_parts);
    return status;
}

int dpk_run_program(const dpk_program *p, size_t n_threads, size_t *n_done) {
    for (*n_done = 0; *n_done < p->n_times; ++*n_done) {
        for (const dpk_placeholder *v = p->placeholders; v < p->placeholders + p->n_placeholders;
             v++)
            memcpy(v->to, v->values + *n_done * v->n_bytes, v->n_bytes);
        const int status = run_once(p->calls, p->n_calls, n_threads);
        if (status)
            return status;
    }
    return DPK_DONE;
}

static int run_sequence(const dpk_sequence *sequence) {
    int status = DPK_DONE;
    const dpk_call *end = sequence->calls + sequence->n_calls;
    for (const dpk_call *call = sequence->calls; call < end && status == DPK_DONE; call++)
        status = dpk_run_inside(call->task, call->arguments, call->n_parts);
    return status;
}

int dpk_run_sequences(const void *arguments, size_t part, size_t n_parts) {
    const dpk_sequences *a = arguments;
    const size_t end = a->n_sequences * (part + 1) / n_parts;
    int status = DPK_DONE;
    for (size_t i = a->n_sequences * part / n_parts; i < end && status == DPK_DONE; i++)
        status = run_sequence(a->sequences + i);
    return status;
}
