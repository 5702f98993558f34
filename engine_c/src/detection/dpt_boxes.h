/* SPDX-License-Identifier: Apache-2.0 */
/* What dpt_boxes and dpt_cells share: candidates. */
#ifndef DPT_BOXES_H
#define DPT_BOXES_H

#include "drypoint_boxes.h"

#include "dpt_internal.h"

enum { BOXES_PARTS = 16, BOXES_EDGES = 4 };

/* The box of a cell, 0 if it has no area. */
typedef int (*boxes_of_cell)(const dpt_decoder *d, dpt_tensor map, size_t y, size_t x,
                             const int32_t *edges, dpt_box *box);

/* Puts a box in front of a list's box `at`, behind which n - at boxes move up, each past the new
 * one: a compiler makes no memmove of that. */
static inline void boxes_insert(dpt_box *boxes, size_t n, size_t at, dpt_box box) {
    boxes[n] = box;
    for (; n > at; n--) {
        boxes[n] = boxes[n - 1];
        boxes[n - 1] = box;
    }
}

static inline int32_t boxes_smaller(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static inline int32_t boxes_larger(int32_t a, int32_t b) {
    return a < b ? b : a;
}

/* The candidates of a map in their order. */
dpt_status dpt_find_candidates(const dpt_model *model, const dpt_decoder *d, const int32_t *output,
                               dpt_box *boxes, size_t *n, size_t edges, boxes_of_cell of_cell);

#endif
