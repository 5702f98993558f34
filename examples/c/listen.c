/* SPDX-License-Identifier: Apache-2.0 */
/* Listens to samples with the program of a file, and prints what is detected, with its time.
 *
 *     cc -std=c99 -O2 listen.c -o listen \
 *         $(find ../../engine_c -type d | sed s/^/-I/) $(find ../../engine_c/src -name '*.c')
 *     ./listen okay_nabu.dpt < recording.wav
 *     arecord -q -t raw -f S16_LE -c 1 -r 16000 | ./listen okay_nabu.dpt
 * Standard input holds int16 samples, the lower byte first, of one channel at the program's rate; a
 * WAV file's header is skipped. Without a detector in the program each decision becomes a line. */
#include "drypoint_listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OPS = 256, MOST_BLOB = 1 << 22, PORTION = 160, HEADER = 44 };

static dpt_status check(dpt_status status) {
    if (status < 0) {
        fprintf(stderr, "listen: %s\n", dpt_status_text(status));
        exit(1);
    }
    return status;
}

static void *room(size_t size) {
    void *memory = calloc(1, size + 1);
    if (memory == NULL) {
        fputs("listen: no memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* The next samples of standard input: how many came. */
static size_t read_samples(int16_t *samples, size_t n) {
    static uint8_t bytes[2 * PORTION];
    static int begun;
    if (!begun) { /* `RIFF....WAVEfmt `: a header as most programs write it, of 44 bytes */
        begun = 1;
        if (fread(bytes, 1, HEADER, stdin) < HEADER) {
            return 0;
        }
        if (memcmp(bytes, "RIFF", 4) != 0) {
            for (size_t i = 0; i < HEADER / 2; i++) {
                samples[i] = (int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
            }
            return HEADER / 2;
        }
        if (memcmp(bytes + 36, "data", 4) != 0 || bytes[20] != 1 || bytes[22] != 1 ||
            bytes[34] != 16) {
            fputs("listen: wanted a WAV file of one channel of 16 bits\n", stderr);
            exit(1);
        }
    }
    const size_t read = fread(bytes, 2, n, stdin);
    for (size_t i = 0; i < read; i++) {
        samples[i] = (int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
    }
    return read;
}

static void print_line(const dpt_listener *listener, double seconds, size_t value) {
    const char *label = dpt_label(listener->model, value);
    if (*label != 0) {
        printf("%.2f s: %s\n", seconds, label);
    } else {
        printf("%.2f s: %lu\n", seconds, (unsigned long)value);
    }
    fflush(stdout);
}

int main(int n_arguments, char **arguments) {
    FILE *file = n_arguments == 2 ? fopen(arguments[1], "rb") : NULL;
    if (file == NULL) {
        fputs("usage: listen PROGRAM.dpt < SAMPLES\n", stderr);
        return 2;
    }
    uint8_t *blob = room(MOST_BLOB);
    const size_t blob_size = fread(blob, 1, MOST_BLOB, file);
    fclose(file);
    static dpt_op ops[MOST_OPS];
    dpt_model model;
    dpt_listener listener;
    dpt_sound sound;
    check(dpt_model_load(&model, ops, MOST_OPS, blob, blob_size));
    check(dpt_sound_load(&listener, &sound, room(blob_size), blob_size, &model, blob, blob_size));
    const size_t size = dpt_listen_size(&listener), n_outputs = dpt_output_count(&model);
    void *memory = room(size);
    int32_t *output = room(n_outputs * sizeof *output);
    check(dpt_listen_reset(&listener, memory, size));
    int16_t samples[PORTION];
    unsigned long heard = 0;
    size_t n;
    while ((n = read_samples(samples, PORTION)) > 0) {
        const int16_t *at = samples;
        size_t keyword;
        heard += n;
        while (check(dpt_listen(&listener, memory, size, &at, &n, output)) == DPT_OK) {
            const double seconds = (double)(heard - n) / listener.rate;
            const int detects = listener.detector.window != 0;
            if (!detects) {
                print_line(&listener, seconds, dpt_argmax(output, n_outputs));
            } else if (dpt_keywords(&listener, memory, size, output, &keyword) == DPT_OK) {
                print_line(&listener, seconds, keyword);
            }
        }
    }
    return 0;
}
