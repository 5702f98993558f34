/* SPDX-License-Identifier: Apache-2.0
 *
 * drypoint as a native module of MicroPython: README.md has its functions. With MICROPHONE defined
 * it listens; without, it finds boxes.
 *
 * A Model points into the bytes of its blob and holds a reference to the object that owns them.
 * Each run looks whether the object still owns these bytes: a bytearray that grows moves them. */
#include "py/dynruntime.h"

#include "drypoint.h"
#ifdef MICROPHONE
#include "drypoint_listen.h"
#else
#include "drypoint_boxes.h"
#endif

typedef struct model_obj {
    mp_obj_base_t base;
    mp_obj_t owner; /* of the blob */
    const void *blob;
    size_t blob_size;
    mp_obj_t labels; /* a tuple */
    dpt_model model;
    dpt_op *ops;
    void *memory; /* the arena, or what the listener needs */
    size_t memory_size;
    int32_t *output;
    size_t n_output;
#ifdef MICROPHONE
    uint32_t *tables; /* of sound; NULL: the model reads no samples */
    dpt_sound sound;
    dpt_listener listener;
#endif
} model_obj;

/* The linker finds these by name, in a program whose other names are its own (build.py). */
#define LINKED __attribute__((externally_visible))

LINKED mp_obj_full_type_t model_type;

/* What the engine calls of the C library. */
LINKED void *memcpy(void *to, const void *from, size_t n) {
    return mp_fun_table.memmove_(to, from, n);
}

LINKED void *memset(void *to, int byte, size_t n) {
    return mp_fun_table.memset_(to, byte, n);
}

static __attribute__((noinline, noreturn)) void refuse(const char *text) {
    mp_raise_ValueError(text);
}

static void check(dpt_status status) {
    if (status < 0) {
        refuse(dpt_status_text(status));
    }
}

static mp_buffer_info_t buffer_of(mp_obj_t given) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(given, &buffer, MP_BUFFER_READ);
    return buffer;
}

#ifdef MICROPHONE
/* Whether the blob has a record of sound; then fills the listener. */
static bool load_sound(model_obj *self) {
    for (size_t size = 4096;; size *= 2) {
        self->tables = m_malloc(size);
        dpt_status status = dpt_sound_load(&self->listener, &self->sound, self->tables, size,
                                           &self->model, self->blob, self->blob_size);
        if (status == DPT_OK) {
            return true;
        }
        m_free(self->tables);
        self->tables = NULL;
        if (status == DPT_E_STATE) {
            return false;
        }
        if (status != DPT_E_CAPACITY) {
            check(status);
        }
    }
}

#endif

static mp_obj_t labels_of(const dpt_model *model) {
    mp_obj_t labels = mp_obj_new_tuple(model->n_labels, NULL);
    size_t n;
    mp_obj_t *items;
    mp_obj_get_array(labels, &n, &items);
    for (size_t i = 0; i < n; i++) {
        const char *label = dpt_label(model, i);
        size_t length = 0;
        while (label[length] != '\0') {
            length++;
        }
        items[i] = mp_obj_new_str(label, length);
    }
    return labels;
}

static void reset(model_obj *self) {
#ifdef MICROPHONE
    if (self->tables != NULL) {
        check(dpt_listen_reset(&self->listener, self->memory, self->memory_size));
        return;
    }
#endif
    if (self->model.state_size > 0) {
        check(dpt_reset(&self->model, self->memory, self->memory_size));
    }
}

/* Model(blob) */
static mp_obj_t model_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
                               const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    const mp_buffer_info_t blob = buffer_of(args[0]);
    model_obj *self = m_malloc(sizeof *self);
    memset(self, 0, sizeof *self);
    self->base.type = type;
    self->owner = args[0];
    self->blob = blob.buf;
    self->blob_size = blob.len;
    size_t n_ops = dpt_blob_ops(blob.buf, blob.len);
    self->ops = n_ops == 0 ? NULL : m_malloc(n_ops * sizeof *self->ops);
    /* Without ops the loader finds the fault of the header before it writes any. */
    dpt_op none;
    check(dpt_model_load(&self->model, n_ops == 0 ? &none : self->ops, n_ops, blob.buf, blob.len));
    self->memory_size = self->model.arena_size;
#ifdef MICROPHONE
    if (load_sound(self)) {
        self->memory_size = dpt_listen_size(&self->listener);
    }
