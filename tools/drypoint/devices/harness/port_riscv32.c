/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit RISC-V, for which Debian has no C library: system calls of Linux. */
#include "port.h"

#include <stdint.h>

enum { READ = 63, WRITE = 64, EXIT = 93 };

/* The arguments are in the registers that the kernel wants, the number excepted. */
long system_call(long a, long b, long c, long number);
__asm__(".globl system_call\n"
        "system_call:\n"
        "mv a7, a3\n"
        "ecall\n"
        "ret\n");

void port_exit(int code) {
    for (;;) {
        system_call(code, 0, 0, EXIT);
    }
}

static void transfer(long number, int file, uintptr_t bytes, size_t size) {
    while (size > 0) {
        const long done = system_call(file, (long)bytes, (long)size, number);
        if (done <= 0) {
            port_exit(number == READ ? 90 : 91);
        }
        bytes += (size_t)done;
        size -= (size_t)done;
    }
}

/* cppcheck-suppress constParameterPointer ; the bytes are written by the host */
void port_read(void *to, size_t size) {
    transfer(READ, 0, (uintptr_t)to, size);
}

void port_write(const void *from, size_t size) {
    transfer(WRITE, 1, (uintptr_t)from, size);
}

/* libgcc's division, which this compiler has for 64-bit targets only; the divisor is below 2^63. */
uint64_t __udivdi3(uint64_t n, uint64_t divisor);
uint64_t __udivdi3(uint64_t n, uint64_t divisor) {
    uint64_t quotient = 0, rest = 0;
    for (int i = 0; i < 64; i++) {
        rest = rest << 1 | n >> 63;
        n <<= 1;
        quotient <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
    }
    return quotient;
}

void run(void);
void run(void) {
    port_exit(device_main());
}

__asm__(".globl _start\n"
        "_start:\n"
        ".option push\n.option norelax\nla gp, __global_pointer$\n.option pop\n"
        "andi sp, sp, -16\n"
        "j run\n");
