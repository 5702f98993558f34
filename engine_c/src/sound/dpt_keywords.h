/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a detector of keywords, the last part of a listener's. */
#ifndef DPT_KEYWORDS_H
#define DPT_KEYWORDS_H

#include "drypoint_listen.h"

/* Behind it lie the sums, uint32_t [keywords], and the scores, uint16_t [window][keywords]. */
typedef struct keywords_counters {
    uint32_t wait; /* decisions in which nothing is detected */
    uint32_t at;   /* the row of scores that is the oldest */
} keywords_counters;

static inline size_t keywords_count(const dpt_keyword_detector *detector) {
    size_t n = 0;
    for (uint32_t bits = detector->keywords; bits != 0; bits &= bits - 1) {
        n++;
    }
    return n;
}

/* Bytes, a multiple of 4; 0 without detector. */
static inline size_t keywords_size(const dpt_keyword_detector *detector) {
    const size_t keywords = keywords_count(detector);
    const size_t scores = keywords * detector->window * sizeof(uint16_t);
    return detector->window == 0 ? 0
                                 : sizeof(keywords_counters) + keywords * sizeof(uint32_t) +
                                       ((scores + 3) & ~(size_t)3);
}

#endif
