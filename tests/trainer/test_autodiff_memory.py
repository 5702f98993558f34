"""The alignment of arrays for kernels."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drypoint import autodiff as ad
from drypoint.autodiff import Tensor, kernels
from drypoint.autodiff.kernels import runtime
from drypoint.autodiff.kernels.memory import CHUNK, FIRST_CHUNK, Arena
from drypoint.autodiff.kernels.native import call


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
    copy = kernels.copy_aligned(array)
    np.testing.assert_array_equal(copy, array, strict=True)
    wanted = np.empty_like(array).strides
    assert all(a == b for n, a, b in zip(array.shape, copy.strides, wanted, strict=True) if n > 1)
    assert begins_a_line(copy)
    assert copy.flags.writeable
    assert not np.shares_memory(copy, array)


def test_results_of_kernels_begin_at_a_cache_line():
    x, w = (
        Tensor(np.ones(shape, np.float32), requires_grad=True)
        for shape in [(5, 1, 4, 4), (3, 1, 2, 2)]
    )
    v = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    for name in runtime.Settings.sets:
        with runtime.force_kernels(name):
            y = ad.conv2d(x, w, relu=True, pool=(3, 3))
            z = ad.linear(y.flatten(1), v, relu=True)
            z.sum().backward()
            assert all(map(begins_a_line, (y.data, z.data, x.grad, w.grad, v.grad)))
        for leaf in (x, w, v):
            leaf._node.gradient = None


def test_a_range_is_used_again_when_no_view_of_it_is_left():
    arena = Arena()
    first = arena.empty((112,), np.float32)
    view, place = first[:50].reshape(5, 10).T, kernels.address(first)
    assert begins_a_line(first)
    assert arena.lends(view.base)
    del first
    second = arena.empty((112,), np.float32)
    assert kernels.address(second) == place + 448
    del view
    assert kernels.address(arena.empty((112,), np.float32)) == place


def test_ranges_are_split_and_joined():
    arena = Arena()
    arrays = [arena.empty((64,), np.float32) for _ in range(4)]
    places = [kernels.address(array) for array in arrays]
    assert [place - places[0] for place in places] == [0, 256, 512, 768]
    del arrays[1:3]  # the ranges at 256 and 512
    assert kernels.address(arena.empty((128,), np.float32)) == places[1]
    small = arena.empty((16,), np.float32), arena.empty((17,), np.float32)
    assert [kernels.address(array) - places[1] for array in small] == [0, 64]
    assert len(arena.chunks) == 1
    assert arena.empty((0, 3), np.float32).shape == (0, 3)


def test_a_range_that_fits_better_is_used_first():
    arena = Arena()
    arrays = [arena.empty((n,), np.uint8) for n in (256, 64, 128, 64)]
    large, better = kernels.address(arrays[0]), kernels.address(arrays[2])
    del arrays[2], arrays[0]
    assert kernels.address(arena.empty((128,), np.uint8)) == better
    kept = arena.empty((256,), np.uint8)
    assert kernels.address(kept) == large
    assert len(arena.chunks) == 1


def test_chunks_are_not_joined():
    arena = Arena()
    arrays = [arena.empty((n,), np.uint8) for n in (FIRST_CHUNK, 64, 3 * CHUNK)]
    assert [chunk.size for chunk in arena.chunks] == [FIRST_CHUNK, CHUNK, 3 * CHUNK]
    arrays.clear()
    both = arena.empty((4 * CHUNK,), np.uint8)
    assert np.shares_memory(both, arena.chunks[3])
    assert not any(np.shares_memory(both, chunk) for chunk in arena.chunks[:3])


def in_memory(values, layout):
    """Equal values in another layout in memory."""
    if layout == "gaps":
        return np.repeat(values, 2, axis=-1)[..., ::2]
    if layout == "turned":
        return np.ascontiguousarray(values.T).T
    if layout == "backwards":
        return np.ascontiguousarray(values[..., ::-1])[..., ::-1]
    if layout == "a column":
        return np.stack([values, values + 1], axis=-1)[..., 0]
    return values


LAYOUTS = ("in order", "gaps", "turned", "backwards", "a column")


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8"])
def test_a_kernel_copies_what_numpy_copies_whatever_the_strides(dtype):
    for shape in ((7,), (5, 4), (3, 4, 5), (2, 3, 4, 2)):
        values = np.random.default_rng(0).integers(1, 99, shape).astype(dtype)
        for name, layout in itertools.product(runtime.Settings.sets, LAYOUTS):
            x, y = in_memory(values, layout), np.zeros_like(values)
            with runtime.force_kernels(name, n_threads=2):
                kernels.copy_into(y, x)
            np.testing.assert_array_equal(y, values, err_msg=f"{name} {layout}")
            if dtype == "f4":
                with runtime.force_kernels(name):
                    np.testing.assert_array_equal(call.contiguous(x), values)
                    assert call.contiguous(x).flags.c_contiguous
        turned = np.zeros_like(values.T).T
        kernels.copy_into(turned, in_memory(values, "turned"))
        np.testing.assert_array_equal(turned, values)


@pytest.mark.parametrize("shape", [(9, 1), (9, 40), (9, 3, 5, 7)])
def test_a_kernel_copies_the_rows_that_numpy_takes(shape):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for indices in (np.array([8, 0, 0, 3]), np.arange(9)[2:7], np.zeros(0, np.int64)):
        for name, n_threads in itertools.product(runtime.Settings.sets, (1, 2)):
            with runtime.force_kernels(name, n_threads=n_threads):
                np.testing.assert_array_equal(kernels.copy_rows(x, indices), x[indices])
        with runtime.force_kernels(None):
            np.testing.assert_array_equal(kernels.copy_rows(x, indices), x[indices])


def test_a_copy_that_no_kernel_can_make_is_refused():
    """Each of these calls would write outside of its target's elements."""
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    wide = np.zeros((3, 8), np.float32)
    refused = {
        "another shape": (np.zeros(12, np.float32), x),
        "another type": (np.zeros((3, 4), np.int32), x),
        "bytes": (np.zeros(5, np.uint8), np.ones(5, np.uint8)),
        "seven axes": (np.zeros((2,) * 7, np.float32), np.zeros((2,) * 7, np.float32).T),
        "gaps in both": (wide[:, ::2], np.zeros((3, 8), np.float32)[:, ::2]),
        "gaps in the target": (wide[:, ::2], x),
        "another order in the target": (np.zeros((4, 3), np.float32).T, x),
    }
    for y, source in refused.values():
        before = y.copy()
        with pytest.raises(ad.AutodiffError, match="cannot copy"):
            kernels.copy_into(y, source)
        np.testing.assert_array_equal(y, before)
    assert not wide.any()
