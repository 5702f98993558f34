"""Convolution and pooling against plain loops over every output and every tap."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from drypoint import autodiff as ad
from drypoint.autodiff import Tensor
from drypoint.autodiff.kernels.numpy import convolution

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
pads = st.tuples(st.integers(0, 2), st.integers(0, 2))
seeds = st.integers(0, 2**32 - 1)


def loop_convolution(x, weight, bias, *, stride, padding, dilation, groups):
    """The definition, one number at a time, in exact integers."""
    (n, _, h, w), (o, per_group, kh, kw) = x.shape, weight.shape
    (top, bottom), (left, right) = padding
    oh = (h + top + bottom - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (w + left + right - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((n, o, oh, ow))
    for b, q, i, j in np.ndindex(y.shape):
        total = int(bias[q])
        for r, u, v in np.ndindex(per_group, kh, kw):
            channel = q // (o // groups) * per_group + r
            row = i * stride[0] + u * dilation[0] - top
            column = j * stride[1] + v * dilation[1] - left
            if 0 <= row < h and 0 <= column < w:
                total += int(weight[q, r, u, v]) * int(x[b, channel, row, column])
        y[b, q, i, j] = total
    return y


@given(
    kernel=pairs,
    stride=pairs,
    padding=st.tuples(pads, pads),
    dilation=pairs,
    groups=st.integers(1, 3),
    block=st.sampled_from([1, 1 << 18]),
    seed=seeds,
)
@examples(60)
def test_convolution_is_the_loop(*, kernel, stride, padding, dilation, groups, block, seed):
    """Small integers: float32 adds them exactly, so equality holds to the bit."""
    rng = np.random.default_rng(seed)
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    size = [
        max(1, e - sum(p)) + int(rng.integers(0, 4)) for e, p in zip(extent, padding, strict=True)
    ]
    n, c, o = (int(v) for v in rng.integers(1, 4, 3))
    x = rng.integers(-9, 10, (n, c * groups, *size))
    weight, bias = rng.integers(-9, 10, (o * groups, c, *kernel)), rng.integers(-9, 10, o * groups)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "_BLOCK", block)  # 1: every output row on its own
        y = ad.conv2d(Tensor(x), Tensor(weight), Tensor(bias), **options)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.data, loop_convolution(x, weight, bias, **options))


def test_convolution_gradients_are_the_same_in_small_blocks(monkeypatch):
    """Integers again; one output row at a time against all at once."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(-9, 10, s) for s in ((2, 4, 9, 8), (6, 2, 3, 3), (6,))]
    options = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "groups": 2}

    def gradients():
        tensors = [Tensor(a, requires_grad=True) for a in arrays]
        y = ad.conv2d(*tensors, **options)
        y.backward(np.arange(y.data.size, dtype=np.float32).reshape(y.shape) % 7)
        return [t.grad for t in tensors]

    whole = gradients()
    monkeypatch.setattr(convolution, "_BLOCK", 1)
    for a, b in zip(whole, gradients(), strict=True):
        np.testing.assert_array_equal(a, b)


@given(kernel=pairs, stride=pairs, seed=seeds, data=st.data())
@examples(60)
def test_pooling_is_the_loop(kernel, stride, seed, data):
    rng = np.random.default_rng(seed)
    padding = tuple(
        (data.draw(st.integers(0, k - 1)), data.draw(st.integers(0, k - 1))) for k in kernel
    )
    h, w = (k + int(rng.integers(0, 5)) for k in kernel)
    x = rng.integers(-99, 100, (2, 3, h, w)).astype(np.float32)
    (top, bottom), (left, right) = padding
    oh = (h + top + bottom - kernel[0]) // stride[0] + 1
    ow = (w + left + right - kernel[1]) // stride[1] + 1
    largest, mean = np.empty((2, 3, oh, ow)), np.empty((2, 3, oh, ow))
    for i, j in np.ndindex(oh, ow):
        rows = slice(max(0, i * stride[0] - top), i * stride[0] - top + kernel[0])
        columns = slice(max(0, j * stride[1] - left), j * stride[1] - left + kernel[1])
        largest[:, :, i, j] = x[:, :, rows, columns].max(axis=(2, 3))
        mean[:, :, i, j] = x[:, :, rows, columns].sum(axis=(2, 3)) / np.prod(kernel)
    options = {"stride": stride, "padding": padding}
    np.testing.assert_array_equal(ad.max_pool2d(Tensor(x), kernel, **options).data, largest)
    taped = ad.max_pool2d(Tensor(x, requires_grad=True), kernel, **options)
    np.testing.assert_array_equal(taped.data, largest)  # the other path, which notes the winners
    # The sum is exact; the quotient is rounded once, in float32.
    np.testing.assert_array_equal(
        ad.avg_pool2d(Tensor(x), kernel, **options).data, mean.astype(np.float32)
    )


