/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a detector, the last part of a listener's. */
#ifndef DPT_DETECT_H
#define DPT_DETECT_H

#include "drypoint_listen.h"

/* Behind it lie the sums, uint32_t [keywords], and the scores, uint16_t [window][keywords]. */
typedef struct detector_counters {
    uint32_t wait; /* decisions in which nothing is detected */
    uint32_t at;   /* the row of scores that is the oldest */
} detector_counters;

static inline size_t detector_keywords(const dpt_detector *detector) {
    size_t n = 0;
    for (uint32_t bits = detector->keywords; bits != 0; bits &= bits - 1) {
        n++;
    }
    return n;
}

/* Bytes, a multiple of 4; 0 without detector. */
static inline size_t detector_size(const dpt_detector *detector) {
    const size_t keywords = detector_keywords(detector);
    const size_t scores = keywords * detector->window * sizeof(uint16_t);
    return detector->window == 0 ? 0
                                 : sizeof(detector_counters) + keywords * sizeof(uint32_t) +
                                       ((scores + 3) & ~(size_t)3);
}

#endif
