/* SPDX-License-Identifier: Apache-2.0 */
/* Where there is a C library: standard input and output. */
#include "port.h"

#include <stdio.h>
#include <stdlib.h>

void port_exit(int code) {
    exit(code);
}

void port_read(void *to, size_t size) {
    if (fread(to, 1, size, stdin) != size) {
        exit(90);
    }
}

void port_write(const void *from, size_t size) {
    if (fwrite(from, 1, size, stdout) != size) {
        exit(91);
    }
}

int main(void) {
    return device_main();
}
