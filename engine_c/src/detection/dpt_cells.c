/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes around the cells of a class that touch: NUMERICS.md section 13. */
#include "dpt_boxes.h"

static int find_cell(const dpt_decoder *d, dpt_tensor map, size_t y, size_t x, const int32_t *edges,
                     dpt_box *box) {
    const size_t side = (size_t)BOXES_PARTS * d->cell;
    (void)map;
    (void)edges;
    box->left = (uint16_t)(side * x);
    box->top = (uint16_t)(side * y);
    box->right = (uint16_t)(side * (x + 1));
    box->bottom = (uint16_t)(side * (y + 1));
    return 1;
}

/* Whether two boxes of one class have a point in common, an edge or corner counted. */
static int touch(const dpt_box *a, const dpt_box *b) {
    return a->value == b->value && a->left <= b->right && b->left <= a->right &&
           a->top <= b->bottom && b->top <= a->bottom;
}

static void include_box(dpt_box *box, const dpt_box *other) {
    box->score = boxes_larger(box->score, other->score);
    box->left = (uint16_t)boxes_smaller(box->left, other->left);
    box->top = (uint16_t)boxes_smaller(box->top, other->top);
    box->right = (uint16_t)boxes_larger(box->right, other->right);
    box->bottom = (uint16_t)boxes_larger(box->bottom, other->bottom);
}

dpt_status dpt_cells(const dpt_model *model, const dpt_decoder *decoder, const int32_t *output,
                     dpt_box *boxes, size_t *n) {
    const dpt_status status = dpt_find_candidates(model, decoder, output, boxes, n, 0, find_cell);
    if (status != DPT_OK) {
        return status;
    }
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        dpt_box box = boxes[i];
        size_t at = kept, j = 0;
        while (j < kept) {
            if (!touch(&boxes[j], &box)) {
                j++;
                continue;
            }
            include_box(&box, &boxes[j]);
            at = j < at ? j : at;
            kept--;
            for (; j < kept; j++) {
                boxes[j] = boxes[j + 1];
                boxes[j + 1] = box; /* free; a compiler makes no memmove of that */
            }
            j = 0; /* the larger box may touch an earlier one */
        }
        boxes_insert(boxes, kept++, at, box);
    }
    *n = kept;
    return DPT_OK;
}
