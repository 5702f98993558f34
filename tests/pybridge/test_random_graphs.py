"""The random graphs of nets.py have every feature that an op can show, so tests on them miss none.

Oracle: the list of every kind with every type, zero point, padding value, dilation, mark and skip
that NUMERICS.md allows (graph_features.py).
"""

from collections import Counter

import drawn_nets
import graph_features
import nets
from drawn_nets import drawn_case

from drypoint import nn
from drypoint.program import blob
from tools import ONLY_CI

# The programs that test_c_driver.py runs in CI: under sanitizers, and by every compiler.
UNDER_SANITIZERS = range(10_000, 11_500)
BY_EVERY_COMPILER = range(70)


@ONLY_CI
def test_the_graphs_under_sanitizers_show_every_feature_several_times():
    found = graph_features.count(map(nets.random_program, UNDER_SANITIZERS))
    wanted = graph_features.every_feature()
    assert set(found) == wanted
    assert {feature: n for feature, n in found.items() if n < 4} == {}


def test_the_graphs_of_every_compiler_show_each_kind_with_all_that_is_special():
    """Whatever the types, and whatever kind skips."""
    found = graph_features.count(map(nets.random_program, BY_EVERY_COMPILER))
    every, of_kind = graph_features.every_feature(), graph_features.OF_KIND
    wanted = {(kind, what) for kind, *_, what in every if what not in of_kind}
    assert {(kind, what) for kind, *_, what in found if what not in of_kind} == wanted


def test_graphs_have_forks_and_long_skips():
    """Tensors with two readers and more, and reads over two ops and more."""
    forks = long_skips = of_input = 0
    for program in map(nets.random_program, BY_EVERY_COMPILER):
        reads = [number for numbers in program.reads for number in numbers]
        forks += len(reads) > len(set(reads))
        for i, numbers in enumerate(program.reads):
            long_skips += any(0 < number < i - 1 for number in numbers)
            of_input += i > 1 and 0 in numbers
    assert min(forks, long_skips, of_input) >= 5


def test_a_seed_gives_one_program():
    for seed in range(20):
        again = blob.dumps(nets.random_program(seed))
        assert blob.dumps(nets.random_program(seed)) == again


def test_the_random_nets_have_each_layer_that_has_an_integer_form():
    drawn = Counter()
    for seed in range(600):
        drawn.update({type(leaf) for _, leaf in drawn_case(seed).model.net.leaves()})
    exported = {kind for kind in nn.LEAF_TYPES if drawn_nets.MARKS[kind.__name__]}
    # Recurrent layers make programs that stream: tests/pybridge/test_quant_recurrent.py has them.
    exported -= {nn.GRU, nn.LSTM}
    lacking = {kind.__name__ for kind in exported if drawn[kind] < 2}
    assert lacking == set(), "write a random layer for it in tests/support/layer_samples.py"