def test_equal_maxima_give_the_gradient_to_the_first_row_by_row():
    x = Tensor(np.zeros((1, 1, 4, 4)), requires_grad=True)
    ad.max_pool2d(x, (2, 2), stride=(2, 2)).sum().backward()
    assert x.grad[0, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    x = Tensor(np.array([[[[0.0, 1.0], [1.0, 1.0]]]]), requires_grad=True)
    ad.max_pool2d(x, (2, 2), stride=(2, 2)).sum().backward()
    assert x.grad[0, 0].tolist() == [[0, 1], [0, 0]]


def test_a_window_of_more_than_256_elements_knows_its_winner():
    """The winner's number then needs more than one byte."""
    x = Tensor(np.zeros((1, 1, 20, 20)), requires_grad=True)
    x.data[0, 0, 19, 18] = 1.0
    ad.max_pool2d(x, (20, 20), stride=(20, 20)).sum().backward()
    assert np.argwhere(x.grad).tolist() == [[0, 0, 19, 18]]


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_memory_order_of_an_image_does_not_matter(order):
    rng = np.random.default_rng(0)
    x = np.array(rng.integers(-9, 10, (2, 3, 6, 5)), np.float32, order=order)
    y = ad.max_pool2d(
        ad.conv2d(Tensor(x[:, :, ::-1, ::2]), Tensor(rng.integers(-3, 4, (4, 3, 2, 2)))),
        (2, 2),
        stride=(1, 1),
    )
    rng = np.random.default_rng(0)
    plain = np.ascontiguousarray(rng.integers(-9, 10, (2, 3, 6, 5))[:, :, ::-1, ::2])
    z = ad.conv2d(Tensor(plain), Tensor(rng.integers(-3, 4, (4, 3, 2, 2))))
    np.testing.assert_array_equal(y.data, ad.max_pool2d(z, (2, 2), stride=(1, 1)).data)


def test_an_empty_batch():
    x = Tensor(np.zeros((0, 1, 5, 5)), requires_grad=True)
    weight = Tensor(np.ones((2, 1, 3, 3)), requires_grad=True)
    y = ad.max_pool2d(ad.conv2d(x, weight), (3, 3), stride=(1, 1))
    y.sum().backward()
    assert y.shape == (0, 2, 1, 1)
    assert x.grad.shape == x.shape
    np.testing.assert_array_equal(weight.grad, np.zeros((2, 1, 3, 3)))


@pytest.mark.parametrize(
    ("size", "window", "expected"),
    [
        ((28, 28), ad.Window((5, 5)), (24, 24)),
        ((24, 24), ad.Window((2, 2), (2, 2)), (12, 12)),
        ((7, 8), ad.Window((2, 2), (2, 2)), (3, 4)),
        ((7, 7), ad.Window((3, 3), (2, 2), ((1, 1), (1, 1)), (2, 2)), (3, 3)),
    ],
)
def test_output_sizes_by_hand(size, window, expected):
    assert window.output_size(*size) == expected


def zeros(*shape):
    return Tensor(np.zeros(shape))


TRANSPOSED = {"stride": (2, 2), "padding": ((0, 0), (0, 0)), "size": (6, 6)}
REFUSED = {
    "concat wants shapes equal but for axis 1, got (2, 3, 4), (2, 3, 5)": lambda: ad.concat(
        [zeros(2, 3, 4), zeros(2, 3, 5)]
    ),
    "got (2, 3), (2,)": lambda: ad.concat([zeros(2, 3), zeros(2)]),
    "got none": lambda: ad.concat([]),
    "a factor of (3,) does not fit (2, 3)": lambda: ad.multiply(zeros(2, 3), zeros(3)),
    "weight_codes wants w (O, ...), ratio (O,) and unit (O,)": lambda: ad.weight_codes(
        zeros(4, 3), zeros(4), np.ones(3), largest=7
    ),
    "wants a weight of shape (3, O, kh, kw), got (2, 4, 2, 2)": lambda: ad.conv_transpose2d(
        zeros(1, 3, 3, 3), zeros(2, 4, 2, 2), None, **TRANSPOSED
    ),
    "wants a bias (4,), got (3,)": lambda: ad.conv_transpose2d(
        zeros(1, 3, 3, 3), zeros(3, 4, 2, 2), zeros(3), **TRANSPOSED
    ),
    "3x3 pixels by stride (2, 2) has no output of 9x6": lambda: ad.conv_transpose2d(
        zeros(1, 3, 3, 3), zeros(3, 4, 2, 2), None, **TRANSPOSED | {"size": (9, 6)}
    ),
    "depth_to_space by (2, 2) wants 4 * O channels": lambda: ad.depth_to_space(
        zeros(1, 6, 2, 2), (2, 2), mode="CRD"
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_shapes_that_do_not_go_together_are_refused(message):
    with pytest.raises(ad.AutodiffError, match=re.escape(message)):
        REFUSED[message]()
