/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as a C program sees it, timed: `speed BLOB IMAGES BACKEND` loads, packs and runs once,
 * says so in a line, and then answers commands, one a line:
 *
 *   time N MS     calls of N inputs each, for about MS milliseconds: nanoseconds of each call
 *   layers MS     runs of one input: for each op the nanoseconds of each run, a line an op
 *   decide        the index of the largest output, for every input
 *
 * IMAGES holds inputs, one after the other. The first line reads
 * "ready LOAD PACK FIRST PACKED ARENA": nanoseconds of the three, then bytes. */
#define _POSIX_C_SOURCE 200809L
#include "drypoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_OPS   256
#define MOST_CALLS 20000
#define MOST_BATCH 1024
#define FEWEST     3 /* calls that are timed however long they take */

static double nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "speed: %s\n", what);
    exit(1);
}

static void *room(size_t size) {
    void *memory = malloc(size > 0 ? size : 1);
    if (memory == NULL) {
        fail("no memory");
    }
    return memory;
}

static uint8_t *file_bytes(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        fail("cannot open a file");
    }
    const long length = ftell(file);
    uint8_t *bytes = room((size_t)length);
    rewind(file);
    if (length < 0 || fread(bytes, 1, (size_t)length, file) != (size_t)length) {
        fail("cannot read a file");
    }
    fclose(file);
    *size = (size_t)length;
    return bytes;
}

static const dpt_backend *backend_named(const char *name) {
    for (size_t i = 0; dpt_backend_at(i) != NULL; i++) {
        if (strcmp(dpt_backend_at(i)->name, name) == 0 && dpt_backend_at(i)->available()) {
            return dpt_backend_at(i);
        }
    }
    fail("no such backend here");
    return NULL;
}

static void check(dpt_status status) {
    if (status != DPT_OK) {
        fail(dpt_status_text(status));
    }
}

static dpt_op loaded_ops[MOST_OPS], ops[MOST_OPS];
static dpt_model loaded, model;
static const uint8_t *images;
static size_t n_images, input_size, output_count;
static void *arena;
static int32_t *outputs;
static double taken[MOST_CALLS]; /* nanoseconds */
static double clock_cost;        /* of reading the clock once, nanoseconds */

static void run(size_t at, size_t n) {
    check(dpt_run_batch(&model, NULL, arena, n * model.arena_size, images + at * input_size,
                        outputs, n));
}

static void print_taken(size_t calls) {
    for (size_t i = 0; i < calls; i++) {
        printf("%.0f ", taken[i]);
    }
    printf("\n");
}

static void time_calls(size_t n, double ms) {
    const double end = nanoseconds() + 1e6 * ms;
    size_t calls = 0, at = 0;
    if (n == 0 || n > n_images) {
        fail("more inputs a call than there are");
    }
    do {
        const double begin = nanoseconds();
        run(at, n);
        taken[calls] = nanoseconds() - begin - clock_cost;
        at = at + 2 * n <= n_images ? at + n : 0;
        calls++;
    } while (calls < MOST_CALLS && (calls < FEWEST || nanoseconds() < end));
    print_taken(calls);
}

/* The trace of one run: the nanoseconds of each op, which may come in parts. */
static double spent_in[MOST_OPS];

static void note(void *user, size_t op, size_t at, const void *output, size_t size) {
    double *before = user;
    const double now = nanoseconds();
    (void)output;
    (void)size;
    spent_in[op] = (at == 0 ? 0 : spent_in[op]) + now - *before - clock_cost;
    *before = now;
}

static void time_layers(double ms) {
    static double spent[MOST_OPS][MOST_CALLS];
    const double end = nanoseconds() + 1e6 * ms;
    size_t calls = 0;
    do {
        double before = nanoseconds();
        check(dpt_run_traced(&model, NULL, arena, model.arena_size,
                             images + calls % n_images * input_size, outputs, note, &before));
        for (size_t i = 0; i < model.n_ops; i++) {
            spent[i][calls] = spent_in[i];
        }
        calls++;
    } while (calls < MOST_CALLS && (calls < FEWEST || nanoseconds() < end));
    for (size_t i = 0; i < model.n_ops; i++) {
        memcpy(taken, spent[i], calls * sizeof taken[0]);
        print_taken(calls);
    }
}

static void decide(void) {
    for (size_t i = 0; i < n_images; i++) {
        run(i, 1);
        printf("%zu ", dpt_argmax(outputs, output_count));
    }
    printf("\n");
}

static double cost_of_clock(void) {
    double best = 1e9;
    for (int i = 0; i < 1000; i++) {
        const double begin = nanoseconds(), cost = nanoseconds() - begin;
        best = cost < best ? cost : best;
    }
    return best;
}

int main(int argc, char **argv) {
    size_t blob_size = 0, images_size = 0;
    if (argc != 4) {
        fail("speed BLOB IMAGES BACKEND");
    }
    const dpt_backend *backend = backend_named(argv[3]);
    const uint8_t *blob = file_bytes(argv[1], &blob_size);
    images = file_bytes(argv[2], &images_size);
    clock_cost = cost_of_clock();

    const double begin = nanoseconds();
    check(dpt_model_load(&loaded, loaded_ops, MOST_OPS, blob, blob_size));
    const double is_loaded = nanoseconds();
    const size_t packed_size = dpt_packed_size(&loaded, backend);
    void *packed = room(packed_size);
    check(dpt_model_pack(&model, ops, MOST_OPS, &loaded, backend, packed, packed_size));
    input_size = dpt_elements(model.ops[0].in);
    output_count = dpt_output_count(&model);
    n_images = images_size / input_size;
    const size_t batch = n_images < MOST_BATCH ? n_images : MOST_BATCH;
    arena = room(batch * model.arena_size);
    outputs = room(batch * output_count * sizeof *outputs);
    const double is_packed = nanoseconds();
    if (n_images == 0) {
        fail("no inputs");
    }
    run(0, 1);
    printf("ready %.0f %.0f %.0f %zu %zu\n", is_loaded - begin, is_packed - is_loaded,
           nanoseconds() - is_packed, packed_size, (size_t)model.arena_size);
    fflush(stdout);

    char command[8];
    size_t n = 0, ms = 0;
    while (scanf("%7s", command) == 1) {
        if (strcmp(command, "time") == 0 && scanf("%zu %zu", &n, &ms) == 2) {
            time_calls(n, (double)ms);
        } else if (strcmp(command, "layers") == 0 && scanf("%zu", &ms) == 1) {
            time_layers((double)ms);
        } else if (strcmp(command, "decide") == 0) {
            decide();
        } else {
            fail("no such command");
        }
        fflush(stdout);
    }
    return 0;
}
