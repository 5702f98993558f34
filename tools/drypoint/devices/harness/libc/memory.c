/* SPDX-License-Identifier: Apache-2.0 */
#include "string.h"

/* The empty statement of assembler keeps compilers from making these loops calls of themselves. */
void *memcpy(void *to, const void *from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((char *)to)[i] = ((const char *)from)[i];
        __asm__ volatile("");
    }
    return to;
}

void *memset(void *to, int byte, size_t n) {
    for (size_t i = 0; i < n; i++) {
        ((char *)to)[i] = (char)byte;
        __asm__ volatile("");
    }
    return to;
}
