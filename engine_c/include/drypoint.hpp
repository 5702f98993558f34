/* SPDX-License-Identifier: Apache-2.0
 *
 * drypoint.h for C++11 and later: sizes travel with their buffers and are checked. No exceptions,
 * no allocation, nothing to destroy; what it compiles to is the call of dpt_run.
 *
 *     static uint8_t arena[LENET_ARENA_SIZE];
 *     std::array<int32_t, LENET_OUTPUT_COUNT> scores;
 *     drypoint::model net(lenet, arena);
 *     if (net.run(pixels, scores) == DPT_OK) puts(net.label(net.argmax(scores)));
 */
#ifndef DRYPOINT_HPP
#define DRYPOINT_HPP

#include "drypoint.h"

namespace drypoint {

/* A pointer and a number of elements: from an array, or from anything with data() and size(). */
template <class T> class span {
  public:
    span(T *data, size_t size) : data_(data), size_(size) {
    }
    template <size_t N> span(T (&array)[N]) : data_(array), size_(N) {
    }
    template <class C, class = decltype(static_cast<T *>(static_cast<C *>(nullptr)->data()))>
    span(C &container) : data_(container.data()), size_(container.size()) {
    }
    template <class C, class = decltype(static_cast<T *>(static_cast<const C *>(nullptr)->data()))>
    span(const C &container) : data_(container.data()), size_(container.size()) {
    }

    T *data() const {
        return data_;
    }
    size_t size() const {
        return size_;
    }

  private:
    T *data_;
    size_t size_;
};

/* A dpt_model and an arena, which both must outlive it. No call has the arena beside an input of
 * bytes, since the two could be swapped. Each thread has a model of its own. */
class model {
  public:
    model(const dpt_model &m, span<uint8_t> arena, const dpt_backend *backend = nullptr)
        : model_(&m), arena_(arena), backend_(backend) {
    }

    size_t arena_size() const {
        return model_->arena_size;
    }
    size_t input_size() const {
        return dpt_elements(model_->ops[0].in);
    }
    size_t output_size() const {
        return dpt_output_count(model_);
    }

    /* Calls dpt_run. DPT_E_ARGUMENT also if input or output has another number of values than the
     * model's, or the input is not of the model's input type. */
    dpt_status run(span<const uint8_t> input, span<int32_t> output) const {
        return run(input.data(), input.size(), DPT_U8, output, dpt_run);
    }
    dpt_status run(span<const int8_t> input, span<int32_t> output) const {
        return run(input.data(), input.size(), DPT_I8, output, dpt_run);
    }

    /* Call dpt_reset and dpt_step; step checks input and output as run does. */
    dpt_status reset() const {
        return dpt_reset(model_, arena_.data(), arena_.size());
    }
    dpt_status step(span<const uint8_t> input, span<int32_t> output) const {
        return run(input.data(), input.size(), DPT_U8, output, dpt_step);
    }
    dpt_status step(span<const int8_t> input, span<int32_t> output) const {
        return run(input.data(), input.size(), DPT_I8, output, dpt_step);
    }

    static size_t argmax(span<const int32_t> output) {
        return dpt_argmax(output.data(), output.size());
    }
    const char *label(size_t index) const {
        return dpt_label(model_, index);
    }

  private:
    dpt_status run(const void *input, size_t size, int type, span<int32_t> output,
                   decltype(dpt_run) *call) const {
        const bool fits = size == input_size() && output.size() == output_size();
        if (!fits || type != model_->ops[0].in.type) {
            return DPT_E_ARGUMENT;
        }
        return call(model_, backend_, arena_.data(), arena_.size(), input, output.data());
    }

    const dpt_model *model_;
    span<uint8_t> arena_;
    const dpt_backend *backend_;
};

} // namespace drypoint
#endif
