/* SPDX-License-Identifier: Apache-2.0 */
/* One exported model on a device. Out, 32 bits each: the answer of its self-test, the stack that a
 * run used (of a model that listens, NAME_listen up to its second decision), the stack that each of
 * its ops used by itself, and the op of each mark. Calls of `mark`
 * stand at the begin and the end of a run, then at the begin of another and whenever one of its ops
 * has computed its output or rows of it, for what counts instructions from outside; of a model that
 * listens also before and after a frame of its front end. */
#include "model.h"
#include "port.h"

enum { STACK = 65536, UNTOUCHED = 0xA5, MOST_MARKS = 4096 };

int model_selftest(void);

#ifdef __wasm__ /* the host counts */
__attribute__((import_module("port"), import_name("mark"))) extern void mark(void);
#else
__attribute__((noinline)) void mark(void) {
    __asm__ volatile("");
}
#endif

static uint32_t marks[MOST_MARKS]; /* the op of each mark */
static size_t n_marks;

static void mark_op(void *user, size_t op, size_t at, const void *output, size_t size) {
    (void)user;
    (void)at;
    (void)output;
    (void)size;
    if (n_marks == MOST_MARKS) {
        port_exit(94);
    }
    marks[n_marks++] = (uint32_t)op;
    mark();
}

/* An op that runs row by row computes one row, so that its planes fit. */
static void make_small(dpt_op *op) {
    const int32_t pool = op->pool_h != 0 ? op->pool_h : 1;
    const int32_t dilation = op->dilation_h != 0 ? op->dilation_h : 1;
    const int32_t reach =
        op->kernel_h == 0 ? 1 : (pool - 1) * op->stride_h + (op->kernel_h - 1) * dilation + 1;
    if (op->rows != 0 && reach <= op->in.h) {
        op->in.h = (uint16_t)reach;
        op->in2.h = op->in2.h != 0;
        op->out.h = 1;
        op->pad_top = op->pad_bottom = 0;
    }
    op->rows = 0;
    op->marks = 0;
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

#ifdef MODEL_STATE_SIZE
#define RUN        dpt_step
#define RUN_TRACED dpt_step_traced

static void go(size_t steps) {
    for (size_t i = 0; i < steps; i++) {
        dpt_step(&model, NULL, arena, MODEL_ARENA_SIZE, input, outputs);
    }
}

/* Up to the step in which the last op runs, and up to the next such step. */
static void go_to_first_output(void) {
    dpt_reset(&model, arena, MODEL_ARENA_SIZE);
    go(MODEL_FIRST_OUTPUT - 1);
}
static void go_to_output(void) {
    go(MODEL_OUTPUT_PERIOD - 1);
}
#else
#define RUN        dpt_run
#define RUN_TRACED dpt_run_traced
static void go_to_first_output(void) {
}
static void go_to_output(void) {
}
#endif

static uint32_t painted_over(const volatile uint8_t *bottom) {
    size_t free_bytes = 0;
    while (free_bytes < STACK && bottom[free_bytes] == UNTOUCHED) {
        free_bytes++;
    }
    return (uint32_t)(STACK - free_bytes);
}

static __attribute__((noinline)) uint32_t stack_used(const dpt_model *what) {
    const volatile uint8_t *bottom = (const volatile uint8_t *)paint();
    if (what->state_size != 0) {
        RUN(what, NULL, arena, MODEL_ARENA_SIZE, input, outputs);
    } else {
        dpt_run(what, NULL, arena, MODEL_ARENA_SIZE, input, outputs);
    }
    return painted_over(bottom);
}

#ifdef MODEL_LISTEN_SIZE
/* A frame of the largest front end: its instructions do not depend on the samples. */
static void run_front_end(void) {
    static int16_t samples[4096];
    static uint32_t noise[2048], work[2048];
    static uint16_t features[2048];
    mark();
    dpt_sound_frames(model_listener.sound, 1, samples, noise, work, features);
    mark();
}

/* Up to the second decision: between the two every op of a stream runs. */
static __attribute__((noinline)) uint32_t whole_stack_used(void) {
    static uint32_t memory[MODEL_LISTEN_SIZE / 4];
    static int16_t samples[256];
    for (size_t i = 0; i < 256; i++) {
        samples[i] = (int16_t)(i * 40503u);
    }
    const volatile uint8_t *bottom = (const volatile uint8_t *)paint();
    dpt_status status = model_listen_reset(memory);
    for (int decisions = 0; decisions < 2 && status >= 0;) {
        const int16_t *at = samples;
        size_t n = 256, keyword;
        while (n > 0 && (status = model_listen(memory, &at, &n, outputs)) == DPT_OK) {
            dpt_keywords(&model_listener, memory, sizeof memory, outputs, &keyword);
            decisions++;
        }
    }
    if (status < 0) {
        port_exit(94);
    }
    return painted_over(bottom);
}
#else
static void run_front_end(void) {
}
static uint32_t whole_stack_used(void) {
    go_to_output();
    return stack_used(&model);
}
#endif

int device_main(void) {
    uint32_t answer;
    for (size_t i = 0; i < MODEL_INPUT_SIZE; i++) {
        input[i] = (uint8_t)(i * 37u);
    }
    go_to_first_output();
    mark();
    RUN(&model, NULL, arena, MODEL_ARENA_SIZE, input, outputs);
    mark();
    go_to_output();
    mark();
    RUN_TRACED(&model, NULL, arena, MODEL_ARENA_SIZE, input, outputs, mark_op, NULL);
    run_front_end();
    answer = (uint32_t)model_selftest();
    port_write(&answer, sizeof answer);
    answer = whole_stack_used();
    port_write(&answer, sizeof answer);
    for (size_t i = 0; i < model.n_ops; i++) {
        static dpt_op alone; /* it reads the input, in place of the tensors of a whole run */
        alone = model.ops[i];
        alone.reads[0] = alone.reads[1] = 0;
        make_small(&alone);
        dpt_model one = model;
        one.ops = &alone;
        one.n_ops = 1;
        one.state_size = 0;
        answer = stack_used(&one);
        port_write(&answer, sizeof answer);
    }
    port_write(marks, n_marks * sizeof marks[0]);
    return 0;
}
