/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the blobs of the named files on every backend that this CPU has, against the plain kernels.
 * packaging/systems.sh compiles this program for other systems. */
#include "backends.h"

enum { LARGEST = 4 << 20 };

static size_t read_file(const char *name, uint8_t *bytes) {
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        fprintf(stderr, "cannot read %s\n", name);
        abort();
    }
    const size_t size = fread(bytes, 1, LARGEST, file);
    fclose(file);
    return size;
}

int main(int argc, char **argv) {
    uint8_t *bytes = exact(LARGEST);
    for (int i = 1; i < argc; i++) {
        const size_t size = read_file(argv[i], bytes);
        uint8_t *blob = exact_copy(bytes, size);
        dpt_op ops[MAX_OPS];
        dpt_model model;
        demand(dpt_model_load(&model, ops, MAX_OPS, blob, size) == DPT_OK, argv[i],
               "does not load");
        uint8_t *input = exact(input_bytes(&model));
        for (size_t k = 0; k < input_bytes(&model); k++) {
            input[k] = (uint8_t)((k * 2654435761u) >> 13);
        }
        check_backends(&model, input);
        release(input);
        release(blob);
    }
    release(bytes);
    printf("%d blobs: equal bytes on", argc - 1);
    for (size_t i = 0; dpt_backend_at(i) != NULL; i++) {
        if (dpt_backend_at(i)->available()) {
            printf(" %s", dpt_backend_at(i)->name);
        }
    }
    printf("\n");
    return 0;
}
