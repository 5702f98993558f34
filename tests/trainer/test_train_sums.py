"""Sums of what micro-batches leave. The oracle: the product of the whole batch by the same kernels,
to the byte."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drypoint import autodiff as ad
from drypoint.autodiff import _compiled, _kernels
from drypoint.train._pass import Pass
from drypoint.train._sums import Sums

SETS = (None, *_compiled._Settings.sets)


@given(
    sizes=st.lists(st.integers(1, 70), min_size=1, max_size=4),
    shape=st.tuples(st.integers(1, 90), st.integers(1, 200)),
    lanes=st.booleans(),
    zeros=st.sampled_from([0, 0.6, 0.95]),
    seed=st.integers(0, 999),
)
def test_a_batch_out_of_micro_batches(sizes, shape, lanes, zeros, seed):
    rng, total = np.random.default_rng(seed), sum(sizes)
    name = SETS[seed % len(SETS)]
    factors = [
        (rng.normal(size=(total, n)) * (rng.random((total, n)) >= zeros)).astype(np.float32)
        for n in shape
    ]
    biases = rng.normal(size=(len(sizes), shape[0])).astype(np.float32)
    ends = np.cumsum([0, *sizes])
    with _compiled.forced(name, int(rng.integers(1, 4))):
        order = np.asfortranarray if lanes else np.ascontiguousarray
        parts = [
            Pass({}, bias, {"b": bias}, {"w": ad.Product(*(order(f[begin:end]) for f in factors))})
            for (begin, end), bias in zip(pairwise(ends), biases, strict=True)
        ]
        sums = Sums(parts[0], size=total, n_parts=len(parts))
        for number, (begin, part) in enumerate(zip(ends, parts, strict=False)):
            sums.keep_terms(part, number=number)
            sums.keep_factors(part, begin=int(begin))
        totals = {"w": np.full(shape, np.nan, np.float32)}
        terms = sums.made(totals.__getitem__)
        whole = _kernels.linear_weight_gradient(*factors)
    np.testing.assert_array_equal(terms["w"], [totals["w"]])
    if name is None and lanes and len(sizes) == 1:  # order in memory is another: numbers of about 1
        np.testing.assert_allclose(totals["w"], whole, rtol=0, atol=3e-7 * total)
    else:
        np.testing.assert_array_equal(totals["w"], whole)
    np.testing.assert_array_equal(terms["b"], biases)
