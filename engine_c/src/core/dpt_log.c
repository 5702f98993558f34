/* SPDX-License-Identifier: Apache-2.0 */
/* A run as lines of text, which `drypoint diff` reads; docs/diff.md specifies the lines. */
#include "drypoint.h"

enum { FORMAT = 1, BYTES_A_LINE = 32, LINE_SIZE = 24 + 2 * BYTES_A_LINE };

typedef struct run_log {
    const dpt_model *model;
    dpt_sink *sink;
    void *user;
} run_log;

typedef struct log_line {
    char text[LINE_SIZE];
    size_t size;
} log_line;

static void put_text(log_line *line, const char *text) {
    while (*text != '\0') {
        line->text[line->size++] = *text++;
    }
}

static void put_hex(log_line *line, uint32_t value, int digits) {
    while (digits-- > 0) {
        line->text[line->size++] = "0123456789abcdef"[value >> 4 * digits & 15u];
    }
}

static void put_number(log_line *line, uint32_t value) {
    char digits[10];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (n > 0) {
        line->text[line->size++] = digits[--n];
    }
}

/* The checksum is the exclusive or of the characters between '#' and '*'. */
static void send_line(log_line *line, dpt_sink *sink, void *user) {
    uint8_t sum = 0;
    for (size_t i = 1; i < line->size; i++) {
        sum ^= (uint8_t)line->text[i];
    }
    put_text(line, "*");
    put_hex(line, sum, 2);
    put_text(line, "\n");
    sink(user, line->text, line->size);
}

/* Lines with the bytes of an op's output, or of the input where `op` is n_ops. The bytes of int32
 * values are in little-endian order on every CPU. */
static void send_bytes(const run_log *log, size_t op, const void *values, size_t size) {
    const dpt_model *model = log->model;
    const int wide = op < model->n_ops && model->ops[op].out.type == DPT_I32;
    for (size_t at = 0; at < size;) {
        log_line line = {{0}, 0};
        put_text(&line, "#dpt ");
        if (op < model->n_ops) {
            put_number(&line, (uint32_t)op);
        } else {
            put_text(&line, "in");
        }
        put_text(&line, " ");
        for (size_t i = 0; i < BYTES_A_LINE && at < size; i++, at++) {
            put_hex(&line,
                    wide ? (uint32_t)((const int32_t *)values)[at / 4] >> 8 * (at % 4) & 0xFFu
                         : ((const uint8_t *)values)[at],
                    2);
        }
        send_line(&line, log->sink, log->user);
    }
}

/* The parts of an op's output come in order, so the lines need no offset. */
/* cppcheck-suppress constParameterCallback ; the type of a callback */
static void send_output(void *user, size_t op, size_t at, const void *output, size_t size) {
    (void)at;
    send_bytes(user, op, output, size);
}

dpt_status dpt_run_logged(const dpt_model *model, const dpt_backend *backend, void *arena,
                          size_t arena_size, const void *input, int32_t *output, uint32_t id,
                          dpt_sink *sink, void *user) {
    if (model == NULL || input == NULL || sink == NULL) {
        return DPT_E_ARGUMENT;
    }
    run_log log = {model, sink, user};
    log_line line = {{0}, 0};
    put_text(&line, "#dpt run ");
    put_number(&line, FORMAT);
    put_text(&line, " ");
    put_number(&line, model->n_ops);
    put_text(&line, " ");
    put_hex(&line, id, 8);
    send_line(&line, sink, user);
    send_bytes(&log, model->n_ops, input, dpt_elements(model->ops[0].in));
    const dpt_status status =
        dpt_run_traced(model, backend, arena, arena_size, input, output, send_output, &log);
    log_line end = {{0}, 0};
    put_text(&end, status == DPT_OK ? "#dpt end " : "#dpt end -");
    put_number(&end, (uint32_t)-status);
    send_line(&end, sink, user);
    return status;
}

void dpt_log_time(uint32_t ticks, dpt_sink *sink, void *user) {
    log_line line = {{0}, 0};
    put_text(&line, "#dpt time ");
    put_number(&line, ticks);
    send_line(&line, sink, user);
}
