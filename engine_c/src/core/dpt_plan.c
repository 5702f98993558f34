/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the memory plan of a blob: checks 22 and 24 of BLOB.md, by rules 1 to 7 of NUMERICS.md
 * section 8, and check 23, of the state, by section 11. The shapes are known to be good, so that
 * the rows that an op reads fit 32 bits. Checks 28 and 29, of the place and size of a record of
 * sound, are here too. */
#include "dpt_internal.h"

enum { PLAN_LAST_CLOCK = 0xFFFF };

typedef struct plan_group {
    const dpt_op *ops; /* of the model */
    size_t first, last;
} plan_group;

static int plan_fused(const dpt_op *op) {
    return (op->marks & DPT_FUSED) != 0;
}

/* Bytes that an output takes: the plane, or the rows that are kept. */
static int64_t plan_size(const dpt_op *op) {
    return (int64_t)op->out.w * op->out.c * dpt_value_size(op->out.type) *
           (plan_fused(op) ? op->rows : op->out.h);
}

/* Whether every row of an op reads all of tensor `number`, which is one pixel. */
static int plan_reads_pixel(const dpt_op *op, size_t number) {
    return (dpt_facts[op->kind] & DPT_SECOND_MAY_BE_PIXEL) != 0 && op->reads[1] == number &&
           op->in2.h != op->in.h;
}

/* Rule 5 for op i. */
static int plan_rows_ok(const dpt_op *ops, size_t n_ops, size_t i) {
    const dpt_op *op = &ops[i], *next = op + 1;
    const dpt_row_map map = dpt_row_map_of(op);
    if (op->rows == 0) {
        return !plan_fused(op);
    }
    if (op->kind == DPT_DENSE || op->kind == DPT_TRANSPOSE || op->rows > op->out.h ||
        ((dpt_facts[op->kind] & DPT_HAS_WINDOW) != 0 &&
         (op->pad_top >= map.reach || op->pad_bottom >= map.reach))) {
        return 0;
    }
    return !plan_fused(op) || (i + 1 < n_ops && next->rows != 0 && op->last_reader == i + 1 &&
                               (op->rows == op->out.h || op->rows >= dpt_row_map_of(next).reach) &&
                               !plan_reads_pixel(next, i + 1));
}

/* n of rule 3: how many rows op k has computed at least when the last op computes row y. No number
 * here reaches 2^18, since a row that exists reads at most an input of 65,535 rows, and as many
 * rows of padding; a ring has 65,535 rows at most. */
static int32_t plan_computed(const plan_group *g, size_t k, int32_t y) {
    if (k == g->last) {
        return y;
    }
    dpt_row_map map = dpt_row_map_of(&g->ops[g->last]);
    const dpt_op *op = &g->ops[g->last - 1];
    int32_t n = op->rows == op->out.h ? op->rows : y * map.stride - map.pad + op->rows;
    for (;; op--) {
        n = n < op->out.h ? n : op->out.h;
        if (op == &g->ops[k]) {
            return n;
        }
        map = dpt_row_map_of(op);
        n = (n - 1) * map.stride - map.pad + map.reach;
    }
}

/* Rule 3 for op k, which reads the output of op j, and row y of the group's output. */
static int plan_row_follows(const plan_group *g, size_t j, size_t k, int32_t y) {
    const dpt_op *out = &g->ops[g->last], *plane = &g->ops[j];
    const dpt_row_map map = dpt_row_map_of(&g->ops[k]);
    const int64_t x = (int64_t)plan_computed(g, k, y) * map.stride - map.pad;
    const int64_t to = (int64_t)out->out.w * out->out.c,
                  from = (int64_t)plane->out.w * plane->out.c;
    return (y + out->rows) * to <= (int64_t)plane->out_offset - out->out_offset + x * from;
}

/* Rule 3: whether op k, which reads the output of op j, is ahead of the rows written over it. */
static int plan_follows(const plan_group *g, size_t j, size_t k) {
    const dpt_op *out = &g->ops[g->last];
    int grows = 0;
    for (size_t i = k; i <= g->last; i++) {
        grows |= g->ops[i].kind == DPT_UPSAMPLE || g->ops[i].kind == DPT_RESIZE;
    }
    if (out->rows == 0 || grows || plan_reads_pixel(&g->ops[k], j + 1)) {
        return 0;
    }
    int32_t y = 0, end = out->out.h - out->rows + 1;
    while (y < end) { /* op k has rows to compute at row y - 1, and none at row `end` */
        const int32_t middle = (y + end) / 2;
        if (plan_computed(g, k, middle) < g->ops[k].out.h) {
            y = middle + 1;
        } else {
            end = middle;
        }
    }
    return y == 0 || (plan_row_follows(g, j, k, 0) && plan_row_follows(g, j, k, y - 1));
}

/* Rule 2: whether the group's last op writes a value over the value of the output of op j that it
 * has read for it. */
