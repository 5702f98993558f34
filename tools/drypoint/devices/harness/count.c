/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin of QEMU's translator that counts instructions: at every call of the function at address
 * `mark` it writes how many were executed since the call before, one decimal number a line, to the
 * file `out`. Usage: -plugin count.so,mark=ADDRESS,out=FILE
 *
 * The few functions that it needs are declared here, as version 4 of the interface has them
 * (docs/devel/tcg-plugins.rst of QEMU), since Debian ships no header of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
                                                  void (*translated)(plugin_id,
                                                                     struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
                                                 void (*executed)(unsigned, void *), int flags,
                                                 void *user);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

int qemu_plugin_version = 4;

static uint64_t mark, count, at_last_mark;
static FILE *out;

/* cppcheck-suppress constParameterCallback ; the type of a callback */
static void add(unsigned cpu, void *instructions) {
    (void)cpu;
    count += (uintptr_t)instructions;
}

static void write_count(unsigned cpu, void *unused) {
    (void)cpu;
    (void)unused;
    fprintf(out, "%" PRIu64 "\n", count - at_last_mark);
    fflush(out);
    at_last_mark = count;
}

/* A block is counted when it is entered; the block of `mark` after its count has been written. */
static void translated(plugin_id id, struct qemu_plugin_tb *tb) {
    (void)id;
    if (qemu_plugin_tb_vaddr(tb) == mark) {
        qemu_plugin_register_vcpu_tb_exec_cb(tb, write_count, 0, NULL);
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, add, 0, (void *)(uintptr_t)qemu_plugin_tb_n_insns(tb));
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "mark=", 5) == 0) {
            mark = strtoull(argv[i] + 5, NULL, 0);
        } else if (strncmp(argv[i], "out=", 4) == 0) {
            out = fopen(argv[i] + 4, "w");
        }
    }
    if (out == NULL) {
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
