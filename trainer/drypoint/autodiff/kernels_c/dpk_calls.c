/* SPDX-License-Identifier: Apache-2.0 */
/* Many calls by one. */
#include "dpk_kernels.h"

int dpk_run_calls(const dpk_call *calls, size_t n_calls, size_t n_threads, size_t *n_done) {
    for (*n_done = 0; *n_done < n_calls; ++*n_done) {
        const dpk_call *call = calls + *n_done;
        const int status = dpk_run(call->task, call->arguments, n_threads, call->n_parts);
        if (status)
            return status;
    }
    return DPK_DONE;
}

int dpk_in_turn(const void *arguments, size_t part, size_t n_parts) {
    const dpk_calls *a = arguments;
    int status = DPK_DONE;
    (void)n_parts;
    for (size_t i = 0; i < a->n_calls && part == 0 && status == DPK_DONE; i++)
        status = a->calls[i].task(a->calls[i].arguments, 0, 1);
    return status;
}

/* As one part it is all calls; else there are as many parts as the calls have together. */
int dpk_side_by_side(const void *arguments, size_t part, size_t n_parts) {
    const dpk_calls *a = arguments;
    const dpk_call *call = a->calls;
    if (n_parts == 1)
        return dpk_in_turn(arguments, 0, 1);
    for (; part >= call->n_parts; call++)
        part -= call->n_parts;
    return call->task(call->arguments, part, call->n_parts);
}
