/* SPDX-License-Identifier: Apache-2.0 */
/* What the C test programs share: buffers of exactly the size that the contract names, so that a
 * sanitizer sees the first byte beyond. */
#ifndef EXACT_H
#define EXACT_H

#ifdef GUARDED
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif
#include "drypoint.h"

#include <stdlib.h>
#include <string.h>
#ifdef GUARDED
#include <sys/mman.h>
#endif

enum { MAX_OPS = 140 };

#ifdef GUARDED
/* Between two pages that must not be touched: up to the last byte before the second (GUARDED 1), or
 * from the first byte after the first (GUARDED 2). A page further in front keeps the length. */
enum { PAGE = 4096 };

static inline void *exact(size_t size) {
    const size_t pages = (size + PAGE - 1) / PAGE + (size == 0), length = (pages + 3) * PAGE;
    uint8_t *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + PAGE, PAGE, PROT_NONE) != 0 ||
        mprotect(p + (pages + 2) * PAGE, PAGE, PROT_NONE) != 0) {
        abort();
    }
    memcpy(p, &length, sizeof length);
    return p + 2 * PAGE + (GUARDED == 1 ? pages * PAGE - (size > 0 ? size : 1) : 0);
}

static inline void release(void *buffer) {
    uint8_t *p = buffer;
    p -= (uintptr_t)p % PAGE + 2 * PAGE;
    size_t length;
    memcpy(&length, p, sizeof length);
    munmap(p, length);
}
#else
static inline void *exact(size_t size) {
    void *p = malloc(size > 0 ? size : 1);
    if (p == NULL) {
        abort();
    }
    return p;
}

static inline void release(void *buffer) {
    free(buffer);
}
#endif

static inline uint8_t *exact_copy(const void *bytes, size_t size) {
    uint8_t *p = exact(size);
    *p = 0; /* GCC warns of an empty copy that nothing wrote; there is room for a byte */
    if (size > 0) {
        memcpy(p, bytes, size);
    }
    return p;
}

/* Writes the blob's size and CRC where they belong, so that a mutation reaches the later checks. */
static inline void repair(uint8_t *blob, size_t size) {
    if (size < 16) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        blob[8 + i] = (uint8_t)(size >> 8 * i);
    }
    uint32_t crc = dpt_crc32(0, blob + 16, size - 16);
    for (unsigned i = 0; i < 4; i++) {
        blob[12 + i] = (uint8_t)(crc >> 8 * i);
    }
}

static inline size_t input_bytes(const dpt_model *model) {
    return dpt_elements(model->ops[0].in);
}

/* Values of all outputs of the model. */
static inline size_t output_count(const dpt_model *model) {
    size_t count = 0;
    for (size_t i = 0; i < model->n_ops; i++) {
        count += model->ops[i].out.type == DPT_I32 ? dpt_elements(model->ops[i].out) : 0;
    }
    return count;
}

#endif
