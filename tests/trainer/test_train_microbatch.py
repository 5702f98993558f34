"""Gradient accumulation over micro-batches. Oracle: the whole batch's product by the kernels,
to the byte."""

from functools import reduce
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drypoint.autodiff.kernels import choose, runtime
from drypoint.autodiff.lazy import LinearGradient
from drypoint.train.step.memory import GradientAccumulator, sum_gradients
from drypoint.train.step.microbatch import BLOCK, Block, MicroBatch, Splitting

SETS = (None, *runtime.Settings.sets)


@given(
    sizes=st.lists(st.integers(1, 70), min_size=1, max_size=4),
    shape=st.tuples(st.integers(1, 90), st.integers(1, 200)),
    lanes=st.booleans(),
    zeros=st.sampled_from([0, 0.6, 0.95]),
    seed=st.integers(0, 999),
)
def test_gradients_of_micro_batches_sum_to_the_gradient_of_the_batch(
    sizes, shape, lanes, zeros, seed
):
    rng, total = np.random.default_rng(seed), sum(sizes)
    name = SETS[seed % len(SETS)]
    factors = [
        (rng.normal(size=(total, n)) * (rng.random((total, n)) >= zeros)).astype(np.float32)
        for n in shape
    ]
    biases = rng.normal(size=(len(sizes), shape[0])).astype(np.float32)
    ends = np.cumsum([0, *sizes])
    with runtime.force_kernels(name, int(rng.integers(1, 4))):
        order = np.asfortranarray if lanes else np.ascontiguousarray
        rows = [slice(begin, end) for begin, end in pairwise(map(int, ends))]
        parts = [MicroBatch(part, (0, i), 0) for i, part in enumerate(rows)]
        sums = GradientAccumulator(Block(slice(0, total), tuple(parts), joint=False))
        for number, part in enumerate(rows):
            factor = LinearGradient(*(order(f[part]) for f in factors))
            sums.add(part, {"w": factor, "b": biases[number]})
        terms = sums.terms()
        (weight,) = terms["w"]
        whole = choose.linear_weight_gradient(*factors)
        bias = sum_gradients({"b": terms["b"]})["b"]
    assert [*terms] == ["w", "b"], "the order of the paths, which all processes of a run share"
    if name is None and lanes and len(sizes) == 1:  # order in memory is another: numbers of about 1
        np.testing.assert_allclose(weight, whole, rtol=0, atol=3e-7 * total)
    else:
        np.testing.assert_array_equal(weight, whole)
    np.testing.assert_array_equal(terms["b"], biases)
    np.testing.assert_array_equal(bias, reduce(np.add, biases))


@given(n=st.integers(1, 3000), smallest=st.floats(12, 200), joint=st.booleans())
def test_micro_batches_are_the_rows_of_the_batch_in_order(*, n, smallest, joint):
    """An even number of about 64 examples each, whole blocks of 16 but for the last; about 16, if
    batch norms join them."""
    rows = Splitting(smallest, joint=joint).micro_batches(n)
    assert [i for part in rows for i in range(n)[part]] == list(range(n))
    if len(rows) > 1:
        assert len(rows) % 2 == 0 or len(rows) == -(-n // BLOCK)
        assert n / len(rows) >= smallest
        assert all(part.stop % BLOCK == 0 for part in rows[:-1])
        assert {part.stop - part.start for part in rows[:-1]} <= (
            {16, 32} if joint else {16, 32, 48, 64, 80, 96, 112}
        )
    assert Splitting(None).micro_batches(n) == [slice(0, n)]