static int plan_in_place(const plan_group *g, size_t j) {
    const dpt_op *op = &g->ops[g->last];
    return (dpt_facts[op->kind] & DPT_MAY_LIE_OVER_INPUT) != 0 &&
           (op->reads[0] == j + 1 || op->reads[1] == j + 1) && !plan_reads_pixel(op, j + 1) &&
           g->ops[j].out_offset == op->out_offset && plan_size(&g->ops[j]) == plan_size(op);
}

/* 1 where the output of the group may lie over the output of op j, which is alive. */
static int plan_may_overlap(const plan_group *g, size_t j) {
    const dpt_op *out = &g->ops[g->last], *plane = &g->ops[j];
    const int64_t ahead = (int64_t)plane->out_offset - out->out_offset;
    if ((out->marks & DPT_IN_PLACE) == 0 || plan_fused(plane) || plane->last_reader > g->last ||
        ahead < 0 || ahead < plan_size(out) - plan_size(plane)) {
        return 0;
    }
    for (size_t k = g->first; k <= g->last; k++) {
        const int reads = g->ops[k].reads[0] == j + 1 || g->ops[k].reads[1] == j + 1;
        const int in_place = k == g->last && plan_in_place(g, j);
        if (reads && !in_place && !plan_follows(g, j, k)) {
            return 0;
        }
    }
    return 1;
}

/* Whether the output of the last op of the group, so far, overlaps outputs that are alive only
 * where it may. */
static int plan_place_ok(const plan_group *g, int64_t size, const size_t *alive, size_t n_alive) {
    const dpt_op *op = &g->ops[g->last];
    int taken = 0;
    for (size_t k = 0; k < n_alive; k++) {
        const dpt_op *other = &g->ops[alive[k]];
        const int64_t from = op->out_offset, at = other->out_offset;
        if (from < at + plan_size(other) && at < from + size) {
            if (plan_fused(op) || !plan_may_overlap(g, alive[k])) {
                return 0;
            }
            taken = 1;
        }
    }
    return taken == ((op->marks & DPT_IN_PLACE) != 0);
}

/* `i32` outputs lie in the caller's buffer, one after the other. */
dpt_status dpt_check_plan(const dpt_op *ops, size_t n_ops, uint32_t state_size,
                          uint32_t arena_size) {
    size_t alive[DPT_MAX_ALIVE], n_alive = 0;
    int64_t need = state_size, values = 0; /* of the outputs so far */
    plan_group g = {ops, 0, 0};
    for (size_t i = 0; i < n_ops; i++) {
        const int wide = ops[i].out.type == DPT_I32,
                  placed = !wide && ops[i].kind != DPT_HISTORY && ops[i].kind != DPT_DELAY;
        const int64_t size = !placed ? 0 : plan_size(&ops[i]), end = ops[i].out_offset + size;
        if ((!wide && ops[i].last_reader == 0) || (wide && ops[i].out_offset != values) ||
            !plan_rows_ok(ops, n_ops, i)) {
            return DPT_E_PLAN;
        }
        values += wide ? (int64_t)dpt_elements(ops[i].out) : 0;
        g.last = i;
        if (!plan_place_ok(&g, size, alive, placed ? n_alive : 0) || i - g.first == DPT_MAX_ALIVE ||
            values > DPT_MAX_ELEMENTS) {
            return DPT_E_PLAN;
        }
        if (!plan_fused(&ops[i])) { /* the group ends */
            size_t kept = 0;
            for (size_t k = 0; k < n_alive; k++) {
                if (ops[alive[k]].last_reader > i) {
                    alive[kept++] = alive[k];
                }
            }
            n_alive = kept;
            g.first = i + 1;
        }
        if (placed && n_alive == DPT_MAX_ALIVE) {
            return DPT_E_PLAN;
        }
        if (placed) {
            alive[n_alive++] = i;
        }
        need = placed && end > need ? end : need;
    }
    return need == (int64_t)arena_size ? DPT_OK : DPT_E_PLAN;
}

/* What happens in the steps first, first + period, ... */
typedef struct stream_clock {
    uint32_t first, period;
} stream_clock;

/* The histories and delays of a model. */
typedef struct stream_histories {
    size_t n;
    uint16_t op[DPT_MAX_HISTORIES];
    uint8_t lent[DPT_MAX_HISTORIES]; /* whether other outputs may lie over a history's oldest row */
} stream_histories;

/* Rules 1, 3 and 4 of the delay that is op i; the tensor that it carries is alive to the end. Two
 * delays cannot carry one tensor, since their places differ. */
static int stream_delay_ok(dpt_op *ops, size_t i, size_t n_ops) {
    const dpt_op *op = &ops[i];
    dpt_op *source = &ops[op->groups - 1u];
    const size_t last = op->last_reader, at = op->groups - 1u;
    const int over = (dpt_facts[source->kind] & DPT_MAY_LIE_OVER_INPUT) != 0;
    source->last_reader = (uint16_t)(n_ops - 1);
    return !dpt_remembers(source) && source->out.type != DPT_I32 &&
           dpt_same_tensor(source->out, op->out) && source->out_offset == op->out_offset &&
           (last < at || (last == at && over));
}

