/* drypoint.hpp as its users call it: arrays, containers, pointers; outputs to stdout. */
#include "net.h"

#include <drypoint.hpp>

#include <array>
#include <cstdio>
#include <type_traits>
#include <utility>
#include <vector>

static uint8_t arena[NET_ARENA_SIZE + 1];

/* Whether `run` and the constructor take these arguments. */
template <class... Arguments>
auto takes(int) -> decltype(std::declval<drypoint::model>().run(std::declval<Arguments>()...),
                            std::true_type());
template <class...> std::false_type takes(...);
using bytes = uint8_t (&)[NET_ARENA_SIZE + 1];
using outputs = std::array<int32_t, NET_OUTPUT_COUNT> &;
static_assert(decltype(takes<bytes, outputs>(0))::value, "an input and the outputs");
static_assert(!decltype(takes<bytes, bytes, outputs>(0))::value, "an arena beside an input");
static_assert(!std::is_constructible<drypoint::model, const dpt_model &>::value, "no arena");

int main() {
    const drypoint::model net_(net, arena);
    std::array<int32_t, NET_OUTPUT_COUNT> first;
    std::vector<int32_t> second(net_.output_size());
    std::vector<INPUT> input(net_.input_size());
    for (INPUT &value : input) {
        value = static_cast<INPUT>(std::getchar());
    }
    const std::vector<INPUT> &same = input;
    if (net_.run(input, first) != DPT_OK || net_.run(same, second) != DPT_OK) {
        return 1;
    }
    const std::vector<OTHER> other(net_.input_size());
    const drypoint::span<const INPUT> shorter(input.data(), input.size() - 1);
    const drypoint::span<int32_t> narrow(second.data(), second.size() - 1);
    const drypoint::span<uint8_t> small(arena, net_.arena_size() == 0 ? 0 : net_.arena_size() - 1);
    if (net_.run(other, first) != DPT_E_ARGUMENT || net_.run(shorter, first) != DPT_E_ARGUMENT ||
        net_.run(input, narrow) != DPT_E_ARGUMENT ||
        (net_.arena_size() != 0 && drypoint::model(net, small).run(input, first) != DPT_E_ARENA)) {
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
