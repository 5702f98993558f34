/* SPDX-License-Identifier: Apache-2.0
 *
 * drypoint, boxes: from the map that a model makes of a picture to the things in it, in integers.
 * NUMERICS.md section 13 specifies the rules.
 *
 *     #include "scenes.h"                                  // made by `drypoint export`
 *     dpt_box boxes[SCENES_BOXES_MOST];
 *     size_t n;
 *     dpt_run(&scenes, NULL, arena, sizeof arena, input, output);
 *     scenes_boxes(output, boxes, &n);                     // boxes[0] to boxes[n - 1]
 */
#ifndef DRYPOINT_BOXES_H
#define DRYPOINT_BOXES_H

#include "drypoint.h"

#ifdef __cplusplus
extern "C" {
#endif

/* cffi: begin (what stands between the two marks is also the declaration that Python reads) */

/* A thing in a picture. Edges are in sixteenths of a pixel, from the picture's left and top. */
typedef struct dpt_box {
    int32_t score;  /* in steps of the output's scale; of a softmax in units of 2^-30 */
    uint16_t value; /* the channel of its class, which dpt_label names */
    uint16_t left, top, right, bottom;
} dpt_box;

/* How a map becomes boxes: NUMERICS.md section 13 has the ranges, which callers keep. */
typedef struct dpt_decoder {
    const int32_t *cutoffs; /* a candidate's score is above the cutoff of its class */
    uint32_t mult;          /* an edge v is (v * mult + 2^(shift - 1)) >> shift sixteenths of a */
    uint8_t shift;          /* pixel; of cells unused */
    uint8_t first;          /* the channel of the first class */
    uint16_t classes;
    uint16_t cell; /* pixels of a side of a cell */
    uint16_t iou;  /* thousandths; of cells unused */
    uint16_t most; /* candidates at most, so boxes at most */
} dpt_decoder;

/* Makes boxes of the last output of a model, best first.
 *
 * output: what dpt_run wrote.
 * boxes: the caller's memory for decoder->most boxes.
 * n: receives the number of boxes.
 * Returns DPT_OK, or DPT_E_ARGUMENT: a pointer is NULL, or the output has other channels than the
 * decoder reads. */
dpt_status dpt_boxes(const dpt_model *model, const dpt_decoder *decoder, const int32_t *output,
                     dpt_box *boxes, size_t *n);

/* The boxes around the cells of a class that touch, best first; arguments as of dpt_boxes. With a
 * softmax a cell has at most 32 channels. */
dpt_status dpt_cells(const dpt_model *model, const dpt_decoder *decoder, const int32_t *output,
                     dpt_box *boxes, size_t *n);

/* cffi: end */

#ifdef __cplusplus
}
#endif
#endif
