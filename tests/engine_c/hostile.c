/* SPDX-License-Identifier: Apache-2.0 */
/* hostile BLOB MUTATIONS SEED: attacks the loader with one good blob. Meant to run under
 * sanitizers: every buffer has exactly the size of the contract. Prints what happened; exits with 1
 * when a blob that must be refused is accepted, or one that must be accepted is refused. */
#include "backends.h"

#include <stdio.h>

static uint32_t state; /* xorshift: the same mutations for the same seed, everywhere */

static uint32_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static size_t accepted, refused, too_long;
static int failed;

static void complain(const char *what, size_t where) {
    fprintf(stderr, "%s, at %lu\n", what, (unsigned long)where);
    failed = 1;
}

/* Runs a model that the loader accepted, on random input; `shift` misaligns arena, input and
 * output. */
static void run(const dpt_model *model, size_t shift) {
    if (dpt_work(model) > 100000) { /* a mutant may be valid and ask for more than there is time */
        too_long++;
        return;
    }
    const size_t n = input_bytes(model);
    uint8_t *arena = exact(model->arena_size + shift), *input = exact(n + shift);
    int32_t *outputs = exact((output_count(model) + shift % 4) * sizeof *outputs);
    int32_t *output = outputs + shift % 4;
    for (size_t i = 0; i < n; i++) {
        input[shift + i] = (uint8_t)next_random();
    }
    begin_signal(model, arena + shift);
    for (int i = 0; i < (model->state_size != 0 ? 8 : 1); i++) {
        if (run_or_step(model, NULL, arena + shift, input + shift, output, NULL, NULL) < 0) {
            complain("an accepted model does not run", shift);
        }
    }
    check_backends(model, input + shift);
    if (*dpt_label(model, model->n_labels) != '\0' ||
        dpt_label(model, model->n_labels - 1u) == NULL) {
        complain("labels", 0);
    }
    release(arena);
    release(input);
    release(outputs);
}

/* Loads `size` bytes from a buffer of exactly that size; `runs` what is accepted. */
static dpt_status attempt(const uint8_t *bytes, size_t size, size_t shift, int runs) {
    uint8_t *blob = exact(size + shift);
    dpt_op ops[MAX_OPS];
    dpt_model model;
    memcpy(blob + shift, bytes, size);
    dpt_status status = dpt_model_load(&model, ops, MAX_OPS, blob + shift, size);
    if (status == DPT_OK) {
        accepted++;
        if (runs) {
            run(&model, shift);
        }
    } else {
        refused++;
    }
    release(blob);
    return status;
}

static void report(const char *what) {
    printf("%s: %lu refused, %lu accepted, %lu of them too long to run\n", what,
           (unsigned long)refused, (unsigned long)accepted, (unsigned long)too_long);
    accepted = refused = too_long = 0;
}

static void truncations(const uint8_t *good, size_t size) {
    uint8_t *copy = exact_copy(good, size);
    for (size_t n = 0; n < size; n++) {
        if (attempt(good, n, 0, 1) == DPT_OK) {
            complain("a truncated blob is accepted", n);
        }
        repair(copy, n);
        attempt(copy, n, 0, 1);
        memcpy(copy, good, size);
    }
    release(copy);
    report("truncations, as they are and repaired");
}

enum { MINOR_BIT = 8 * 6 }; /* with minor 1 a program of one output is the same one */

/* The bytes of header and records. */
static size_t front_of(const uint8_t *good) {
    return 64 + 128 * (size_t)good[20];
}

/* All bits are loaded. In tables, where a byte is a value and the loader bounds sums of values, one
 * bit of each byte is run. */
static void flips(const uint8_t *good, size_t size) {
    uint8_t *copy = exact_copy(good, size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (attempt(copy, size, 0, 1) == DPT_OK && bit != MINOR_BIT) {
            complain("a flipped bit is not seen", bit);
        }
        copy[bit / 8] = good[bit / 8];
    }
    report("flipped bits");
    for (size_t bit = 8 * 16; bit < 8 * size; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        repair(copy, size);
        attempt(copy, size, 0, bit < 8 * front_of(good) || bit % 8 == bit / 8 % 8);
        copy[bit / 8] = good[bit / 8];
    }
    release(copy);
    report("flipped bits, repaired");
}

/* One to four fields become another byte, an end of their range, or the neighbour of what they
 * were. Half of them lie in header and records, which are few and matter most. */
static void mutations(const uint8_t *good, size_t size, size_t count) {
    const size_t front = front_of(good);
    for (size_t i = 0; i < count; i++) {
        uint8_t *copy = exact_copy(good, size);
        for (uint32_t k = next_random() % 4 + 1; k > 0; k--) {
            size_t at = 16 + next_random() % ((next_random() & 1u ? front : size) - 16);
            static const uint8_t ends[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
            uint32_t r = next_random();
            copy[at] = r % 3 == 0   ? (uint8_t)(r >> 8)
                       : r % 3 == 1 ? ends[(r >> 8) % sizeof ends]
                                    : (uint8_t)(copy[at] + (r & 0x100u ? 1 : 255));
        }
        repair(copy, size);
        attempt(copy, size, 0, 1);
        release(copy);
    }
    report("random mutations, repaired");
}

static void misalignments(const uint8_t *good, size_t size) {
    for (size_t shift = 0; shift < 16; shift++) {
        if (attempt(good, size, shift, 1) != DPT_OK) {
            complain("a good blob is refused at this alignment", shift);
        }
    }
    report("misalignments");
}

int main(int argc, char **argv) {
    static uint8_t good[1 << 16];
    FILE *file = argc == 4 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: hostile BLOB MUTATIONS SEED\n");
        return 2;
    }
    const size_t size = fread(good, 1, sizeof good, file);
    fclose(file);
    state = (uint32_t)strtoul(argv[3], NULL, 10) | 1u;
    misalignments(good, size);
    truncations(good, size);
    flips(good, size);
    mutations(good, size, strtoul(argv[2], NULL, 10));
    return failed;
}
