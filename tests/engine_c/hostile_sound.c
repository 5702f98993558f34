/* SPDX-License-Identifier: Apache-2.0 */
/* hostile_sound BLOB MUTATIONS SEED: attacks the record of sound of a good blob and its tables, and
 * listens to random samples with what dpt_sound_load accepts. Meant to run under sanitizers: every
 * buffer has exactly the size of the contract. Prints how many records each status had. */
#include "drypoint_listen.h"

#include "exact.h"

#include <stdio.h>

static uint32_t state = 1; /* xorshift */

static uint32_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static unsigned long answers[16], decisions, detections;

static void put_u32(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i & 0xFFu);
    }
}

/* Listens to a few frames, enough for the first decisions of a stream of 20 rows. */
static void hear(const dpt_listener *listener) {
    const size_t size = dpt_listen_size(listener);
    if (size > 1u << 20) { /* 65,535 channels are valid, and take long */
        return;
    }
    const size_t n = 4u * listener->sound->window + 20u * listener->sound->step;
    uint32_t *memory = exact(size);
    int16_t *samples = exact(n * sizeof *samples);
    int32_t *output = exact(dpt_output_count(listener->model) * sizeof *output);
    for (size_t i = 0; i < n; i++) {
        const uint32_t r = next_random();
        samples[i] = (int16_t)((int32_t)(r & 0xFFFFu) - 0x8000);
        samples[i] = (r >> 16 & 7u) == 0 ? (int16_t)-32768 : samples[i];
    }
    const int16_t *at = samples;
    size_t left = n;
    if (dpt_listen_reset(listener, memory, size) != DPT_OK ||
        dpt_listen_reset(listener, memory, size - 1) != DPT_E_ARENA) {
        abort();
    }
    dpt_status status;
    while ((status = dpt_listen(listener, memory, size, &at, &left, output)) == DPT_OK) {
        size_t keyword = SIZE_MAX;
        const dpt_status found = dpt_keywords(listener, memory, size, output, &keyword);
        if (found == DPT_OK ? keyword >= 32 : found != DPT_NO_OUTPUT && found != DPT_E_STATE) {
            abort();
        }
        detections += found == DPT_OK;
        decisions++;
    }
    if (status != DPT_NO_OUTPUT || left != 0) {
        abort();
    }
    release(memory);
    release(samples);
    release(output);
}

/* What a caller can get wrong with a good blob. */
static void refuse_arguments(const uint8_t *blob, size_t size) {
    static dpt_op ops[MAX_OPS];
    dpt_model model;
    dpt_listener l;
    dpt_sound sound;
    uint32_t *tables = exact(1u << 17);
    uint8_t *silent = exact_copy(blob, size);
    put_u32(silent + 60, 0);
    int ok = dpt_model_load(&model, ops, MAX_OPS, blob, size) == DPT_OK;
    ok &= dpt_sound_load(NULL, &sound, tables, 1u << 17, &model, blob, size) == DPT_E_ARGUMENT;
    ok &= dpt_sound_load(&l, &sound, tables, 1u << 17, &model, silent, size) == DPT_E_STATE;
    ok &= dpt_sound_load(&l, &sound, tables, 16, &model, blob, size) == DPT_E_CAPACITY;
    ok &= dpt_sound_load(&l, &sound, tables, 1u << 17, &model, blob, size) == DPT_OK;
    ok &= dpt_blob_ops(blob, size) == model.n_ops;
    const size_t needed = dpt_listen_size(&l);
    uint32_t *memory = exact(needed);
    int32_t output[64];
    const int16_t *none = NULL;
    size_t n = 1;
    ok &= dpt_listen_reset(NULL, memory, needed) == DPT_E_ARGUMENT;
    ok &= dpt_listen_reset(&l, memory, needed) == DPT_OK;
    ok &= dpt_listen(&l, memory, needed - 1, &none, &n, output) == DPT_E_ARENA;
    ok &= dpt_listen(&l, memory, needed, &none, &n, output) == DPT_E_ARGUMENT;
    ok &= dpt_keywords(NULL, memory, needed, output, &n) == DPT_E_ARGUMENT;
    ok &= dpt_keywords(&l, memory, needed - 1, output, &n) == DPT_E_ARENA;
    if (!ok) {
        abort();
    }
    release(memory);
    release(silent);
    release(tables);
}

static void attempt(const uint8_t *bytes, size_t size) {
    uint8_t *blob = exact_copy(bytes, size);
    static dpt_op ops[MAX_OPS];
    dpt_model model;
    dpt_listener listener;
    dpt_sound sound;
    put_u32(blob + 12, dpt_crc32(0, blob + 16, size - 16));
    dpt_status status = dpt_model_load(&model, ops, MAX_OPS, blob, size);
    if (status == DPT_OK) {
        uint32_t *tables = exact(1u << 17);
        status = dpt_sound_load(&listener, &sound, tables, 1u << 17, &model, blob, size);
        if (status == DPT_OK) {
            hear(&listener);
        }
        release(tables);
    }
    answers[-(int)status]++;
    release(blob);
}

int main(int argc, char **argv) {
    static uint8_t good[1 << 16];
    FILE *file = argc == 4 ? fopen(argv[1], "rb") : NULL;
    const size_t size = file != NULL ? fread(good, 1, sizeof good, file) : 0;
    if (size < 64) {
        return 2;
    }
    fclose(file);
    const size_t record = good[60] | (size_t)good[61] << 8;
    const size_t tables = good[record + 32] | (size_t)good[record + 33] << 8;
    state = (uint32_t)atoi(argv[3]);
    refuse_arguments(good, size);
    attempt(good, size);
    for (size_t bit = 0; bit < 8 * 64; bit++) { /* each bit of the record, and of its offset */
        uint8_t *copy = exact_copy(good, size);
        copy[record + bit / 8] ^= (uint8_t)(1u << bit % 8);
        attempt(copy, size);
        copy[record + bit / 8] = good[record + bit / 8];
        copy[60 + bit / 8 % 4] ^= (uint8_t)(1u << bit % 8);
        attempt(copy, size);
        release(copy);
    }
    for (size_t cut = 0; cut < record - tables; cut += 2) { /* tables that the blob's end cuts */
        uint8_t *copy = exact(size + cut);
        memcpy(copy, good, size);
        memcpy(copy + size, good + tables, cut);
        put_u32(copy + 8, (uint32_t)(size + cut));
        put_u32(copy + record + 32, (uint32_t)size);
        attempt(copy, size + cut);
        release(copy);
    }
    for (int i = atoi(argv[2]); i > 0; i--) { /* some bytes of the record or of the tables */
        uint8_t *copy = exact_copy(good, size);
        for (uint32_t k = next_random() % 3 + 1; k > 0; k--) {
            const size_t at = (next_random() & 1u) != 0 ? record + next_random() % 36
                                                        : tables + next_random() % (size - tables);
            static const uint8_t ends[] = {0, 1, 2, 15, 16, 127, 128, 255};
            const uint32_t r = next_random();
            copy[at] = (r & 1u) != 0 ? (uint8_t)(r >> 8 & 0xFFu) : ends[(r >> 8) % sizeof ends];
        }
        attempt(copy, size);
        release(copy);
    }
    for (int i = 0; i < 16; i++) {
        printf("%d: %lu\n", -i, answers[i]);
    }
    printf("decisions: %lu\ndetections: %lu\n", decisions, detections);
    return 0;
}
