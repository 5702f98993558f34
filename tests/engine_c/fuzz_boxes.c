/* SPDX-License-Identifier: Apache-2.0 */
/* The decoders of maps under libFuzzer: clang -fsanitize=fuzzer,address,undefined
 * tests/engine_c/fuzz_boxes.c $(find engine_c -type d | sed s/^/-I/) $(find engine_c/src -name
 * '*.c'); -timeout=N ends a list that takes longer. The first bytes are a decoder in its ranges and
 * a map's sides, the others the map's values, again and again. The list lies in memory of exactly
 * K boxes, and obeys the rules that need no reference: falling scores above the cutoff, edges in
 * the picture, an area. */
#include "drypoint_boxes.h"

#include "exact.h"

enum { HEAD = 12, CELLS = 10000, SIDE = 4095, CLASSES = 5 };

static uint32_t number(const uint8_t *at, uint32_t least, uint32_t most) {
    return least + (uint32_t)(at[0] | at[1] << 8) % (most - least + 1);
}

static void check_list(const dpt_decoder *d, dpt_tensor map, const dpt_box *boxes, size_t n) {
    const int is_cells = map.c == d->first + d->classes;
    if (n > d->most) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        const dpt_box *b = &boxes[i];
        if (b->value < d->first || b->value >= d->first + d->classes ||
            b->score <= d->cutoffs[b->value - d->first] || b->left >= b->right ||
            b->top >= b->bottom || b->right > 16u * d->cell * map.w ||
            b->bottom > 16u * d->cell * map.h ||
            (!is_cells && i > 0 && b->score > boxes[i - 1].score)) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size <= HEAD) {
        return 0;
    }
    const int is_cells = data[0] & 1, is_softmax = is_cells && (data[0] & 2);
    dpt_op op = {.out = {.type = DPT_I32}};
    dpt_model model = {.ops = &op, .n_ops = 1};
    model.softmax.mult = is_softmax ? 0x80000000u | number(data + 6, 0, 65535) : 0;
    model.softmax.shift = data[1] % 64;
    op.out.h = (uint16_t)number(data + 2, 1, 100);
    op.out.w = (uint16_t)number(data + 4, 1, op.out.h < 3 ? SIDE : CELLS / op.out.h);
    int32_t cutoffs[CLASSES];
    dpt_decoder decoder = {.cutoffs = cutoffs, .mult = 0x40000000u | number(data + 6, 0, 65535)};
    decoder.shift = (uint8_t)(1 + data[1] % 62);
    decoder.first = is_cells && (data[0] & 4) ? 1 : 0;
    decoder.classes = (uint16_t)(1 + data[8] % CLASSES);
    const uint32_t side = op.out.h > op.out.w ? op.out.h : op.out.w;
    decoder.cell = (uint16_t)number(data + 8, 1, SIDE / side);
    decoder.iou = (uint16_t)(is_cells ? 0 : number(data + 10, 0, 1000));
    decoder.most = (uint16_t)number(data + 9, 1, 1000);
    op.out.c = (uint16_t)(decoder.first + decoder.classes + (is_cells ? 0 : 4));
    const size_t values = dpt_elements(op.out);
    int32_t *map = exact(values * sizeof *map);
    for (size_t i = 0; i < values + decoder.classes; i++) {
        /* a byte of the input: a small number, or one near an end of int32 */
        const int32_t byte = data[HEAD + i % (size - HEAD)];
        const int32_t value = (byte & 1) != 0 ? byte / 2 - 64
                              : byte < 128    ? INT32_MIN + byte / 2
                                              : INT32_MAX - (255 - byte) / 2;
        (i < values ? map : cutoffs)[i < values ? i : i - values] = value;
    }
    dpt_box *boxes = exact(decoder.most * sizeof *boxes);
    size_t n = SIZE_MAX;
    if ((is_cells ? dpt_cells : dpt_boxes)(&model, &decoder, map, boxes, &n) != DPT_OK) {
        abort();
    }
    check_list(&decoder, op.out, boxes, n);
    release(boxes);
    release(map);
    return 0;
}
