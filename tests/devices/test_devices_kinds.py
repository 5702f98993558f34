"""No kind of layer costs much more than its plain kind: counted instructions, which do not vary.

Peers: CMSIS-NN at 99f736a by ``python -m drypoint.devices compare``, gcc 14.2 -O3.
"""

import math

import pytest
from device_jobs import as_params, need_counts
from few_bits_nets import with_few_bits
from layer_kinds import (
    conv,
    dense,
    depthwise,
    kinds_program,
    layer_kinds,
    signed_dense_program,
)

from drypoint import devices
from tools import ONLY_CI

KINDS = {kind.name: kind for kind in layer_kinds()}
MOST = 3  # times the plain kind, for a multiply-accumulate, or a value that is read
TARGETS = ("cortex-m4", "cortex-m55")
CMSIS_NN = {  # instructions of a layer, and the share of them that drypoint may take
    "cortex-m4": {
        "conv 3x3 dilated": (1_048_318, 0.8),
        "conv 3x3, 4 groups of 8": (1_566_973, 0.8),
        "depthwise 3x3, multiplier 2": (1_499_507, 0.8),
        "product 14x14x64": (34 * 14 * 14 * 64, 1),
        "mean 25x5x64": (50_704, 1),
    },
    "cortex-m55": {
        "conv 3x3 dilated": (173_192, 0.8),
        "conv 3x3, 4 groups of 8": (390_799, 0.8),
        "depthwise 3x3, multiplier 2": (1_495_596, 0.8),
        "product 14x14x64": (7.7 * 14 * 14 * 64, 1),
        "mean 25x5x64": (8_704, 1),
    },
}


@pytest.fixture(scope="module", params=as_params([devices.target(name) for name in TARGETS]))
def counts(request, toolbox):
    """The target's name, and the instructions of each kind."""
    need_counts(request.param, toolbox)
    program, places = kinds_program(tuple(KINDS.values()))
    found = devices.measure_cost(request.param, program).instructions
    return request.param.name, {name: found.ops[at] for name, at in zip(KINDS, places, strict=True)}


@ONLY_CI
def test_no_kind_costs_more_than_three_times_its_plain_kind(counts):
    name, found = counts
    each = {kind: found[kind] / KINDS[kind].op.work for kind in KINDS}
    compared = {kind: each[kind] / each[KINDS[kind].plain] for kind in KINDS if KINDS[kind].plain}
    assert len(compared) >= 12
    over = {k: n for k, n in compared.items() if n > MOST}
    assert over == {}, name


@ONLY_CI
def test_no_kind_takes_more_than_its_share_of_a_peers_instructions(counts):
    name, found = counts
    shares = {kind: found[kind] / n for kind, (n, _) in CMSIS_NN[name].items()}
    wrong = {k: round(n, 2) for k, n in shares.items() if n > CMSIS_NN[name][k][1]}
    assert wrong == {}, shares


def cost_of(name, kinds, toolbox):
    """The cost of a program of the kinds on a target, and the indices of the kinds."""
    row = devices.target(name)
    need_counts(row, toolbox)
    program, places = kinds_program(kinds)
    return devices.measure_cost(row, program), places


@ONLY_CI
@pytest.mark.parametrize("name", ["cortex-m55", "wasm32-simd128"])
def test_groups_of_four_cost_at_most_three_times_the_plain_kind(name, toolbox):
    """With a pool, too."""
    kinds = (
        conv("plain", (8, 8, 64)),
        conv("groups", (8, 8, 64), groups=16),
        conv("pooled", (8, 8, 64), groups=16, pool=2),
    )
    cost, places = cost_of(name, kinds, toolbox)
    plain, *groups = (
        cost.instructions.ops[at] / kind.work for kind, at in zip(kinds, places, strict=True)
    )
    assert max(groups) <= MOST * plain, (plain, groups)


