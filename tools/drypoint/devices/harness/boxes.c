/* SPDX-License-Identifier: Apache-2.0 */
/* An exported model that finds boxes. In: the number of inputs in 32 bits, and the inputs. Out: the
 * number of boxes of each in 32 bits. Calls of `mark` stand before and behind MODEL_boxes. */
#include "model.h"
#include "port.h"

__attribute__((noinline)) void mark(void) {
    __asm__ volatile("");
}

int device_main(void) {
    static uint8_t arena[MODEL_ARENA_SIZE], input[MODEL_INPUT_SIZE];
    static int32_t outputs[MODEL_OUTPUT_COUNT];
    static dpt_box boxes[MODEL_BOXES_MOST];
    uint32_t left;
    for (port_read(&left, sizeof left); left > 0; left--) {
        size_t n;
        port_read(input, sizeof input);
        if (dpt_run(&model, NULL, arena, sizeof arena, input, outputs) != DPT_OK) {
            return 1;
        }
        mark();
        const dpt_status status = model_boxes(outputs, boxes, &n);
        mark();
        const uint32_t found = status == DPT_OK ? (uint32_t)n : UINT32_MAX;
        port_write(&found, sizeof found);
    }
    return 0;
}
