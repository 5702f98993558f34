/* SPDX-License-Identifier: Apache-2.0 */
/* What a program on a device needs from the world: a stream in, a stream out, an end. One port_*.c
 * is linked for each kind of target; its entry point calls device_main and ends with its answer. */
#ifndef PORT_H
#define PORT_H

#include <stddef.h>

int device_main(void);

/* Reads exactly `size` bytes; a stream that is shorter ends the program with code 90. */
void port_read(void *to, size_t size);

/* Writes all bytes, or ends the program with code 91. */
void port_write(const void *from, size_t size);

void port_exit(int code);

#endif