@ONLY_CI
def test_windows_of_any_size_take_little_stack_on_risc_v_v(toolbox):
    """Of these the driver's room holds neither copies nor pointers. Oracle: a painted stack."""
    kinds = (
        conv("7x7 of 21", (9, 9, 21), kernel=(7, 7)),
        conv("9x9", (9, 9, 32), kernel=(9, 9)),
        conv("5x5 pooled", (8, 8, 128), kernel=(5, 5), pool=2),
        conv("groups pooled", (8, 8, 64), kernel=(5, 5), groups=2, pool=(2, 4)),
        conv("pool of 100", (20, 20, 3), pool=10),
        depthwise("9x9 depthwise", (9, 9, 40), kernel=(9, 9)),
        depthwise("5x5 depthwise pooled", (8, 8, 40), kernel=(5, 5), pool=2),
        depthwise("7x7, multiplier 3", (8, 8, 40), kernel=(7, 7), multiplier=3),
    )
    cost, places = cost_of("riscv64gcv-vlen128", kinds, toolbox)
    found = {kind.name: cost.op_stacks[at] for kind, at in zip(kinds, places, strict=True)}
    assert max(found.values()) <= 2560, found


SIZES = (256, 64, 65, 10, 12)  # of dense ops on i8
DENSE = {  # CMSIS-NN's instructions by the number of the op, all with weights of 8 bits
    ("cortex-m0+", 8): {0: 104_965, 2: 5_217},
    ("cortex-m0+", 4): {0: 104_965},
    ("cortex-m4", 8): {0: 33_962, 2: 1_893},
}


@ONLY_CI
@pytest.mark.parametrize(("name", "bits"), DENSE)
def test_small_dense_ops_take_at_most_four_fifths_of_a_peers_instructions(name, bits, toolbox):
    row, program = devices.target(name), signed_dense_program(SIZES)
    need_counts(row, toolbox)
    counts = devices.measure_cost(row, with_few_bits(program, choice=(bits,))).instructions.ops
    shares = [counts[at] / n for at, n in DENSE[name, bits].items()]
    assert max(shares) <= 0.8, shares


@ONLY_CI
def test_a_pool_saves_what_a_plane_costs_on_helium(toolbox):
    """A depthwise 3x3 with a 2x2 pool, beside CMSIS-NN's two ops, and the depthwise alone."""
    shape, pool = (14, 14, 32), 2
    kinds = (depthwise("plain", shape, None), depthwise("pooled", shape, pool=pool))
    cost, places = cost_of("cortex-m55", kinds, toolbox)
    plain, pooled = (cost.instructions.ops[at] for at in places)
    assert pooled <= 0.8 * 172_353 / 1.02, pooled  # 172,353 instructions were 1.02 times a peer's
    assert pooled <= 1.2 * plain, (plain, pooled)


# Instructions a multiply-accumulate, at most: issue 39 and docs/few-bits.md.
FEW_BITS = {
    (4, "cortex-m0+"): {"dense": 3.5, "1x1": 3.5, "3x3": 3.2},
    (2, "cortex-m0+"): {"dense": 2.0, "1x1": 2.7, "3x3": 2.5},
    (4, "cortex-m4"): {
        "dense": 1.2,
        "dense of 256": 1.3,
        "dense of 128": 1.35,
        "1x1": 1.3,
        "3x3": 1.3,
    },
}


@ONLY_CI
@pytest.mark.parametrize(("bits", "name"), FEW_BITS)
def test_a_layer_of_few_bits_takes_at_most_so_many_instructions(bits, name, toolbox):
    kinds = (
        dense("dense", 800, 500),
        dense("dense of 256", 256, 64),
        dense("dense of 128", 128, 128),
        conv("1x1", (14, 14, 64), kernel=(1, 1)),
        conv("3x3", (7, 7, 64)),
    )
    target = devices.target(name)
    for tool in devices.needed_tools(target):
        toolbox.need(tool)
    program, places = kinds_program(kinds)
    counts = devices.measure_cost(target, with_few_bits(program, choice=(bits,))).instructions.ops
    found = {kind.name: counts[at] / kind.work for kind, at in zip(kinds, places, strict=True)}
    bars = FEW_BITS[bits, name]
    over = {kind: round(n, 2) for kind, n in found.items() if n > bars.get(kind, math.inf)}
    assert over == {}, found
