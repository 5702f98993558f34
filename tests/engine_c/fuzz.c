/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz FIRST COUNT BLOB...: mutants FIRST .. FIRST + COUNT - 1 of these blobs. For each the loader
 * must answer as the checks of BLOB.md do (checks.h); what it accepts must run on every backend of
 * this CPU, packed and not, with the bytes of the plain kernels (backends.h), in buffers of exactly
 * the contract's size. Prints how many mutants each check refused, and how many ops of each kind
 * ran. Where a mutant fails, the last line says how to make it again.
 *
 * fuzz write FIRST COUNT BLOB...: writes these mutants to standard output: size and room for ops
 * (32 bits of the machine each), then the bytes.
 *
 * fuzz read: reads blobs from standard input in this form, and prints for each the check of BLOB.md
 * that refuses it by checks.h, that check's status, and the status of the loader.
 *
 * Meant to be compiled with sanitizers, and with -DGUARDED=guard_side between pages that must not
 * be touched: behind a buffer for even numbers, before it for odd ones. */
#ifdef GUARDED
static int guard_side = 1;
#endif
#include "backends.h"
#include "checks.h"
#include "damages.h"

#include <signal.h>

enum { MAX_BLOBS = 64, MAX_STEPS = 60000, MAX_PLANE = 1 << 16 };

static uint64_t current; /* the number of the mutant at hand */
static unsigned long refused[CHECKS + 1], kinds[DPT_KINDS], too_long, ran, fused, laid_over,
    several;

/* Both sanitizers end by abort, which `report` sees. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "abort_on_error=1";
}
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) {
    return "abort_on_error=1:print_stacktrace=1";
}

static void report(int number) {
    fprintf(stderr, "\nfuzz: mutant %llu fails; alone: fuzz %llu 1 BLOB... with the same blobs\n",
            (unsigned long long)current, (unsigned long long)current);
    signal(number, SIG_DFL);
    raise(number);
}

static void run(const dpt_model *model, mutant *m) {
    const size_t n = input_bytes(model);
    if (dpt_work(model) > MAX_STEPS || n > MAX_PLANE || model->arena_size > MAX_PLANE) {
        too_long++;
        return;
    }
    uint8_t *input = exact(n);
    const uint32_t style = below(m, 4);
    for (size_t i = 0; i < n; i++) {
        input[i] = (uint8_t)(style == 0 ? 0xFF : style == 1 ? 0x80 : below(m, 256));
    }
    check_backends(model, input);
    release(input);
    for (uint32_t i = 0; i < model->n_ops; i++) {
        const dpt_op *op = &model->ops[i];
        kinds[op->kind]++;
        fused += (op->marks & DPT_FUSED) != 0;
        laid_over += (op->marks & DPT_IN_PLACE) != 0 && op->rows != 0;
    }
    several += dpt_output_at(model, 1) != NULL;
    ran++;
}

static void attempt(mutant *m) {
    const int check = failing_check(m->bytes, m->size, m->room);
    uint8_t *blob = exact_copy(m->bytes, m->size);
    dpt_op ops[MAX_OPS];
    dpt_model model;
    const dpt_status status = dpt_model_load(&model, ops, m->room, blob, m->size);
    if (status != status_of_check(check)) {
        fprintf(stderr, "the loader answers %d, but check %d asks for %d\n", status, check,
                status_of_check(check));
        abort();
    }
    refused[check]++;
    if (status == DPT_OK) {
        run(&model, m);
    }
    release(blob);
}

static void write_out(const mutant *m) {
    const uint32_t head[2] = {(uint32_t)m->size, (uint32_t)m->room};
    if (fwrite(head, sizeof head, 1, stdout) != 1 ||
        fwrite(m->bytes, 1, m->size, stdout) != m->size) {
        exit(2);
    }
}

static void read_in(void) {
    uint32_t head[2];
    while (fread(head, sizeof head, 1, stdin) == 1) {
        uint8_t *blob = exact(head[0]);
        dpt_op ops[MAX_OPS];
        dpt_model model;
        if (head[1] > MAX_OPS || fread(blob, 1, head[0], stdin) != head[0]) {
            exit(2);
        }
        const int check = failing_check(blob, head[0], head[1]);
        printf("%d %d %d\n", check, status_of_check(check),
               dpt_model_load(&model, ops, head[1], blob, head[0]));
        release(blob);
    }
}

static void print_counts(void) {
    for (int i = 1; i <= CHECKS; i++) {
        printf("check %d: %lu\n", i, refused[i]);
    }
    for (int i = 0; i < KINDS; i++) {
        printf("kind %d: %lu\n", kind_at(i), kinds[kind_at(i)]);
    }
    printf("fused: %lu\nover an input by rows: %lu\n", fused, laid_over);
    printf("several outputs: %lu\n", several);
    printf("accepted: %lu\ntoo long: %lu\nran: %lu\n", refused[0], too_long, ran);
}

int main(int argc, char **argv) {
    static uint8_t blobs[MAX_BLOBS][MUTANT_SIZE];
    static mutant m;
    size_t sizes[MAX_BLOBS], n_blobs = 0;
    if (argc == 2 && strcmp(argv[1], "read") == 0) {
        read_in();
        return 0;
    }
    const int writes = argc > 1 && strcmp(argv[1], "write") == 0, at = writes ? 2 : 1;
    for (int i = at + 2; i < argc && n_blobs < MAX_BLOBS; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            break;
        }
        sizes[n_blobs] = fread(blobs[n_blobs], 1, MUTANT_SIZE, file);
        n_blobs += sizes[n_blobs] >= 192;
        fclose(file);
    }
    if (n_blobs == 0) {
        fprintf(stderr, "usage: fuzz [write] FIRST COUNT BLOB... | fuzz read\n");
        return 2;
    }
    signal(SIGABRT, report);
    signal(SIGSEGV, report);
    current = strtoull(argv[at], NULL, 10);
    for (unsigned long long left = strtoull(argv[at + 1], NULL, 10); left > 0; left--, current++) {
        const size_t k = (size_t)(current % n_blobs);
#ifdef GUARDED
        guard_side = 1 + (int)(current / n_blobs % 2);
#endif
        make_mutant(&m, blobs[k], sizes[k], current);
        if (writes) {
            write_out(&m);
        } else {
            attempt(&m);
        }
    }
    if (!writes) {
        print_counts();
    }
    return 0;
}
