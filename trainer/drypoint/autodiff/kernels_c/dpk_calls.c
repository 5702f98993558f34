/* SPDX-License-Identifier: Apache-2.0 */
/* Many calls by one. */
#include "dpk_threads.h"

int dpk_run_calls(const dpk_call *calls, size_t n_calls, size_t n_threads, size_t *n_done) {
    for (*n_done = 0; *n_done < n_calls; ++*n_done) {
        const dpk_call *call = calls + *n_done;
        const int status = dpk_run(call->task, call->arguments, n_threads, call->n_parts);
        if (status)
            return status;
    }
    return DPK_DONE;
}

static int run_sequence(const dpk_sequence *sequence) {
    int status = DPK_DONE;
    for (size_t i = 0; i < sequence->n_calls && status == DPK_DONE; i++) {
        const dpk_call *call = sequence->calls + i;
        status = dpk_run_inside(call->task, call->arguments, call->n_parts);
    }
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
