"""Where arrays for the kernels begin."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drypoint import autodiff as ad
from drypoint.autodiff import Tensor, kernels
from drypoint.autodiff.kernels import runtime


def begins_a_line(array):
    return array.__array_interface__["data"][0] % 64 == 0


@given(
    shape=st.lists(st.integers(1, 5), max_size=4),
    dtype=st.sampled_from(["f4", "f8", "u1", "i8"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_copy_has_values_type_and_order(shape, dtype, seed):
    rng = np.random.default_rng(seed)
    array = rng.integers(0, 99, shape).astype(dtype).transpose(rng.permutation(len(shape)))
    copy = kernels.aligned(array)
    np.testing.assert_array_equal(copy, array, strict=True)
    wanted = np.empty_like(array).strides
    assert all(a == b for n, a, b in zip(array.shape, copy.strides, wanted, strict=True) if n > 1)
    assert begins_a_line(copy)
    assert copy.flags.writeable
    assert not np.shares_memory(copy, array)


def test_what_kernels_write_begins_with_a_line():
    x, w = (
        Tensor(np.ones(shape, np.float32), requires_grad=True)
        for shape in [(5, 1, 4, 4), (3, 1, 2, 2)]
    )
    v = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    for name in runtime.Settings.sets:
        with runtime.forced(name):
            y = ad.conv2d(x, w, relu=True, pool=(3, 3))
            z = ad.linear(y.flatten(1), v, relu=True)
            z.sum().backward()
            assert all(map(begins_a_line, (y.data, z.data, x.grad, w.grad, v.grad)))
        for leaf in (x, w, v):
            leaf._node.gradient = None
