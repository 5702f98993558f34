/* SPDX-License-Identifier: Apache-2.0 */
/* verdicts FAULT: what the second reader (checks.h) says of blobs from standard input, each behind
 * its size (32 bits of the machine): the status of the first check that fails. The test that
 * compiles this program plants faults into its copy of the reader, and FAULT is the number of the
 * one that is in effect; 0: none. */
static int fault;

#include "checks.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    static uint8_t blob[1 << 16];
    uint32_t size;
    fault = argc > 1 ? atoi(argv[1]) : 0;
    while (fread(&size, sizeof size, 1, stdin) == 1) {
        if (size > sizeof blob || fread(blob, 1, size, stdin) != size) {
            return 2;
        }
        printf("%d\n", status_of_check(failing_check(blob, size, 65535)));
    }
    return 0;
}
