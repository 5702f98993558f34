/* SPDX-License-Identifier: Apache-2.0 */
/* Layers by the functions that CMSIS-NN's pages name, each on its own input. In: how many layers,
 * then of each its `layer` and its arrays. Out: the outputs, bytes, layer after layer. Each layer
 * calls `mark` before and after what a run of it costs. */
#include "arm_nnfunctions.h"
#include "port.h"

enum { CONV, DEPTHWISE, DENSE, MAXPOOL, AVGPOOL, ADD }; /* _cmsis_nn.py has these numbers */
enum { MEMORY = 1 << 20, TOO_LARGE = 94, REFUSED = 96 };

/* All members are int32_t. `windows` are the outputs before the pool. */
typedef struct layer {
    int32_t kind, inputs, weights, channels; /* bytes of input, of weights; biases */
    cmsis_nn_dims in, filter, windows, out;
    cmsis_nn_tile stride, padding, dilation, pool;
    int32_t in_offset, out_offset;
    cmsis_nn_activation clamp;
    int32_t
        sum[9]; /* of an addition: offset, multiplier, shift of each input, then of the output */
} layer;

/* Begins and ends what is counted. */
__attribute__((noinline)) void mark(void);
__attribute__((noinline)) void mark(void) {
    __asm__ volatile("");
}

static _Alignas(16) int8_t memory[MEMORY];
static size_t used;

static void *take(int32_t size) {
    void *const at = memory + used;
    if (size < 0 || (size_t)size > MEMORY - used) {
        port_exit(TOO_LARGE);
    }
    used += ((size_t)size + 15) / 16 * 16;
    return at;
}

static void *take_read(int32_t size) {
    void *const at = take(size);
    port_read(at, (size_t)size);
    return at;
}

static cmsis_nn_context scratch(int32_t size) {
    const cmsis_nn_context made = {size > 0 ? take(size) : NULL, size};
    return made;
}

static void check(int wrong) {
    if (wrong) {
        port_exit(REFUSED);
    }
}

/* What Helium's kernels of dense ops read in place of biases; arm_vector_sum_s8 computes it once.
 */
static void sum_kernel(const layer *l, const int8_t *weight, const int32_t *bias, int32_t *sums) {
    for (int32_t c = 0; c < l->channels; c++) {
        int32_t sum = 0;
        for (int32_t i = 0; i < l->filter.n; i++) {
            sum += *weight++;
        }
        sums[c] = bias[c] + sum * l->in_offset;
    }
}

static void run(const layer *l, int8_t *y) {
    const int8_t *const x = take_read(l->inputs), *const weight = take_read(l->weights);
    const int32_t *const bias = take_read(4 * l->channels);
    const cmsis_nn_per_channel_quant_params each = {take_read(4 * l->channels),
                                                    take_read(4 * l->channels)};
    const int pools = l->pool.h * l->pool.w > 1;
    int8_t *const to = pools ? take(l->windows.h * l->windows.w * l->windows.c) : y;
    const cmsis_nn_dims biases = {1, 1, 1, l->channels}, kernel = {1, l->pool.h, l->pool.w, 1};
    const cmsis_nn_pool_params pool = {l->pool, {0, 0}, l->clamp};
    const cmsis_nn_context none = {NULL, 0};
    switch (l->kind) {
    case CONV: {
        const cmsis_nn_conv_params how = {l->in_offset, l->out_offset, l->stride,
                                          l->padding,   l->dilation,   l->clamp};
        const cmsis_nn_context room =
            scratch(arm_convolve_wrapper_s8_get_buffer_size(&how, &l->in, &l->filter, &l->windows));
        mark();
        check(arm_convolve_wrapper_s8(&room, &how, &each, &l->in, x, &l->filter, weight, &biases,
                                      bias, &l->windows, to));
        break;
    }
    case DEPTHWISE: {
        const cmsis_nn_dw_conv_params how = {l->in_offset, l->out_offset, l->channels / l->in.c,
                                             l->stride,    l->padding,    l->dilation,
                                             l->clamp};
        const cmsis_nn_context room = scratch(
            arm_depthwise_conv_wrapper_s8_get_buffer_size(&how, &l->in, &l->filter, &l->windows));
        mark();
        check(arm_depthwise_conv_wrapper_s8(&room, &how, &each, &l->in, x, &l->filter, weight,
                                            &biases, bias, &l->windows, to));
        break;
    }
    case DENSE: {
        const cmsis_nn_fc_params how = {l->in_offset, 0, l->out_offset, l->clamp};
        const cmsis_nn_per_tensor_quant_params all = {each.multiplier[0], each.shift[0]};
        const cmsis_nn_context room = scratch(arm_fully_connected_s8_get_buffer_size(&l->filter));
        if (room.size >= 4 * l->channels) {
            sum_kernel(l, weight, bias, room.buf);
        }
        mark();
        check(arm_fully_connected_s8(&room, &how, &all, &l->in, x, &l->filter, weight, &biases,
                                     bias, &l->out, to));
        break;
    }
    case MAXPOOL:
    case AVGPOOL: {
        const cmsis_nn_pool_params how = {l->stride, l->padding, l->clamp};
        const cmsis_nn_context room = scratch(arm_avgpool_s8_get_buffer_size(l->out.w, l->in.c));
        mark();
        check((l->kind == AVGPOOL ? arm_avgpool_s8 : arm_max_pool_s8)(&room, &how, &l->in, x,
                                                                      &l->filter, &l->out, to));
        break;
    }
    case ADD: {
        const int32_t *const s = l->sum, n = l->inputs / 2;
        mark();
        check(arm_elementwise_add_s8(x, x + n, s[0], s[1], s[2], s[3], s[4], s[5], 20, to, s[6],
                                     s[7], s[8], l->clamp.min, l->clamp.max, n));
        break;
    }
    }
    if (pools) {
        check(arm_max_pool_s8(&none, &pool, &l->windows, to, &kernel, &l->out, y));
    }
    mark();
}

int device_main(void) {
    int32_t n;
    port_read(&n, sizeof n);
    for (; n > 0; n--, used = 0) {
        static layer l;
        port_read(&l, sizeof l);
        const int32_t size = l.out.h * l.out.w * l.out.c;
        int8_t *const y = take(size);
        run(&l, y);
        port_write(y, (size_t)size);
    }
    return 0;
}