#endif
    self->memory = m_malloc(self->memory_size);
    self->n_output = dpt_output_count(&self->model);
    self->output = m_malloc(self->n_output * sizeof *self->output);
    self->labels = labels_of(&self->model);
    reset(self);
    return MP_OBJ_FROM_PTR(self);
}

static model_obj *checked(mp_obj_t self_in) {
    model_obj *self = MP_OBJ_TO_PTR(self_in);
    const mp_buffer_info_t blob = buffer_of(self->owner);
    if (blob.buf != self->blob || blob.len != self->blob_size) {
        refuse(MP_ERROR_TEXT("the blob was resized after Model(blob): load it again"));
    }
    return self;
}

static const void *input_of(const model_obj *self, mp_obj_t given) {
    const mp_buffer_info_t input = buffer_of(given);
    if (input.len != dpt_input_size(&self->model)) {
        refuse(MP_ERROR_TEXT("the input must have Model.input_size bytes"));
    }
    return input.buf;
}

static mp_obj_t output_of(const model_obj *self) {
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (size_t i = 0; i < self->n_output; i++) {
        mp_obj_list_append(list, mp_obj_new_int(self->output[i]));
    }
    return list;
}

static const model_obj *compute(mp_obj_t self_in, mp_obj_t input) {
    const model_obj *self = checked(self_in);
    check(dpt_run(&self->model, NULL, self->memory, self->memory_size, input_of(self, input),
                  self->output));
    return self;
}

/* run(input) -> list of int */
static mp_obj_t model_run(mp_obj_t self_in, mp_obj_t input) {
    return output_of(compute(self_in, input));
}
static MP_DEFINE_CONST_FUN_OBJ_2(model_run_obj, model_run);

