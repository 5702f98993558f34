/* SPDX-License-Identifier: Apache-2.0 */
/* The cells of a map whose scores are above the cutoffs: NUMERICS.md section 13. */
#include "dpt_boxes.h"

enum { BOXES_MOST_SOFTMAX = 32 };

dpt_status dpt_find_candidates(const dpt_model *model, const dpt_decoder *d, const int32_t *output,
                               dpt_box *boxes, size_t *n, size_t edges, boxes_of_cell of_cell) {
    if (model == NULL || d == NULL || output == NULL || boxes == NULL || n == NULL) {
        return DPT_E_ARGUMENT;
    }
    const dpt_op *last = &model->ops[model->n_ops - 1];
    const size_t channels = last->out.c, end = (size_t)d->first + d->classes;
    const int is_softmax = model->softmax.mult != 0;
    if (channels != end + edges || d->classes == 0 || d->most == 0 ||
        (is_softmax && channels > BOXES_MOST_SOFTMAX)) {
        return DPT_E_ARGUMENT;
    }
    const int32_t *cell = output + last->out_offset;
    size_t count = 0;
    for (size_t y = 0; y < last->out.h; y++) {
        for (size_t x = 0; x < last->out.w; x++, cell += channels) {
            int32_t shares[BOXES_MOST_SOFTMAX];
            const int32_t *scores = cell;
            if (is_softmax) {
                dpt_softmax(cell, channels, model->softmax, shares);
                scores = shares;
            }
            size_t best = d->first;
            for (size_t k = best + 1; k < end; k++) {
                best = scores[k] > scores[best] ? k : best;
            }
            const int32_t score = scores[best];
            dpt_box box;
            if (score <= d->cutoffs[best - d->first] ||
                (count == d->most && score <= boxes[count - 1].score) ||
                !of_cell(d, last->out, y, x, cell + end, &box)) {
                continue;
            }
            box.score = score;
            box.value = (uint16_t)best;
            count -= count == d->most;
            size_t at = count++;
            while (at > 0 && boxes[at - 1].score < score) {
                at--;
            }
            boxes_insert(boxes, count - 1, at, box);
        }
    }
    *n = count;
    return DPT_OK;
}
