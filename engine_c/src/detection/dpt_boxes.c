/* SPDX-License-Identifier: Apache-2.0 */
/* Boxes of a map whose cells state their edges: NUMERICS.md section 13. */
#include "dpt_boxes.h"

enum { BOXES_WHOLE = 1000 }; /* of iou */

/* An edge at a signed distance from the middle of cell `at` of n, clipped to the picture. */
static uint16_t find_edge(const dpt_decoder *d, size_t at, size_t n, int32_t v, int sign) {
    const int64_t side = (int64_t)BOXES_PARTS * d->cell;
    const int64_t reach = ((int64_t)v * d->mult + ((int64_t)1 << (d->shift - 1))) >> d->shift;
    const int64_t edge = side * (int64_t)at + side / 2 + sign * reach, end = side * (int64_t)n;
    return (uint16_t)(edge < 0 ? 0 : edge > end ? end : edge);
}

static int find_box(const dpt_decoder *d, dpt_tensor map, size_t y, size_t x, const int32_t *edges,
                    dpt_box *box) {
    box->left = find_edge(d, x, map.w, edges[0], -1);
    box->top = find_edge(d, y, map.h, edges[1], -1);
    box->right = find_edge(d, x, map.w, edges[2], 1);
    box->bottom = find_edge(d, y, map.h, edges[3], 1);
    return box->left < box->right && box->top < box->bottom;
}

static uint32_t find_area(int32_t left, int32_t top, int32_t right, int32_t bottom) {
    return left < right && top < bottom ? (uint32_t)(right - left) * (uint32_t)(bottom - top) : 0;
}

static int overlaps(const dpt_box *a, const dpt_box *b, uint32_t iou) {
    const uint32_t common =
        find_area(boxes_larger(a->left, b->left), boxes_larger(a->top, b->top),
                  boxes_smaller(a->right, b->right), boxes_smaller(a->bottom, b->bottom));
    const uint64_t both = (uint64_t)find_area(a->left, a->top, a->right, a->bottom) +
                          find_area(b->left, b->top, b->right, b->bottom);
    return (uint64_t)common * BOXES_WHOLE > iou * (both - common);
}

dpt_status dpt_boxes(const dpt_model *model, const dpt_decoder *decoder, const int32_t *output,
                     dpt_box *boxes, size_t *n) {
    const dpt_status status =
        dpt_find_candidates(model, decoder, output, boxes, n, BOXES_EDGES, find_box);
    if (status != DPT_OK) {
        return status;
    }
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        size_t j = 0;
        while (j < kept && (boxes[j].value != boxes[i].value ||
                            !overlaps(&boxes[i], &boxes[j], decoder->iou))) {
            j++;
        }
        if (j == kept) {
            boxes[kept++] = boxes[i];
        }
    }
    *n = kept;
    return DPT_OK;
}
