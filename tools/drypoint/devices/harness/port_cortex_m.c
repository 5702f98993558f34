/* SPDX-License-Identifier: Apache-2.0 */
/* A bare Cortex-M: vector table, start-up, and the streams by semihosting, as the files `input` and
 * `output` of the folder in which the emulator runs. A fault ends the program with code 92. */
#include "port.h"

#include <stdint.h>

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

enum { SYS_OPEN = 1, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT_EXTENDED = 0x20 };
enum { READ_BINARY = 1, WRITE_BINARY = 5, STOPPED = 0x20026 };

static intptr_t semihosting(uintptr_t operation, const void *block) {
    intptr_t answer;
    __asm__ volatile("mov r0, %1\n\tmov r1, %2\n\tbkpt 0xAB\n\tmov %0, r0"
                     : "=r"(answer)
                     : "r"(operation), "r"(block)
                     : "r0", "r1", "memory");
    return answer;
}

void port_exit(int code) {
    const uintptr_t block[2] = {STOPPED, (uintptr_t)code};
    for (;;) {
        semihosting(SYS_EXIT_EXTENDED, block);
    }
}

static uintptr_t open_file(const char *name, size_t length, uintptr_t mode) {
    const uintptr_t block[3] = {(uintptr_t)name, mode, length};
    const intptr_t handle = semihosting(SYS_OPEN, block);
    if (handle < 0) {
        port_exit(93);
    }
    return (uintptr_t)handle;
}

/* Both calls answer the number of bytes that were not transferred. */
static void transfer(uintptr_t operation, uintptr_t handle, const void *bytes, size_t size) {
    const uintptr_t block[3] = {handle, (uintptr_t)bytes, size};
    if (size > 0 && semihosting(operation, block) != 0) {
        port_exit(operation == SYS_READ ? 90 : 91);
    }
}

static uintptr_t input, output;

/* cppcheck-suppress constParameterPointer ; the bytes are written by the host */
void port_read(void *to, size_t size) {
    transfer(SYS_READ, input, to, size);
}

void port_write(const void *from, size_t size) {
    transfer(SYS_WRITE, output, from, size);
}

static void fault(void) {
    port_exit(92);
}

/* CPACR lets the floating-point and vector registers be used, where there are any. CCR.UNALIGN_TRP
 * makes every misaligned word access a fault, as on ARMv6-M. */
static void start(void) {
    volatile uint32_t *const cpacr = (volatile uint32_t *)0xE000ED88u;
    *cpacr |= 0xFu << 20;
#ifdef STRICT_ALIGNMENT
    volatile uint32_t *const ccr = (volatile uint32_t *)0xE000ED14u;
    *ccr |= 8u;
#endif
    __asm__ volatile("dsb\n\tisb");
    /* cppcheck-suppress comparePointers ; symbols of the linker script */
    for (uint32_t *to = data_start, *from = data_load; to < data_end;) {
        *to++ = *from++;
    }
    /* cppcheck-suppress comparePointers */
    for (uint32_t *to = bss_start; to < bss_end;) {
        *to++ = 0;
    }
    input = open_file("input", 5, READ_BINARY);
    output = open_file("output", 6, WRITE_BINARY);
    port_exit(device_main());
}

typedef void handler(void);
__attribute__((section(".vectors"), used)) static handler *const vectors[16] = {
    (handler *)(void *)stack_top,
    start,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
    fault,
};