/* The steps in which tensor `number` is ready. Products fit 32 bits: their factors have 16. */
static stream_clock stream_ready(const dpt_op *ops, size_t number) {
    stream_clock clock = {1, 1};
    if (number > 0) {
        const dpt_op *op = &ops[number - 1];
        clock.first = op->first;
        clock.period = op->period;
        if (op->kind == DPT_HISTORY) {
            clock.first += (op->kernel_h - op->pad_top - 1u) * clock.period;
            clock.period *= op->stride_h;
        }
    }
    return clock;
}

/* Fills `first` and `period` of op i, whose inputs' clocks are known; 0: it breaks a rule. */
static int stream_set_clock(dpt_op *ops, size_t i, stream_histories *found) {
    dpt_op *op = &ops[i];
    const int inputs = op->in2.c != 0 ? 2 : 1;
    stream_clock ready[2], run = {0, 0};
    for (int k = 0; k < inputs; k++) {
        ready[k] = stream_ready(ops, op->reads[k]);
        run = ready[k].first > run.first ? ready[k] : run;
    }
    op->first = (uint16_t)run.first;
    op->period = (uint16_t)run.period;
    for (int k = 0; k < inputs; k++) {
        const size_t source = op->reads[k];
        const int kept = source > 0 && ops[source - 1].kind == DPT_HISTORY;
        if (ready[k].period != run.period || (!kept && ready[k].first != run.first)) {
            return 0;
        }
        for (size_t h = 0; ready[k].first != run.first && h < found->n; h++) {
            found->lent[h] &= found->op[h] != source - 1;
        }
    }
    const stream_clock out = stream_ready(ops, i + 1);
    return out.first <= PLAN_LAST_CLOCK && out.period <= PLAN_LAST_CLOCK && op->rows == 0;
}

/* Rule 8 for op i: whether its output overlaps nothing of the state that is in use. */
static int stream_place_ok(const dpt_op *ops, size_t i, size_t n_ops,
                           const stream_histories *found) {
    const uint64_t begin = ops[i].out_offset, end = begin + dpt_bytes(ops[i].out);
    int ok = begin >= DPT_COUNTER * (uint64_t)n_ops;
    for (size_t k = 0; k < found->n; k++) {
        const size_t h = found->op[k];
        const int delay = ops[h].kind == DPT_DELAY, own = delay && ops[h].groups == i + 1;
        const uint64_t at = ops[h].out_offset, row = delay ? 0 : dpt_elements(ops[h].in);
        const int free = found->lent[k] && (ops[i].last_reader < h || ops[h].last_reader < i);
        const uint64_t used = at + (free ? row : 0), last = at + dpt_state_bytes(&ops[h]);
        ok &= own || end <= used || last <= begin || last <= used;
    }
    return ok;
}

dpt_status dpt_check_stream(dpt_op *ops, size_t n_ops, uint32_t state_size) {
    stream_histories found = {0};
    uint64_t size = DPT_COUNTER * n_ops;
    int wide = 0;
    for (size_t i = 0; i < n_ops; i++) {
        wide |= ops[i].out.type == DPT_I16;
        if (!dpt_remembers(&ops[i])) {
            continue;
        }
        if (found.n == DPT_MAX_HISTORIES || ops[i].out_offset != size) {
            return DPT_E_PLAN;
        }
        found.op[found.n] = (uint16_t)i;
        found.lent[found.n++] = 1;
        size += dpt_state_bytes(&ops[i]);
    }
    if ((found.n != 0 ? size : 0) != state_size || (found.n == 0 && wide)) {
        return DPT_E_PLAN;
    }
    for (size_t k = 0; k < found.n; k++) {
        const size_t i = found.op[k];
        if (ops[i].kind == DPT_DELAY && !stream_delay_ok(ops, i, n_ops)) {
            return DPT_E_PLAN;
        }
    }
    for (size_t i = 0; found.n != 0 && i < n_ops; i++) {
        if (!stream_set_clock(ops, i, &found)) {
            return DPT_E_PLAN;
        }
    }
    for (size_t i = 0; found.n != 0 && i < n_ops; i++) {
        const dpt_op *op = &ops[i], *last = &ops[n_ops - 1];
        const dpt_op *carried = op->kind == DPT_DELAY ? &ops[op->groups - 1u] : op;
        const int together = op->first == last->first && op->period == last->period;
        if (carried->first != op->first || carried->period != op->period) {
            return DPT_E_PLAN;
        }
        if (op->out.type == DPT_I32 ? !together
                                    : !dpt_remembers(op) && op->out_offset < state_size &&
                                          !stream_place_ok(ops, i, n_ops, &found)) {
            return DPT_E_PLAN;
        }
    }
    return DPT_OK;
}

dpt_status dpt_check_sound(const uint8_t *bytes, uint32_t size, size_t values) {
    enum { SOUND_RECORD = 64 };
    const uint32_t at = dpt_u32(bytes + 60);
    if (at == 0) {
        return DPT_OK;
    }
    if (at > size || size - at < SOUND_RECORD) {
        return DPT_E_TABLE;
    }
    return (uint64_t)dpt_u16(bytes + at + 8) * dpt_u16(bytes + at + 10) == values ? DPT_OK
                                                                                  : DPT_E_SHAPE;
}
