/* SPDX-License-Identifier: Apache-2.0 */
/* The C engine for a page in a browser: one program at a time, in WebAssembly without a C library.
 *
 * The page calls blob(size), writes the bytes of a .dpt file there and calls load(size). When load
 * answers 0, run() reads input() and fills output(), probability() and, where it is traced,
 * trace(). Of a streaming program the input is the next time step, and reset() begins a signal. Of
 * a program that reads samples (rate() is above 0) the page writes at most step() of them to
 * samples() and calls listen(n). find() makes boxes of output(). Memory grows and is used again for
 * the next program. */
#include "drypoint_boxes.h"
#include "drypoint_listen.h"

#include <string.h>

#define EXPORT(name) __attribute__((export_name(#name)))

/* Answers of load() that dpt_status does not have. */
enum { E_MEMORY = -100, E_STEPS = -101 };

/* Bits of the answer of listen(). */
enum { HAS_FRAME = 1, HAS_DECISION = 2, HAS_KEYWORD = 4 };

enum { PAGE = 65536, MOST_BYTES = 1 << 28, MOST_BOXES = 1000, EDGES = 4 };
#define MOST_STEPS 1000000000u /* some seconds of a browser, which stands still during a run */

extern uint8_t __heap_base; /* the linker's: where free memory begins */

static dpt_model model;
static uint8_t *blob, *input, *arena, *trace;
static int32_t *output, *probability;
static size_t *trace_at; /* [n_ops]: where each op's output lies in trace */
static dpt_box *boxes;   /* [MOST_BOXES] */
static int32_t *cutoffs; /* [channels of the last output] */

/* Of a program that reads samples. dpt_listen computes features too; the page shows these. */
static dpt_listener listener; /* without such a program its rate is 0 */
static dpt_sound sound;
static uint8_t *memory;
static int16_t *frame; /* [window + step] samples, of which `held` are there */
static uint32_t *noise, *work;
static uint16_t *features;
static size_t held, keyword;

/* The first bytes behind `size` bytes at `from`, aligned to 16; NULL where there is no memory. */
static uint8_t *behind(const uint8_t *from, uint64_t size) {
    const uint64_t end = ((uintptr_t)from + size + 15) & ~(uint64_t)15;
    const uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
    if (from == NULL || end > MOST_BYTES) {
        return NULL;
    }
    if (end > have &&
        __builtin_wasm_memory_grow(0, (size_t)((end - have + PAGE - 1) / PAGE)) == SIZE_MAX) {
        return NULL;
    }
    return (uint8_t *)(uintptr_t)end;
}

/* Room for the bytes of a blob, or NULL. The program before is gone. */
EXPORT(blob) void *page_blob(size_t size) {
    blob = behind(&__heap_base, 0);
    return behind(blob, size) == NULL ? NULL : blob;
}

/* Begin a signal. */
EXPORT(reset) void page_reset(void) {
    if (listener.rate == 0) {
        if (model.state_size != 0) {
            dpt_reset(&model, arena, model.arena_size);
        }
        return;
    }
    held = 0;
    memset(noise, 0, sizeof *noise * sound.channels);
    dpt_listen_reset(&listener, memory, dpt_listen_size(&listener));
}

/* Lay out the memory of a program that reads samples; DPT_E_STATE of another program. */
static int load_sound(uint8_t *tables, size_t size) {
    listener.rate = 0;
    memory = behind(tables, size); /* the tables lie in the blob, so that they need no more */
    if (memory == NULL) {
        return E_MEMORY;
    }
    const dpt_status status = dpt_sound_load(&listener, &sound, tables, size, &model, blob, size);
    if (status != DPT_OK) {
        return status;
    }
    noise = (uint32_t *)(void *)behind(memory, dpt_listen_size(&listener));
    work = (uint32_t *)(void *)behind((uint8_t *)noise, sizeof *noise * sound.channels);
    frame = (int16_t *)(void *)behind((uint8_t *)work, sizeof *work * sound.fft / 2);
    features = (uint16_t *)(void *)behind((uint8_t *)frame,
                                          sizeof *frame * ((size_t)sound.window + sound.step));
    if (behind((uint8_t *)features, sizeof *features * sound.channels) == NULL) {
        return E_MEMORY;
    }
    page_reset();
    return 0;
}

