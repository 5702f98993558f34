/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords from decisions: NUMERICS.md section 12. */
#include "dpt_keywords.h"

#include "dpt_internal.h"

#include <string.h>

enum { KEYWORDS_MOST_VALUES = 32, KEYWORDS_MOST_SCORE = 0xFFFF, KEYWORDS_SOFTMAX_SHIFT = 14 };

/* The scores of all values of the last output. */
static void find_scores(const dpt_model *model, const int32_t *output, int32_t *scores) {
    const dpt_op *last = &model->ops[model->n_ops - 1];
    const size_t n = dpt_elements(last->out);
    const int is_softmax = model->softmax.mult != 0;
    memcpy(scores, output + last->out_offset, n * sizeof *scores);
    if (is_softmax) {
        dpt_softmax(scores, n, model->softmax, scores);
    }
    for (size_t k = 0; k < n; k++) {
        const int32_t score = is_softmax ? scores[k] >> KEYWORDS_SOFTMAX_SHIFT : scores[k];
        scores[k] = score < 0 ? 0 : score > KEYWORDS_MOST_SCORE ? KEYWORDS_MOST_SCORE : score;
    }
}

dpt_status dpt_keywords(const dpt_listener *listener, void *memory, size_t memory_size,
                        const int32_t *output, size_t *keyword) {
    if (listener == NULL || memory == NULL || ((uintptr_t)memory & 3u) != 0 || output == NULL ||
        keyword == NULL) {
        return DPT_E_ARGUMENT;
    }
    const dpt_keyword_detector *detector = &listener->detector;
    const size_t size = dpt_listen_size(listener);
    if (memory_size < size) {
        return DPT_E_ARENA;
    }
    if (detector->window == 0) {
        return DPT_E_STATE;
    }
    uint8_t *own = (uint8_t *)memory + size - keywords_size(detector);
    keywords_counters *counters = (keywords_counters *)(void *)own;
    uint32_t *sums = (uint32_t *)(void *)(own + sizeof *counters);
    const size_t keywords = keywords_count(detector);
    uint16_t *oldest = (uint16_t *)(void *)(sums + keywords) + counters->at * keywords;
    int32_t scores[KEYWORDS_MOST_VALUES];
    find_scores(listener->model, output, scores);
    uint32_t largest = 0;
    size_t best = 0, j = 0;
    for (size_t k = 0; k < KEYWORDS_MOST_VALUES; k++) {
        if ((detector->keywords >> k & 1u) == 0) {
            continue;
        }
        sums[j] = sums[j] - oldest[j] + (uint32_t)scores[k]; /* a sum holds its oldest score */
        oldest[j] = (uint16_t)scores[k];
        best = sums[j] > largest ? k : best;
        largest = sums[j] > largest ? sums[j] : largest;
        j++;
    }
    counters->at = counters->at + 1 == detector->window ? 0 : counters->at + 1;
    if (counters->wait > 0) {
        counters->wait--;
        return DPT_NO_OUTPUT;
    }
    if (largest <= detector->cutoff) {
        return DPT_NO_OUTPUT;
    }
    counters->wait = detector->hold;
    *keyword = best;
    return DPT_OK;
}
