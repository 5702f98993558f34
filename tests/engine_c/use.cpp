/* drypoint.hpp as its users call it: arrays, containers, pointers; outputs to stdout. */
#include "net.h"

#include <drypoint.hpp>

#include <array>
#include <cstdio>
#include <vector>

static uint8_t arena[NET_ARENA_SIZE + 1];

int main() {
    const drypoint::model net_(net);
    std::array<int32_t, NET_OUTPUT_COUNT> first;
    std::vector<int32_t> second(net_.output_size());
    std::vector<INPUT> input(net_.input_size());
    for (INPUT &value : input) {
        value = static_cast<INPUT>(std::getchar());
    }
    const std::vector<INPUT> &same = input;
    if (net_.run(input, arena, first) != DPT_OK || net_.run(same, arena, second) != DPT_OK) {
        return 1;
    }
    const std::vector<OTHER> other(net_.input_size());
    const drypoint::span<const INPUT> shorter(input.data(), input.size() - 1);
    const drypoint::span<int32_t> narrow(second.data(), second.size() - 1);
    if (net_.run(other, arena, first) != DPT_E_ARGUMENT ||
        net_.run(shorter, arena, first) != DPT_E_ARGUMENT ||
        net_.run(input, arena, narrow) != DPT_E_ARGUMENT ||
        (net_.arena_size() != 0 &&
         net_.run(input, drypoint::span<uint8_t>(arena, net_.arena_size() - 1), first) !=
             DPT_E_ARENA)) {
        return 2;
    }
    if (drypoint::model::argmax(first) != dpt_argmax(second.data(), second.size()) ||
        net_.label(0) != dpt_label(&net, 0)) {
        return 3;
    }
    for (int32_t value : first) {
        std::printf("%ld ", static_cast<long>(value));
    }
    return 0;
}
