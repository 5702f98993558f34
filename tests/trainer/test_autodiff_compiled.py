"""Every compiled kernel, of every instruction set that this CPU has, against NumPy's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drypoint import autodiff as ad
from drypoint.autodiff import _compiled, _kernels

seeds = st.integers(0, 2**32 - 1)
batches = st.integers(1, 70)


def test_the_kernels_are_compiled_and_the_last_set_runs_anywhere():
    assert list(_compiled._Settings.sets)[-1:] == ["portable"]


def test_threads_are_a_whole_number():
    for wrong in (0, 65, 1.0, True):
        with pytest.raises(ad.AutodiffError, match=r"1\.\.64"):
            ad.set_threads(wrong)


def close(value, reference, *, size):
    """Within what float32 sums of `size` products can differ when their order does.

    Each of two orders is within size * 2^-24 of the sum of magnitudes (Higham 2002, 4.2); sums
    of random signs stay far below, so the factor is the square root of the size, times 4.
    """
    np.testing.assert_allclose(value, reference, rtol=0, atol=4 * 2**-24 * np.sqrt(size) * size)


@given(n=batches, seed=seeds)
@settings(max_examples=20)
def test_the_bias_gradient(n, seed):
    rng = np.random.default_rng(seed)
    shape = (n, *(int(v) for v in rng.integers(1, 7, 3)))
    g = rng.uniform(-1, 1, shape).astype(np.float32)
    with _compiled.forced(None):
        reference = _kernels.conv2d_bias_gradient(g.astype(np.float64))
    for name in _compiled._Settings.sets:
        with _compiled.forced(name):
            y = _kernels.conv2d_bias_gradient(g)
        assert y.dtype == np.float32
        close(y, reference, size=g.size / shape[1])
