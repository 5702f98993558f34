/* SPDX-License-Identifier: Apache-2.0 */
/* Lists the boxes of maps on a device. All numbers are 32 bits in the device's byte order.
 *
 * In: the number of decoders; for each: 0 for boxes or 1 for cells; height, width, channels; mult,
 * shift, first, classes, cell, iou, most; mult and shift of the softmax; the cutoffs; the number of
 * maps, and the maps.
 * Out, for each map: the number of boxes, and for each value, score, left, top, right, bottom. */
#include "drypoint_boxes.h"
#include "port.h"

#include <string.h>

enum { MOST_VALUES = 1024, MOST_BOXES = 101, GUARD = 0x5A };

static uint32_t get(void) {
    uint32_t number;
    port_read(&number, sizeof number);
    return number;
}

static void put(uint32_t number) {
    port_write(&number, sizeof number);
}

static void list_boxes(int is_cells, const dpt_model *model, const dpt_decoder *decoder,
                       const int32_t *map) {
    static dpt_box boxes[MOST_BOXES];
    size_t n = SIZE_MAX;
    memset(boxes, GUARD, sizeof boxes);
    if ((is_cells ? dpt_cells : dpt_boxes)(model, decoder, map, boxes, &n) != DPT_OK) {
        port_exit(97);
    }
    const uint8_t *const bytes = (const uint8_t *)boxes;
    for (size_t i = decoder->most * sizeof *boxes; i < sizeof boxes; i++) {
        if (bytes[i] != GUARD) {
            port_exit(98);
        }
    }
    put((uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        put(boxes[i].value);
        put((uint32_t)boxes[i].score);
        put(boxes[i].left);
        put(boxes[i].top);
        put(boxes[i].right);
        put(boxes[i].bottom);
    }
}

int device_main(void) {
    static int32_t cutoffs[32], map[MOST_VALUES];
    for (uint32_t left = get(); left > 0; left--) {
        dpt_op op;
        dpt_model model;
        memset(&op, 0, sizeof op);
        memset(&model, 0, sizeof model);
        model.ops = &op;
        model.n_ops = 1;
        const int is_cells = (int)get();
        op.out.h = get();
        op.out.w = get();
        op.out.c = get();
        dpt_decoder decoder = {.cutoffs = cutoffs, .mult = get()};
        decoder.shift = (uint8_t)get();
        decoder.first = (uint8_t)get();
        decoder.classes = (uint16_t)get();
        decoder.cell = (uint16_t)get();
        decoder.iou = (uint16_t)get();
        decoder.most = (uint16_t)get();
        model.softmax.mult = get();
        model.softmax.shift = (uint8_t)get();
        const size_t size = sizeof *map * dpt_elements(op.out);
        if (decoder.classes > 32 || decoder.most >= MOST_BOXES || size > sizeof map) {
            port_exit(94);
        }
        port_read(cutoffs, decoder.classes * sizeof *cutoffs);
        for (uint32_t maps = get(); maps > 0; maps--) {
            port_read(map, size);
            list_boxes(is_cells, &model, &decoder, map);
        }
    }
    return 0;
}
