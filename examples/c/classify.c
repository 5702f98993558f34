/* SPDX-License-Identifier: Apache-2.0 */
/* Classifies images, as a program that is one file: the net is in it, and nothing is looked up.
 *
 *     musl-gcc -std=c99 -Os -static -s -DMODEL='"lenet-mnist.dpt"' classify.c -o classify \
 *         $(find ../../engine_c -type d | sed s/^/-I/) $(find ../../engine_c/src -name '*.c')
 *     ./classify < images
 *
 * Standard input holds raw images, 784 bytes each for LeNet; each becomes a line with its label. At
 * the end standard error says how much memory was in use at most and how long it took from `main`
 * to the first result: loading, checking and packing the blob, and one run. */
#define _POSIX_C_SOURCE 200809L
#include "drypoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The blob as bytes of this program: the assembler reads the file. */
__asm__(".section .rodata\n"
        ".global blob_begin\nblob_begin: .incbin \"" MODEL "\"\n"
        ".global blob_end\nblob_end: .byte 0\n"
        ".previous\n");
extern const uint8_t blob_begin[], blob_end[];

enum { MOST_OPS = 64 };

static double microseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* The most memory that was in use, as Linux counts it: "VmHWM:     2156 kB". (getrusage also counts
 * what the process was before it became this program.) */
static long most_memory(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long size = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            size = strtol(line + 6, NULL, 10);
        }
    }
    return size;
}

static dpt_status check(dpt_status status) {
    if (status != DPT_OK) {
        fprintf(stderr, "classify: %s\n", dpt_status_text(status));
        exit(1);
    }
    return status;
}

static void *room(size_t size) {
    void *memory = malloc(size + 1);
    if (memory == NULL) {
        fputs("classify: no memory\n", stderr);
        exit(1);
    }
    return memory;
}

int main(void) {
    static dpt_op loaded_ops[MOST_OPS], ops[MOST_OPS];
    const double begin = microseconds();
    dpt_model loaded, model;
    check(
        dpt_model_load(&loaded, loaded_ops, MOST_OPS, blob_begin, (size_t)(blob_end - blob_begin)));
    const size_t packed_size = dpt_packed_size(&loaded, NULL);
    check(dpt_model_pack(&model, ops, MOST_OPS, &loaded, NULL, room(packed_size), packed_size));
    const size_t input_size = dpt_elements(model.ops[0].in);
    const size_t n_outputs = dpt_elements(model.ops[model.n_ops - 1].out);
    uint8_t *arena = room(model.arena_size), *image = room(input_size);
    int32_t *outputs = room(n_outputs * sizeof *outputs);
    double first = 0;
    while (fread(image, 1, input_size, stdin) == input_size) {
        check(dpt_run(&model, NULL, arena, model.arena_size, image, outputs));
        const size_t best = dpt_argmax(outputs, n_outputs);
        if (model.n_labels > 0) {
            puts(dpt_label(&model, best));
        } else {
            printf("%lu\n", (unsigned long)best);
        }
        if (first == 0) {
            first = microseconds() - begin;
        }
    }
    fprintf(stderr, "%ld KB of memory at most, first result %.0f us after main, %s\n",
            most_memory(), first, model.backend->name);
    return 0;
}