/* Lay out the memory of a program that reads no samples. */
static int load_input(uint8_t *place) {
    uint64_t traced = 0;
    for (size_t i = 0; i < model.n_ops; i++) {
        trace_at[i] = (size_t)traced; /* unused where it is too large */
        traced += dpt_bytes(model.ops[i].out);
    }
    input = place;
    arena = behind(input, dpt_bytes(model.ops[0].in));
    trace = behind(arena, model.arena_size);
    boxes = (dpt_box *)(void *)behind(trace, traced);
    cutoffs = (int32_t *)(void *)behind((uint8_t *)boxes, MOST_BOXES * sizeof *boxes);
    const size_t channels = model.ops[model.n_ops - 1].out.c;
    if (behind((uint8_t *)cutoffs, channels * sizeof *cutoffs) == NULL) {
        return E_MEMORY;
    }
    page_reset();
    return 0;
}

/* Check the blob and lay out the memory of a run. */
EXPORT(load) int page_load(size_t size) {
    const size_t n_ops = size < 64 ? 0 : (size_t)(blob[20] | blob[21] << 8);
    dpt_op *const ops = (dpt_op *)(void *)behind(blob, size);
    trace_at = (size_t *)(void *)behind((uint8_t *)ops, n_ops * sizeof ops[0]);
    output = (int32_t *)(void *)behind((uint8_t *)trace_at, n_ops * sizeof trace_at[0]);
    if (output == NULL) {
        return E_MEMORY;
    }
    const dpt_status status = dpt_model_load(&model, ops, n_ops, blob, size);
    if (status != DPT_OK) {
        return status;
    }
    const uint64_t outputs = sizeof *output * (uint64_t)dpt_output_count(&model);
    probability = (int32_t *)(void *)behind((uint8_t *)output, outputs);
    uint8_t *place = behind((uint8_t *)probability, outputs);
    int answer = place == NULL ? E_MEMORY : load_sound(place, size);
    if (answer == DPT_E_STATE) {
        answer = load_input(place);
    }
    return answer == 0 && dpt_work(&model) > MOST_STEPS ? E_STEPS : answer;
}

static void keep(void *user, size_t op, size_t at, const void *values, size_t size) {
    (void)user;
    memcpy(trace + trace_at[op] + at, values, size);
}

/* The last op's values, which the labels and the softmax are of. */
static const int32_t *last_output(void) {
    return output + model.ops[model.n_ops - 1].out_offset;
}

/* Compute the probabilities of the values in `output`. */
static void find_probability(void) {
    if (model.softmax.mult != 0) {
        dpt_softmax(last_output(), dpt_elements(model.ops[model.n_ops - 1].out), model.softmax,
                    probability);
    }
}

/* Run the program on its input, or on the next time step; 1 where that brings an output, else 0. */
EXPORT(run) int page_run(int traced) {
    dpt_trace *const observe = traced ? keep : NULL;
    const size_t size = model.arena_size;
    const dpt_status status =
        model.state_size == 0
            ? dpt_run_traced(&model, NULL, arena, size, input, output, observe, NULL)
            : dpt_step_traced(&model, NULL, arena, size, input, output, observe, NULL);
    if (status == DPT_OK) {
        find_probability();
    }
    return status == DPT_OK;
}

/* How many boxes or cells output() has, which lie at boxes(), by a decoder with one cutoff for all
 * classes; negative where the decoder reads another output. */
EXPORT(find)
int page_find(int is_cells, uint8_t first, int32_t cutoff, uint16_t cell, uint32_t mult,
              uint8_t shift, uint16_t iou, uint16_t most) {
    const uint16_t channels = model.ops[model.n_ops - 1].out.c;
    const uint16_t others = (uint16_t)(first + (is_cells ? 0 : EDGES));
    if (channels <= others || most > MOST_BOXES) {
        return DPT_E_ARGUMENT;
    }
    const dpt_decoder decoder = {
        .cutoffs = cutoffs,
        .mult = mult,
        .shift = shift,
        .first = first,
        .classes = (uint16_t)(channels - others),
        .cell = cell,
        .iou = iou,
        .most = most,
    };
    for (size_t i = 0; i < decoder.classes; i++) {
        cutoffs[i] = cutoff;
    }
    size_t n = 0;
    const dpt_status status =
        (is_cells ? dpt_cells : dpt_boxes)(&model, &decoder, output, boxes, &n);
    return status == DPT_OK ? (int)n : (int)status;
}

