"""The one rounding rule against exact arithmetic, in NumPy and in C."""

import itertools

import numpy as np
import oracle
import pytest
from last_output import only_output

from drypoint.engine import Engine
from drypoint.program import Dense, Lookup, Program, Shape, Tensor, reference

LARGEST = 2**31 - 1
I32 = (-(2**31), 2**31 - 1)
MULTIPLIERS = sorted(
    {2, 4, 6, 2**31 - 2, 2**31 - 4, 8_323_200}
    | {m for k in range(2, 31) for m in (2**k - 2, 2**k, 2**k + 2) if 2 <= m <= 2**31 - 2}
)


def edge_accumulators(shift: int) -> list[int]:
    """0, powers of two and their neighbours, and the limits that section 4 leaves for a shift."""
    limit = LARGEST >> shift
    near = {d + 2**k for k in range(31) for d in (-1, 0, 1)} | {0, limit, limit - 1}
    inside = {a for a in near if a <= limit}
    return sorted(inside | {-a for a in inside})


def ask(acc, mult, shift, lo, hi, *, zero=0):
    arrays = np.array(acc, np.int32), np.array(mult, np.int32)
    return reference.requantize(*arrays, shift=shift, zero=zero, clamp=(lo, hi))


def test_edges_equal_exact_fractions():
    for shift in range(31):
        pairs = list(itertools.product(edge_accumulators(shift), MULTIPLIERS))
        got = ask(*zip(*pairs, strict=True), shift, *I32)
        assert got.tolist() == [oracle.requantized(acc, m, shift, 0, *I32) for acc, m in pairs]
        for zero in (-128, -1, 127):
            moved = ask(*zip(*pairs, strict=True), shift, -128, 127, zero=zero)
            assert moved.tolist() == np.clip(got + zero, -128, 127).tolist()


def random_triples(rng, n):
    shift = int(rng.integers(0, 31))
    limit = LARGEST >> shift
    acc = rng.integers(-limit, limit + 1, n)
    # As many small multipliers as large ones.
    mult = 2 * np.floor(2.0 ** rng.uniform(0, 30, n)).astype(np.int64).clip(1, 2**30 - 1)
    return acc, mult, shift


def test_random_triples_equal_python_integers(toolbox):
    """In Python's unbounded integers: floor(acc m 2^e / 2^32 + 1/2)."""
    for seed in range(20):
        count = toolbox.count(every_day=5_000, ci=50_000)
        acc, mult, shift = random_triples(np.random.default_rng(seed), count)
        wanted = (2 * acc.astype(object) * mult.astype(object) * 2**shift + 2**32) // 2**33
        assert ask(acc, mult, shift, *I32).tolist() == wanted.tolist(), seed


def test_random_triples_equal_a_derivation_without_the_rounding_constant(toolbox):
    """|acc m 2^e| < 2^62, so int64 holds the product, and divmod splits it
    into whole steps and a rest: the result is the whole, one more where the rest is half or above.
    """
    for seed in range(100, 110):
        count = toolbox.count(every_day=50_000, ci=500_000)
        acc, mult, shift = random_triples(np.random.default_rng(seed), count)
        whole, rest = np.divmod(acc * 2**shift * mult, 2**32)
        np.testing.assert_array_equal(ask(acc, mult, shift, *I32), whole + (rest >= 2**31))


@pytest.mark.parametrize(
    ("acc", "shift", "wanted"), [(1, 1, 1), (-1, 1, 0), (3, 1, 2), (-3, 1, -1)]
)
def test_ties_go_up(acc, shift, wanted):
    """acc * 2^30 * 2^(1 - 32) is acc / 2: a tie for every odd acc."""
    assert ask([acc], [2**30], shift, *I32).tolist() == [wanted]


def test_the_worked_example_of_the_contract():
    assert ask([51_234, -51_234], [8_323_200] * 2, 0, 0, 255).tolist() == [99, 0]
    assert 51_234 * 8_323_200 == 426_430_828_800
    assert (426_430_828_800 + 2**31, -426_430_828_800 + 2**31) == (
        428_578_312_448,
        -424_283_345_152,
    )


def test_no_result_exceeds_two_to_the_thirty():
    """NUMERICS.md section 1 promises that range for the last op."""
    assert ask([LARGEST, -LARGEST], [2**31 - 2] * 2, 0, *I32).tolist() == [2**30 - 1, -(2**30) + 1]


def test_the_zero_point_is_added_before_the_clamp():
    """acc / 2, a tie upwards, then the zero point, then the clamp: by hand."""
    acc = [-300, -7, 0, 7, 8, 300]
    assert ask(acc, [2**30] * 6, 1, -128, 127, zero=-20).tolist() == [-128, -23, -20, -16, -16, 127]
    assert ask(acc, [2**30] * 6, 1, -20, 60, zero=-20).tolist() == [-20, -20, -20, -16, -16, 60]
    assert ask([-1, 1], [2**30] * 2, 1, -128, 127, zero=127).tolist() == [127, 127]


def one_op(pairs, shift, out_type, clamp, zero):
    """A dense op whose accumulators are exactly the given ones: weights are 0, the bias is acc.
    An inner type is passed on by a table, which gives back the stored integer."""
    acc, mult = (np.array(column, np.int32) for column in zip(*pairs, strict=True))
    shape = Shape(1, 1, len(pairs))
    dense = Dense(
        name="dense", inputs=(Tensor(Shape(1, 1, 1), "u8"),), output=Tensor(shape, out_type, zero),
        weight=np.zeros((len(pairs), 1), np.int8), bias=acc, mult=mult, shift=shift,
        lo=clamp[0], hi=clamp[1],
    )  # fmt: skip
    ops = [dense]
    if out_type != "i32":
        stored = np.arange(256, dtype=np.uint8).view(np.int8 if out_type == "i8" else np.uint8)
        output = Tensor(shape, "i32")
        ops.append(
            Lookup(
                name="widen", inputs=(dense.output,), output=output, table=stored.astype(np.int32)
            )
        )
    return Program(name="edges", ops=tuple(ops), input_scale=1.0, outputs=only_output())


@pytest.mark.parametrize(
    ("out_type", "clamp", "zero"),
    [
        ("i32", I32, 0),
        ("u8", (0, 255), 0),
        ("i8", (-128, 127), 0),
        ("u8", (3, 96), 0),
        ("i8", (-128, 127), -128),
        ("i8", (-40, 60), -40),
        ("i8", (-128, 127), 127),
    ],
)
def test_the_c_function_equals_numpy_at_the_bounds(toolbox, out_type, clamp, zero):
    for shift in range(0, 31, toolbox.count(every_day=5, ci=1)):
        pairs = list(itertools.product(edge_accumulators(shift), MULTIPLIERS))
        got = Engine(one_op(pairs, shift, out_type, clamp, zero)).run(np.zeros((1, 1, 1), np.uint8))
        acc, mult = (np.array(column, object) for column in zip(*pairs, strict=True))
        wanted = (2 * acc * mult * 2**shift + 2**32) // 2**33 + zero  # Python's integers
        assert got[0].tolist() == np.clip(wanted, *clamp).tolist(), shift
