/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the memory plan of a blob: checks 22 and 23 of BLOB.md. */
#include "dpt_internal.h"

/* 1 where op i may write over the output of op j, which is alive: over its own first input, which
 * no later op reads, exactly at its place. */
static int in_place_ok(const dpt_op *ops, size_t i, size_t j) {
    const dpt_op *op = &ops[i];
    return op->marks == DPT_IN_PLACE &&
           (op->kind == DPT_ADD || op->kind == DPT_LOOKUP || op->kind == DPT_MUL) &&
           op->reads[0] == j + 1 && ops[j].last_reader == i && ops[j].out_offset == op->out_offset;
}

/* The last op writes to the caller's output, which does not lie in the arena. An
 * output is alive until its last reader has run. */
dpt_status dpt_check_plan(const dpt_op *ops, size_t n_ops, uint32_t arena_size) {
    size_t alive[DPT_MAX_ALIVE], n_alive = 0;
    uint64_t need = 0;
    for (size_t i = 0; i + 1 < n_ops; i++) {
        if (ops[i].last_reader == 0) {
            return DPT_E_PLAN;
        }
    }
    for (size_t i = 0; i < n_ops; i++) {
        const int last = i + 1 == n_ops;
        const uint64_t from = ops[i].out_offset,
                       end = last ? from : from + dpt_elements(ops[i].out);
        size_t kept = 0;
        int taken = 0;
        for (size_t k = 0; k < n_alive; k++) {
            const size_t j = alive[k];
            const uint64_t at = ops[j].out_offset;
            if (from < at + dpt_elements(ops[j].out) && at < end) {
                if (!in_place_ok(ops, i, j)) {
                    return DPT_E_PLAN;
                }
                taken = 1;
            }
            if (ops[j].last_reader != i) {
                alive[kept++] = j;
            }
        }
        n_alive = kept;
        if (taken != (ops[i].marks == DPT_IN_PLACE) || (last && from != 0) ||
            (!last && n_alive == DPT_MAX_ALIVE)) {
            return DPT_E_PLAN;
        }
        if (!last) {
            alive[n_alive++] = i;
        }
        need = end > need ? end : need;
    }
    return need == arena_size ? DPT_OK : DPT_E_PLAN;
}
