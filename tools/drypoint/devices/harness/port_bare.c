/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit cores for which Debian has no C library: system calls of Linux. */
#include "port.h"

#include <stdint.h>

#ifdef __riscv
enum { READ = 63, WRITE = 64, EXIT = 93 };
#else
enum { READ = 12, WRITE = 13, EXIT = 118 };
#endif

/* The arguments are in the registers that the kernel wants, the number excepted. */
long system_call(long a, long b, long c, long number);
__asm__(".globl system_call\n.balign 4\n"
        "system_call:\n"
#ifdef __riscv
        "mv a7, a3\n"
        "ecall\n"
#else
        "mov a6, a2\n"
        "mov a2, a5\n"
        "syscall\n"
#endif
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

/* What Debian's libgcc has for 64-bit RISC-V only, and not for Xtensa; the divisor is below 2^63.
 */
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

#ifdef __xtensa__
static uint32_t divide(uint32_t n, uint32_t divisor, uint32_t *rest) {
    uint32_t quotient = 0, bit = 1;
    for (; divisor <= n >> 1; bit <<= 1) {
        divisor <<= 1;
    }
    for (; bit > 0; bit >>= 1, divisor >>= 1) {
        if (n >= divisor) {
            n -= divisor;
            quotient |= bit;
        }
    }
    *rest = n;
    return quotient;
}

uint32_t __udivsi3(uint32_t n, uint32_t divisor);
uint32_t __udivsi3(uint32_t n, uint32_t divisor) {
    uint32_t rest;
    return divide(n, divisor, &rest);
}

int32_t __divsi3(int32_t n, int32_t divisor);
int32_t __divsi3(int32_t n, int32_t divisor) {
    const uint32_t magnitude = n < 0 ? 0u - (uint32_t)n : (uint32_t)n;
    const uint32_t quotient =
        __udivsi3(magnitude, divisor < 0 ? 0u - (uint32_t)divisor : (uint32_t)divisor);
    return (int32_t)((n < 0) == (divisor < 0) ? quotient : 0u - quotient);
}

uint32_t __umodsi3(uint32_t n, uint32_t divisor);
uint32_t __umodsi3(uint32_t n, uint32_t divisor) {
    uint32_t rest;
    divide(n, divisor, &rest);
    return rest;
}

uint64_t __umulsidi3(uint32_t a, uint32_t b);
uint64_t __umulsidi3(uint32_t a, uint32_t b) {
    const uint32_t a0 = a & 0xFFFFu, a1 = a >> 16, b0 = b & 0xFFFFu, b1 = b >> 16;
    const uint32_t low = a0 * b0, cross = a1 * b0 + (low >> 16),
                   other = a0 * b1 + (cross & 0xFFFFu);
    return (uint64_t)(a1 * b1 + (cross >> 16) + (other >> 16)) << 32 | other << 16 |
           (low & 0xFFFFu);
}
#endif

void run(void);
void run(void) {
    port_exit(device_main());
}

__asm__(".globl _start\n.balign 4\n"
        "_start:\n"
#ifdef __riscv
        ".option push\n.option norelax\nla gp, __global_pointer$\n.option pop\n"
        "andi sp, sp, -16\n"
#endif
        "j run\n");
