/* SPDX-License-Identifier: Apache-2.0 */
/* One exported model on a device. Out, 32 bits each: the answer of its self-test, the stack that a
 * run used. Calls of `mark` stand at the begin and the end of a run, then at the begin of another
 * and after each of its ops, for what counts instructions from outside. */
#include "model.h"
#include "port.h"

enum { STACK = 32768, UNTOUCHED = 0xA5 };

int model_selftest(void);

__attribute__((noinline)) void mark(void) {
    __asm__ volatile("");
}

static void mark_op(void *user, size_t op, const void *output, size_t size) {
    (void)user;
    (void)op;
    (void)output;
    (void)size;
    mark();
}

static uint8_t arena[MODEL_ARENA_SIZE + 1], input[MODEL_INPUT_SIZE];
static int32_t outputs[MODEL_OUTPUT_COUNT];

/* The stack grows downwards on all targets: what lies below this frame is free. The first function
 * leaves marks there, the second runs the model, the third finds how deep it came. */
static __attribute__((noinline)) uintptr_t paint(void) {
    volatile uint8_t below[STACK];
    for (size_t i = 0; i < STACK; i++) {
        below[i] = UNTOUCHED;
    }
    return (uintptr_t)below;
}

static __attribute__((noinline)) void run(void) {
    dpt_run(&model, NULL, arena, MODEL_ARENA_SIZE, input, outputs);
}

static __attribute__((noinline)) uint32_t stack_used(void) {
    const volatile uint8_t *bottom = (const volatile uint8_t *)paint();
    run();
    size_t free_bytes = 0;
    while (free_bytes < STACK && bottom[free_bytes] == UNTOUCHED) {
        free_bytes++;
    }
    return (uint32_t)(STACK - free_bytes);
}

int device_main(void) {
    uint32_t answer[2];
    for (size_t i = 0; i < MODEL_INPUT_SIZE; i++) {
        input[i] = (uint8_t)(i * 37u);
    }
    mark();
    dpt_run(&model, NULL, arena, MODEL_ARENA_SIZE, input, outputs);
    mark();
    mark();
    dpt_run_traced(&model, NULL, arena, MODEL_ARENA_SIZE, input, outputs, mark_op, NULL);
    answer[0] = (uint32_t)model_selftest();
    answer[1] = stack_used();
    port_write(answer, sizeof answer);
    return 0;
}
