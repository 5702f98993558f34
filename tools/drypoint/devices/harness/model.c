/* SPDX-License-Identifier: Apache-2.0 */
/* One exported model on a device. Out, 32 bits each: the answer of its self-test, the stack that a
 * run used, and the stack that each of its ops used by itself. Calls of `mark` stand at the begin
 * and the end of a run, then at the begin of another and after each of its ops, for what counts
 * instructions from outside. */
#include "model.h"
#include "port.h"

enum { STACK = 65536, UNTOUCHED = 0xA5 };

int model_selftest(void);

#ifdef __wasm__ /* the host counts */
__attribute__((import_module("port"), import_name("mark"))) extern void mark(void);
#else
__attribute__((noinline)) void mark(void) {
    __asm__ volatile("");
}
#endif

static void mark_op(void *user, size_t op, const void *output, size_t size) {
    (void)user;
    (void)op;
    (void)output;
    (void)size;
    mark();
}

/* Large enough to run each op alone: its planes lie in the arena of a whole run. */
static uint8_t arena[MODEL_ARENA_SIZE + 1], input[MODEL_INPUT_SIZE + MODEL_ARENA_SIZE];
static int32_t outputs[MODEL_OUTPUT_COUNT + MODEL_ARENA_SIZE / 4 + 1];

/* The stack grows downwards on all targets: what lies below this frame is free. The first function
 * leaves marks there, the second runs a model and finds how deep it came. */
static __attribute__((noinline)) uintptr_t paint(void) {
    volatile uint8_t below[STACK];
    for (size_t i = 0; i < STACK; i++) {
        below[i] = UNTOUCHED;
    }
    return (uintptr_t)below;
}

static __attribute__((noinline)) uint32_t stack_used(const dpt_model *what) {
    const volatile uint8_t *bottom = (const volatile uint8_t *)paint();
    dpt_run(what, NULL, arena, MODEL_ARENA_SIZE, input, outputs);
    size_t free_bytes = 0;
    while (free_bytes < STACK && bottom[free_bytes] == UNTOUCHED) {
        free_bytes++;
    }
    return (uint32_t)(STACK - free_bytes);
}

int device_main(void) {
    uint32_t answer;
    for (size_t i = 0; i < MODEL_INPUT_SIZE; i++) {
        input[i] = (uint8_t)(i * 37u);
    }
    mark();
    dpt_run(&model, NULL, arena, MODEL_ARENA_SIZE, input, outputs);
    mark();
    mark();
    dpt_run_traced(&model, NULL, arena, MODEL_ARENA_SIZE, input, outputs, mark_op, NULL);
    answer = (uint32_t)model_selftest();
    port_write(&answer, sizeof answer);
    answer = stack_used(&model);
    port_write(&answer, sizeof answer);
    for (size_t i = 0; i < model.n_ops; i++) {
        static dpt_op alone; /* it reads the input, in place of the tensors of a whole run */
        alone = model.ops[i];
        alone.reads[0] = alone.reads[1] = 0;
        dpt_model one = model;
        one.ops = &alone;
        one.n_ops = 1;
        answer = stack_used(&one);
        port_write(&answer, sizeof answer);
    }
    return 0;
}
