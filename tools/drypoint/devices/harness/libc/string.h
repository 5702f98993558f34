/* SPDX-License-Identifier: Apache-2.0 */
/* All of the C library that the engine uses, for targets that have none. */
#ifndef STRING_H
#define STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);

#endif
