/* SPDX-License-Identifier: Apache-2.0 */
/* WebAssembly without a C library: the host gives the streams (run_wasm.mjs). */
#include "port.h"

#define IMPORT(name) __attribute__((import_module("port"), import_name(#name))) extern
IMPORT(read) int host_read(void *to, size_t size);
IMPORT(write) int host_write(const void *from, size_t size);
IMPORT(exit) void host_exit(int code);

void port_exit(int code) {
    host_exit(code);
    __builtin_trap();
}

void port_read(void *to, size_t size) {
    if (!host_read(to, size)) {
        port_exit(90);
    }
}

void port_write(const void *from, size_t size) {
    if (!host_write(from, size)) {
        port_exit(91);
    }
}

__attribute__((export_name("run"))) int run(void);
int run(void) {
    return device_main();
}
