/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the work of a run: NUMERICS.md section 7. */
#include "dpt_internal.h"

/* a * b, or UINT64_MAX where that is more; by halves, since small cores divide 64 bits in software.
 */
static uint64_t times(uint64_t a, uint32_t b) {
    const uint64_t low = (a & UINT32_MAX) * b, high = (a >> 32) * b + (low >> 32);
    return high > UINT32_MAX ? UINT64_MAX : high << 32 | (low & UINT32_MAX);
}

static uint64_t work_of(const dpt_op *op) {
    const uint64_t outputs = (uint64_t)op->out.h * op->out.w * op->out.c;
    const uint64_t windows = times(outputs, (uint32_t)op->kernel_h * op->kernel_w);
    const uint32_t pool = (uint32_t)op->pool_h * op->pool_w;
    switch (op->kind) {
    case DPT_CONV:
        return times(times(windows, pool), op->in.c);
    case DPT_GROUPED:
        return times(times(windows, pool), op->in.c / op->groups);
    case DPT_DEPTHWISE:
        return times(windows, pool);
    case DPT_DENSE:
        return times(times(times(outputs, op->in.h), op->in.w), op->in.c);
    case DPT_HISTORY:
        return (uint64_t)op->kernel_h * op->in.w * op->in.c;
    case DPT_RESIZE:
        return 4 * outputs;
    default:
        return (dpt_facts[op->kind] & DPT_HAS_WINDOW) != 0 ? windows : outputs;
    }
}

uint64_t dpt_work(const dpt_model *model) {
    uint64_t sum = 0;
    for (size_t i = 0; i < model->n_ops; i++) {
        const uint64_t work = work_of(&model->ops[i]);
        sum = work > UINT64_MAX - sum ? UINT64_MAX : sum + work;
    }
    return sum;
}
