/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_plans plans|streams FIRST COUNT: random nets FIRST .. FIRST + COUNT - 1 with memory plans
 * that the loader's checks accept. Each plan runs beside the plan in which nothing overlaps
 * (plan_runs.h). Prints how many plans were accepted, and what they had. Where a plan fails, the
 * last line says how to make it again. */
#include "plan_nets.h"

#include <signal.h>

static unsigned long long current;
static unsigned long accepted, groups, over_rows, lent;
static const char *mode;

static void report(int number) {
    fprintf(stderr, "\nfuzz_plans: net %llu fails; alone: fuzz_plans %s %llu 1\n", current, mode,
            current);
    signal(number, SIG_DFL);
    raise(number);
}

static void count(const plan_net *p) {
    accepted++;
    for (size_t i = 0; i + 1 < p->model.n_ops; i++) {
        const dpt_op *op = &p->ops[i];
        groups += i > 0 && (p->ops[i - 1].marks & DPT_FUSED) != 0 && (op->marks & DPT_FUSED) == 0;
        over_rows += (op->marks & DPT_IN_PLACE) != 0 && op->rows != 0;
        lent += op->kind != DPT_HISTORY && op->out_offset < p->model.state_size;
    }
}

/* Moves outputs one after another. */
static void attempt(plan_net *p, int streams) {
    for (size_t i = 0; i + 1 < p->model.n_ops; i++) {
        const int fixed = p->ops[i].kind == DPT_HISTORY || (p->ops[i].marks & DPT_FUSED) != 0;
        if (!fixed && move_output(p, i)) {
            count(p);
            if (streams) {
                check_steps(&p->model, steps_of_stream(p));
            } else {
                check_run(&p->model);
            }
        }
    }
}

int main(int argc, char **argv) {
    static plan_net net;
    if (argc != 4 || (strcmp(argv[1], "plans") != 0 && strcmp(argv[1], "streams") != 0)) {
        fprintf(stderr, "usage: fuzz_plans plans|streams FIRST COUNT\n");
        return 2;
    }
    mode = argv[1];
    signal(SIGABRT, report);
    signal(SIGSEGV, report);
    const int streams = mode[0] == 's';
    current = strtoull(argv[2], NULL, 10);
    for (unsigned long long left = strtoull(argv[3], NULL, 10); left > 0; left--, current++) {
        if (streams ? make_stream(&net, current) : make_net(&net, current)) {
            attempt(&net, streams);
        }
    }
    printf("accepted: %lu\ngroups: %lu\nover an input by rows: %lu\nin the state: %lu\n", accepted,
           groups, over_rows, lent);
    return 0;
}
