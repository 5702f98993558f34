/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: the parts of a task, which threads claim. */
#ifndef DPK_JOBS_H
#define DPK_JOBS_H

#include "dpk_kernels.h"

/* The progress of a task. */
typedef struct {
    size_t unfinished; /* atomic: parts */
    int failed;        /* atomic */
} __attribute__((aligned(64))) dpk_job;

/* The unclaimed parts of a task: the last `left` parts before `end`. A share fills a cache line,
 * the only line that a thread waits for before it runs a part. */
typedef struct {
    size_t left; /* atomic */
    size_t end;  /* written, as the fields below are, while `left` is 0 */
    dpk_task *task;
    const void *arguments;
    size_t n_parts; /* of the task */
    dpk_job *job;
} __attribute__((aligned(64))) dpk_share;

/* Lets threads claim parts begin .. end - 1 of a call; no part of the share may be left. */
static inline void dpk_offer(dpk_share *s, dpk_call call, dpk_job *job, size_t begin, size_t end) {
    s->end = end;
    s->task = call.task;
    s->arguments = call.arguments;
    s->n_parts = call.n_parts;
    s->job = job;
    __atomic_store_n(&s->left, end - begin, __ATOMIC_RELEASE);
}

static inline int dpk_has_parts(const dpk_share *s) {
    return __atomic_load_n(&s->left, __ATOMIC_ACQUIRE) > 0;
}

/* Claims a part of a share for the caller; 0: no part was left. */
static inline int dpk_claimed(dpk_share *of, size_t *part) {
    size_t left = __atomic_load_n(&of->left, __ATOMIC_ACQUIRE);
    while (left > 0 && !__atomic_compare_exchange_n(&of->left, &left, left - 1, 0, __ATOMIC_ACQ_REL,
                                                    __ATOMIC_ACQUIRE)) {
    }
    if (left > 0)
        *part = of->end - left;
    return left > 0;
}

static inline void dpk_begin_job(dpk_job *j, size_t n_parts) {
    __atomic_store_n(&j->failed, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&j->unfinished, n_parts, __ATOMIC_RELAXED);
}

static inline int dpk_is_done(const dpk_job *j) {
    return __atomic_load_n(&j->unfinished, __ATOMIC_SEQ_CST) == 0;
}

#endif