/* step(row) -> list of int, or None where the step has no output */
static mp_obj_t model_step(mp_obj_t self_in, mp_obj_t row) {
    model_obj *self = checked(self_in);
    dpt_status status = dpt_step(&self->model, NULL, self->memory, self->memory_size,
                                 input_of(self, row), self->output);
    check(status);
    return status == DPT_OK ? output_of(self) : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(model_step_obj, model_step);

/* reset(): begins a signal */
static mp_obj_t model_reset(mp_obj_t self_in) {
    reset(checked(self_in));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(model_reset_obj, model_reset);

#ifdef MICROPHONE
/* listen(samples) -> list of (outputs, index of the keyword or None), one for each decision */
static mp_obj_t model_listen(mp_obj_t self_in, mp_obj_t given) {
    model_obj *self = checked(self_in);
    if (self->tables == NULL) {
        refuse(MP_ERROR_TEXT("the model reads no samples: call run or step"));
    }
    const mp_buffer_info_t buffer = buffer_of(given);
    if (((uintptr_t)buffer.buf | buffer.len) % sizeof(int16_t) != 0) {
        refuse(MP_ERROR_TEXT("samples must be int16: array.array('h', ...)"));
    }
    const int16_t *samples = buffer.buf;
    size_t n = buffer.len / sizeof *samples;
    mp_obj_t decisions = mp_obj_new_list(0, NULL);
    for (;;) {
        dpt_status status = dpt_listen(&self->listener, self->memory, self->memory_size, &samples,
                                       &n, self->output);
        check(status);
        if (status != DPT_OK) {
            return decisions;
        }
        size_t keyword;
        bool heard = dpt_keywords(&self->listener, self->memory, self->memory_size, self->output,
                                  &keyword) == DPT_OK;
        mp_obj_t pair[2] = {output_of(self), heard ? mp_obj_new_int(keyword) : mp_const_none};
        mp_obj_list_append(decisions, mp_obj_new_tuple(2, pair));
    }
}
static MP_DEFINE_CONST_FUN_OBJ_2(model_listen_obj, model_listen);
#else
/* The decoder in the bytes that decoder.py writes, which this checks. */
static dpt_decoder decoder_of(const model_obj *self, mp_obj_t given) {
    typedef struct record { /* as it lies there; cutoffs follow */
        uint32_t mult;
        uint16_t cell, iou, most;
        uint8_t first, shift;
    } record;
    const mp_buffer_info_t bytes = buffer_of(given);
    record *d = m_malloc(bytes.len + sizeof *d); /* a copy, since bytes lie at any address */
    memset(d, 0, sizeof *d);
    memcpy(d, bytes.buf, bytes.len);
    const dpt_tensor map = self->model.ops[self->model.n_ops - 1].out;
    if (bytes.len % sizeof(int32_t) != 0 || bytes.len < sizeof *d || d->mult > INT32_MAX ||
        d->cell == 0 || d->cell * map.h > 4095 || d->cell * map.w > 4095 || d->iou > 1000 ||
        d->most > 1000 || d->first > 1 || d->shift > 62) {
        refuse(MP_ERROR_TEXT("wanted: the bytes of decoder.py for this model"));
    }
    return (dpt_decoder){.cutoffs = (const int32_t *)(d + 1),
                         .mult = d->mult,
                         .shift = d->shift,
                         .first = d->first,
                         .classes = (bytes.len - sizeof *d) / sizeof(int32_t),
                         .cell = d->cell,
                         .iou = d->iou,
                         .most = d->most};
}

/* boxes(input, decoder) -> list of (score, value, left, top, right, bottom), best first */
static mp_obj_t model_boxes(mp_obj_t self_in, mp_obj_t input, mp_obj_t given) {
    const model_obj *self = compute(self_in, input);
    const dpt_decoder decoder = decoder_of(self, given);
    dpt_box *boxes = m_malloc(decoder.most * sizeof *boxes);
    size_t n;
    check((decoder.shift == 0 ? dpt_cells : dpt_boxes)(&self->model, &decoder, self->output, boxes,
                                                       &n));
    mp_obj_t list = mp_obj_new_list(0, NULL);
    for (const dpt_box *box = boxes; box < boxes + n; box++) {
        const uint16_t *numbers = &box->value; /* and left, top, right, bottom */
        mp_obj_t items[6] = {mp_obj_new_int(box->score)};
        for (size_t i = 0; i < 5; i++) {
            items[i + 1] = mp_obj_new_int(numbers[i]);
        }
        mp_obj_list_append(list, mp_obj_new_tuple(6, items));
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_3(model_boxes_obj, model_boxes);
#endif

static void model_attr(mp_obj_t self_in, qstr name, mp_obj_t *to) {
    const model_obj *self = MP_OBJ_TO_PTR(self_in);
    if (to[0] != MP_OBJ_NULL) {
        return; /* attributes are read only */
    }
    if (name == MP_QSTR_input_size) {
        to[0] = mp_obj_new_int(dpt_input_size(&self->model));
    } else if (name == MP_QSTR_memory_size) {
        to[0] = mp_obj_new_int(self->memory_size);
    } else if (name == MP_QSTR_labels) {
        to[0] = self->labels;
    } else {
        to[1] = MP_OBJ_SENTINEL; /* look among the methods */
    }
}

LINKED mp_map_elem_t model_locals_dict_table[4];
static MP_DEFINE_CONST_DICT(model_locals_dict, model_locals_dict_table);

LINKED mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) {
    (void)n_args, (void)n_kw, (void)args;
    MP_DYNRUNTIME_INIT_ENTRY

    model_locals_dict_table[0] =
        (mp_map_elem_t){MP_OBJ_NEW_QSTR(MP_QSTR_run), MP_OBJ_FROM_PTR(&model_run_obj)};
    model_locals_dict_table[1] =
        (mp_map_elem_t){MP_OBJ_NEW_QSTR(MP_QSTR_step), MP_OBJ_FROM_PTR(&model_step_obj)};
    model_locals_dict_table[2] =
        (mp_map_elem_t){MP_OBJ_NEW_QSTR(MP_QSTR_reset), MP_OBJ_FROM_PTR(&model_reset_obj)};
    model_locals_dict_table[3] =
#ifdef MICROPHONE
        (mp_map_elem_t){MP_OBJ_NEW_QSTR(MP_QSTR_listen), MP_OBJ_FROM_PTR(&model_listen_obj)};
#else
        (mp_map_elem_t){MP_OBJ_NEW_QSTR(MP_QSTR_boxes), MP_OBJ_FROM_PTR(&model_boxes_obj)};
#endif
    model_type.base.type = (void *)&mp_type_type;
    model_type.name = MP_QSTR_Model;
    MP_OBJ_TYPE_SET_SLOT(&model_type, make_new, model_make_new, 0);
    MP_OBJ_TYPE_SET_SLOT(&model_type, attr, model_attr, 1);
    MP_OBJ_TYPE_SET_SLOT(&model_type, locals_dict, (void *)&model_locals_dict, 2);
    mp_store_global(MP_QSTR_Model, MP_OBJ_FROM_PTR(&model_type));

    MP_DYNRUNTIME_INIT_EXIT
}