/* The boxes of the last find(). */
EXPORT(boxes) const void *page_boxes(void) {
    return boxes;
}

/* Hear n samples at samples(), at most step(); so that at most one frame and one decision come. */
EXPORT(listen) int page_listen(size_t n) {
    const int16_t *samples = frame + held;
    held += n;
    const int has_frame = held >= sound.window;
    const size_t size = dpt_listen_size(&listener);
    const int has_decision = dpt_listen(&listener, memory, size, &samples, &n, output) == DPT_OK;
    int found = has_decision ? HAS_DECISION : 0;
    if (has_decision) {
        find_probability();
        if (dpt_keywords(&listener, memory, size, output, &keyword) == DPT_OK) {
            found |= HAS_KEYWORD;
        }
        /* the samples behind the decision's frame */
        dpt_listen(&listener, memory, size, &samples, &n, output);
    }
    if (has_frame) {
        dpt_sound_frames(&sound, 1, frame, noise, work, features);
        held -= sound.step;
        for (size_t i = 0; i < held; i++) {
            frame[i] = frame[i + sound.step];
        }
        found |= HAS_FRAME;
    }
    return found;
}

/* Samples a second; 0 of a program that reads no samples. */
EXPORT(rate) uint32_t page_rate(void) {
    return listener.rate;
}

/* Samples from the start of a frame to the start of the next. */
EXPORT(step) size_t page_step(void) {
    return sound.step;
}

/* Samples of a frame. */
EXPORT(window) size_t page_window(void) {
    return sound.window;
}

/* Where the next samples are written, int16. */
EXPORT(samples) void *page_samples(void) {
    return frame + held;
}

/* The features of the last frame, uint16. */
EXPORT(features) void *page_features(void) {
    return features;
}

/* Features of a frame. */
EXPORT(channels) size_t page_channels(void) {
    return sound.channels;
}

/* Whether the program has a detector. */
EXPORT(detects) int page_detects(void) {
    return listener.detector.window != 0;
}

/* The value of the last output that is the keyword detected last. */
EXPORT(keyword) size_t page_keyword(void) {
    return keyword;
}

/* The values of the last output. */
EXPORT(output) const void *page_output(void) {
    return last_output();
}

/* The integers that the program reads: row by row, the channels of a pixel or time step together.
 */
EXPORT(input) void *page_input(void) {
    return input;
}

/* The softmax of the last output in units of 2^-30, int32; NULL where the net ends in none. Where
 * it ends in one of each pixel, which only the meta tells, this is not it. */
EXPORT(probability) void *page_probability(void) {
    return model.softmax.mult != 0 ? probability : NULL;
}

/* The outputs of all ops, one after the other. */
EXPORT(trace) void *page_trace(void) {
    return trace;
}

/* Whether the program reads a signal step by step. */
EXPORT(is_stream) int page_is_stream(void) {
    return model.state_size != 0;
}

/* Bytes of working memory, as on a device. */
EXPORT(arena_size) size_t page_arena_size(void) {
    return listener.rate != 0 ? dpt_listen_size(&listener) : model.arena_size;
}

/* The index of the largest value of the last output. */
EXPORT(decision) size_t page_decision(void) {
    return dpt_argmax(last_output(), dpt_elements(model.ops[model.n_ops - 1].out));
}

/* An answer of load() in words. */
EXPORT(text) const char *page_text(int status) {
    switch (status) {
    case E_MEMORY:
        return "it needs more than 256 MB of memory, more than this page gives it";
    case E_STEPS:
        return "it takes more than 1,000,000,000 steps, and the page would stand still";
    default:
        return dpt_status_text((dpt_status)status);
    }
}
