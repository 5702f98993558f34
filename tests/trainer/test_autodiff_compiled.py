"""Every compiled kernel, of every instruction set that this CPU has, against NumPy's.

Small integers: float32 adds and multiplies them exactly in any order, so equality holds to the bit.
"""

import itertools
import math
import os
import subprocess
import sys
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples

from drypoint import autodiff as ad
from drypoint import nn
from drypoint.autodiff import Tensor, lazy
from drypoint.autodiff._window import Convolution, Window
from drypoint.autodiff.kernels import choose, runtime, updates
from drypoint.autodiff.kernels.native import algorithm
from drypoint.autodiff.kernels.numpy import lanes, quantization

SETS = list(runtime.Settings.sets)
seeds = st.integers(0, 2**32 - 1)
batches = st.integers(1, 70)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
sides = st.tuples(st.integers(0, 2), st.integers(0, 2))


def whole(rng, *shape):
    return rng.integers(-4, 5, shape).astype(np.float32)


def anyhow(rng, array):
    """Arrays of equal values in C order, with the batch innermost, and with gaps in memory."""
    match rng.integers(3):
        case 0:
            return array
        case 1 if array.ndim == 4:
            return lanes.from_lanes(lanes.to_lanes(array))
        case _:
            return np.repeat(array, 2, axis=-1)[..., ::2]


def on_every_set(compute, *arrays, sparse=False):
    """NumPy's result; checks that every set of kernels gives its bytes with 1 and 3 threads.

    Sparse: the gradient by the weight is computed so wherever it can be.
    """
    with runtime.force_kernels(None):
        reference = compute(*arrays)
    for name in SETS:
        for threads in (1, 3):
            with runtime.force_kernels(name, threads), pytest.MonkeyPatch.context() as patch:
                # A Winograd convolution is not exact.
                patch.setattr(algorithm, "is_faster", lambda *_, **__: False)
                patch.setattr(algorithm, "is_sparse_faster", lambda *_, **__: sparse)
                if threads == 3:  # a gradient of any size in two terms, where it may be
                    patch.setattr(algorithm, "_BATCH", 1)
                    patch.setattr(algorithm, "_PRODUCTS", 1)
                    patch.setattr(algorithm, "_PRODUCTS_A_TAP", 1)
                for value, wanted in zip(compute(*arrays), reference, strict=True):
                    np.testing.assert_array_equal(value, wanted, strict=True)
    return reference


def test_the_kernels_are_compiled_and_the_last_set_runs_anywhere():
    assert SETS[-1] == "portable"


def test_threads_are_a_whole_number():
    for wrong in (0, 65, 1.0, True):
        with pytest.raises(ad.AutodiffError, match=r"1\.\.64"):
            ad.set_threads(wrong)


def check_convolution(rng, n, spec, *, c, o, signal=False):
    """Forward and gradients of c channels of x and o of y in each group; a signal has a column."""
    window, groups = spec.window, spec.groups
    least = [
        extent + (p - 1) * s - sum(ends)
        for extent, p, s, ends in zip(
            window.extent, spec.pool, window.stride, window.padding, strict=True
        )
    ]
    size = tuple(max(1, v) + int(rng.integers(0, 6)) for v in least)
    size = (size[0], 1) if signal else size
    x, weight = whole(rng, n, c * groups, *size), whole(rng, o * groups, c, *window.kernel)
    x, bias = anyhow(rng, x), None if spec.exact else whole(rng, o * groups)

    def forward(x, weight, bias):
        value, winners = choose.conv2d(x, weight, bias, spec, taped=True)
        untaped, _ = choose.conv2d(x, weight, None, spec, taped=False)
        return (value, untaped) if winners is None else (value, untaped, winners)

    y, _, *winners = on_every_set(forward, x, weight, bias)
    won = winners[0] if winners else None

    def backward(g):
        return (
            choose.conv2d_input_gradient(g, won, weight, spec, size=size),
            choose.conv2d_weight_gradient(g, won, x, spec),
            choose.conv2d_bias_gradient(g, won),
        )

    g = anyhow(rng, whole(rng, *y.shape))
    for sparse in (False, True):
        on_every_set(backward, g, sparse=sparse)


@given(
    n=batches,
    kernel=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    stride=pairs,
    padding=st.tuples(sides, sides),
    dilation=pairs,
    pool=pairs,
    relu=st.booleans(),
    exact=st.booleans(),
    seed=seeds,
)
@examples(60)
def test_convolution(*, n, kernel, stride, padding, dilation, pool, relu, exact, seed):
    rng = np.random.default_rng(seed)
    window = Window(kernel, stride, padding, dilation)
    groups, c, o = int(rng.integers(1, 3)), int(rng.integers(1, 4)), int(rng.integers(1, 14))
    check_convolution(rng, n, Convolution(window, groups, relu, pool, exact), c=c, o=o)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("kernel", "c", "side"), [(1, 5, 8), (3, 2, 13), (3, 12, 13)])
def test_a_weight_gradient_in_two_terms_has_equal_bytes_for_any_threads(name, kernel, c, side):
    """Products of rows, direct and by Winograd; of floats, so another order of terms would show."""
    n, o, pad = 70, 9, (kernel // 2, kernel // 2)
    spec = Convolution(Window((kernel, kernel), padding=(pad, pad)))
    assert algorithm.n_gradient_terms(n, products=n * side * side, taps=kernel * kernel) == 2
    rng, results = np.random.default_rng(0), []
    x, g = (rng.normal(size=(n, k, side, side)).astype(np.float32) for k in (c, o))
    for threads in (1, 2, 3, 4):
        with runtime.force_kernels(name, threads):
            results.append(choose.conv2d_weight_gradient(g, None, x, spec).tobytes())
    assert len(set(results)) == 1


@pytest.mark.parametrize("largest", [255, 256])
@pytest.mark.parametrize("largest_weight", [127, 128])
def test_a_convolution_of_the_largest_integers(largest, largest_weight):
    """By pairs of 16 bits up to 255 and 127, beyond by floats."""
    rng = np.random.default_rng(0)
    for c, pool in itertools.product((1, 2, 3), ((1, 1), (2, 2))):
        x, weight = rng.integers(-1, 2, (40, c, 6, 7)), rng.integers(-1, 2, (7, c, 3, 5))
        x, weight = (x * largest).astype(np.float32), (weight * largest_weight).astype(np.float32)
        spec = Convolution(Window((3, 5)), pool=pool, exact=True)
        on_every_set(lambda x, w: choose.conv2d(x, w, None, spec, taped=False)[:1], x, weight)  # noqa: B023


@pytest.mark.parametrize("name", SETS)
def test_a_nan_comes_through_a_convolution_of_integers(name):
    x, weight = np.ones((1, 2, 4, 4), np.float32), np.ones((1, 2, 3, 3), np.float32)
    spec = Convolution(Window((3, 3)), pool=(2, 2), exact=True)
    with runtime.force_kernels(name):
        for wrong in (x, weight):
            wrong[0, 1, 2, 2] = np.nan
            assert np.isnan(choose.conv2d(x, weight, None, spec, taped=False)[0]).all()
            wrong[0, 1, 2, 2] = 1


@given(n=batches, c=st.integers(1, 12), o=st.integers(1, 14), strided=st.booleans(), seed=seeds)
@examples(20)
def test_convolution_of_1x1(*, n, c, o, strided, seed):
    """A stride of 1 makes it a product of matrices."""
    window = Window((1, 1), (2, 1) if strided else (1, 1))
    check_convolution(np.random.default_rng(seed), n, Convolution(window), c=c, o=o)


@given(n=batches, stride=pairs, padding=st.tuples(sides, sides), relu=st.booleans(), seed=seeds)
@examples(20)
def test_depthwise_convolution(*, n, stride, padding, relu, seed):
    """Windows of 3x3 and smaller, whose weights or sums are registers, and windows that take
    several passes, with one and two results of a channel."""
    rng = np.random.default_rng(seed)
    kernel = (3, 3) if rng.integers(2) else tuple(rng.integers(1, 7, 2).tolist())
    dilation = (1, 1) if rng.integers(2) else (2, 3)
    window, groups = Window(kernel, stride, padding, dilation), int(rng.integers(2, 5))
    check_convolution(rng, n, Convolution(window, groups, relu), c=1, o=int(rng.integers(1, 3)))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        ((3, 3), (1, 1), ((1, 2), (0, 1)), (2, 1)),
        ((3, 3), (1, 2), ((2, 0), (3, 3)), (1, 3)),
        ((2, 5), (2, 1), ((0, 0), (4, 1)), (3, 2)),
        ((5, 6), (1, 1), ((2, 1), (1, 2)), (2, 2)),
    ],
)
def test_dilated_depthwise_convolution_of_a_batch(kernel, stride, padding, dilation):
    """A batch of more than a vector, in each memory layout: the kernel of taps computes it."""
    spec = Convolution(Window(kernel, stride, padding, dilation), 3)
    for seed in range(4):
        check_convolution(np.random.default_rng(seed), 33, spec, c=1, o=1)


@given(
    n=batches,
    kernel=st.integers(1, 14),
    stride=st.integers(1, 3),
    padding=sides,
    pool=st.integers(1, 2),
    relu=st.booleans(),
    seed=seeds,
)
@examples(30)
def test_convolution_of_signals(*, n, kernel, stride, padding, pool, relu, seed):
    """Images of one column, whose results are computed as if they were a row."""
    rng = np.random.default_rng(seed)
    window = Window((kernel, 1), (stride, 1), (padding, (0, 0)), (int(rng.integers(1, 3)), 1))
    groups, c = (3, 1) if rng.integers(2) else (1, int(rng.integers(1, 4)))
    spec = Convolution(window, groups, relu, (pool, 1))
    check_convolution(rng, n, spec, c=c, o=int(rng.integers(1, 9)), signal=True)


@given(n=batches, size=pairs, padding=st.tuples(sides, sides), seed=seeds)
@examples(25)
def test_zero_padding(*, n, size, padding, seed):
    """Equal bytes for any numbers, which are copied."""
    rng = np.random.default_rng(seed)
    x = anyhow(rng, rng.normal(size=(n, 2, *size)).astype(np.float32))

    def both(x):
        leaf = Tensor(x, requires_grad=True)
        y = ad.zero_pad2d(leaf, padding)
        y.backward(y.data)
        return y.data, leaf.grad

    y, gradient = on_every_set(both, x)
    np.testing.assert_array_equal(y, np.pad(x, ((0, 0), (0, 0), *padding)))
    np.testing.assert_array_equal(gradient, x)


@given(n=batches, kernel=pairs, stride=pairs, seed=seeds, data=st.data())
def test_pooling(*, n, kernel, stride, seed, data):
    """Any numbers: sums are in NumPy's order."""
    rng = np.random.default_rng(seed)
    padding = tuple(tuple(data.draw(st.integers(0, k - 1)) for _ in "ab") for k in kernel)
    window, c = Window(kernel, stride, padding), int(rng.integers(1, 4))
    divisor = int(rng.choice([1, kernel[0] * kernel[1]]))  # sums, and means
    size = tuple(k + int(v) for k, v in zip(kernel, rng.integers(0, 6, 2), strict=True))
    x = anyhow(rng, rng.normal(size=(n, c, *size)).round(1).astype(np.float32))  # some are equal

    def forward(x):
        y, winners = choose.max_pool2d_winners(x, window=window)
        return (
            y,
            winners,
            choose.max_pool2d(x, window=window),
            choose.sum_pool2d(x, window=window, divisor=divisor),
        )

    y, winners, *_ = on_every_set(forward, x)

    def backward(g):
        return (
            choose.max_pool2d_gradient(g, winners, window=window, size=size),
            choose.sum_pool2d_gradient(g, window=window, divisor=divisor, size=size),
        )

    on_every_set(backward, anyhow(rng, rng.normal(size=y.shape).astype(np.float32)))


@given(n=batches, i=st.integers(1, 40), o=st.integers(1, 40), relu=st.booleans(), seed=seeds)
def test_linear(n, i, o, relu, seed):
    rng = np.random.default_rng(seed)
    x, weight, bias = anyhow(rng, whole(rng, n, i)), whole(rng, o, i), whole(rng, o)
    g = anyhow(rng, whole(rng, n, o))

    def both(x, weight, g):
        return (
            choose.linear(x, weight, bias, relu=relu),
            choose.linear(x, weight, None, relu=relu),
            choose.linear_input_gradient(g, weight),
            choose.linear_weight_gradient(g, x),
            choose.linear_bias_gradient(g),
        )

    on_every_set(both, x, weight, g)


def zeroed(rng, array, share):
    return np.where(rng.random(array.shape) < share, np.float32(0), array)


@given(
    n=st.integers(32, 300),
    i=st.integers(32, 300),
    o=st.integers(32, 300),
    share=st.sampled_from([0.5, 0.7, 1]),
    relu=st.booleans(),
    seed=seeds,
)
@examples(30)
def test_linear_where_many_factors_are_zero(*, n, i, o, share, relu, seed):
    """Shapes and shares of zeros on both sides of the limits for the sparse kernels."""
    rng = np.random.default_rng(seed)
    x, g = (anyhow(rng, zeroed(rng, whole(rng, n, size), share)) for size in (i, o))
    weight, bias = whole(rng, o, i), whole(rng, o)

    def both(x, weight, g):
        return (
            choose.linear(x, weight, bias, relu=relu),
            choose.linear(x.T.copy().T, weight, bias, relu=relu),
            choose.linear_input_gradient(g, weight),
            choose.linear_weight_gradient(g, x),
            choose.linear_weight_gradient(whole(np.random.default_rng(seed), n, o), x),
        )

    on_every_set(both, x, weight, g)


@given(n=st.integers(70, 300), i=st.integers(130, 300), o=st.integers(130, 300), seed=seeds)
@examples(15)
def test_leaving_out_zeros_changes_no_byte(*, n, i, o, seed):
    """Oracle: the products a few rows at a time, which are too small for the sparse kernels."""
    rng = np.random.default_rng(seed)
    x, g = (zeroed(rng, rng.normal(size=(n, size)).astype(np.float32), 0.7) for size in (i, o))
    weight, bias = (rng.normal(size=size).astype(np.float32) for size in ((o, i), o))

    def in_parts(compute, rows):
        return np.concatenate([compute(rows[k : k + 16]) for k in range(0, len(rows), 16)])

    for name in SETS:
        with runtime.force_kernels(name):
            y = choose.linear(x, weight, bias, relu=False)
            few = in_parts(lambda x: choose.linear(x, weight, bias, relu=False), x)
            np.testing.assert_array_equal(y, few, strict=True)
            y = choose.linear_input_gradient(g, weight)
            few = in_parts(lambda g: choose.linear_input_gradient(g, weight), g)
            np.testing.assert_array_equal(y, few, strict=True)
            y = choose.linear_weight_gradient(g, x)
            few = in_parts(lambda g: choose.linear_weight_gradient(g.T, x), g.T)
            np.testing.assert_array_equal(y, few, strict=True)


def test_a_nan_comes_through_a_sparse_product():
    """Else a run that diverges would not be seen to: one in a unit that is on, or in its weight."""
    rng = np.random.default_rng(0)
    x = zeroed(rng, rng.normal(size=(128, 200)).astype(np.float32), 0.7)
    weight = rng.normal(size=(150, 200)).astype(np.float32)
    row, column = (at[0] for at in np.nonzero(x))
    for name in SETS:
        with runtime.force_kernels(name):
            one, other = x.copy(), weight.copy()
            one[row, column] = other[9, column] = np.nan
            assert np.isnan(choose.linear(one, weight, None, relu=True)[row]).all()
            assert np.isnan(choose.linear(x, other, None, relu=True)[row, 9])
            assert np.isnan(choose.linear_weight_gradient(one, x)[column]).any()


def test_means_of_large_planes():
    """Any numbers, as in `test_pooling`: a window of a mean may have more than 255 elements."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 2, 17, 16)).astype(np.float32)
    whole_plane = Window((17, 16), (17, 16))
    of = {"window": whole_plane, "divisor": 17 * 16}
    (y,) = on_every_set(lambda x: [choose.sum_pool2d(x, **of)], x)
    on_every_set(lambda y: [choose.sum_pool2d_gradient(y, **of, size=(17, 16))], y)
    nn.check_layer(nn.GlobalAvgPool2d(), (1, 17, 16))  # in kernels


@given(shape=st.lists(st.integers(0, 9), min_size=1, max_size=4), seed=seeds)
def test_relu_and_sums(shape, seed):
    """Equal bytes for any numbers: copies are not rounded, and a sum is rounded once."""
    rng = np.random.default_rng(seed)
    special = np.array([0, -0.0, np.inf, -np.inf, np.nan, 1, -1], np.float32)
    x, g = (anyhow(rng, rng.choice(special, shape)) for _ in "xg")

    def both(x, g):
        y = choose.relu(x)
        with np.errstate(invalid="ignore"):  # infinities
            return y, choose.relu_gradient(g, y), choose.add(x, g)

    on_every_set(both, x, g)


FUNCTIONS = {"tanh": np.tanh, "sigmoid": lambda x: 1 / (1 + np.exp(-x))}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions(function):
    """Against float64. An exponential is right to a unit in the last place, its sum with 1 and a
    quotient to a half each, of numbers whose last place may be worth half as much: 2.5 units, found
    2.3 at most. Of what is below the least normal number sigmoid makes 0."""
    rng = np.random.default_rng(0)
    normal, small = rng.normal(0, 3, 100_000), 10 ** rng.uniform(-37, 2, 100_000)
    x = np.concatenate([normal, small, -small, np.linspace(-87.2, 20, 100_000)]).astype("f")
    wanted = FUNCTIONS[function](x.astype(float))
    special = np.array([np.inf, -np.inf, 0, -0.0, -1e4, np.nan], np.float32)
    compute, found = getattr(choose, function), []
    for name in SETS:
        for threads in (1, 3):
            with runtime.force_kernels(name, threads):
                found.append(compute(x))
                np.testing.assert_array_equal(compute(special), compute(special.repeat(7)[::7]))
                ends = compute(special)
        unit = np.where(x < -87.3, 2.0**-126, np.spacing(np.abs(found[-1])))
        assert (np.abs(found[-1] - wanted) <= 2.5 * unit).all()
        assert found[-1].tobytes() == found[-2].tobytes()
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(ends, FUNCTIONS[function](special))
            assert (np.signbit(ends) == np.signbit(FUNCTIONS[function](special)))[:-1].all()


SPECIAL = np.array([0, -0.0, np.inf, -np.inf, np.nan, 3, -3, 6, 1e-40, 1e38, -1e38], np.float32)


@given(shape=st.lists(st.integers(0, 9), min_size=1, max_size=4), seed=seeds)
def test_activations_without_exponentials(shape, seed):
    """Equal bytes for any numbers: each operation is rounded once, in NumPy's order."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(0, 4, shape).astype(np.float32)
    x = anyhow(rng, np.where(rng.random(shape) < 0.3, rng.choice(SPECIAL, shape), numbers))
    g = anyhow(rng, rng.normal(size=shape).astype(np.float32))

    def both(x, g):
        for name in ("relu6", "leaky_relu", "hardsigmoid", "hardswish"):
            yield choose.activation(x, name, 0.3)
            yield choose.activation_gradient(g, x, name, 0.3)

    with np.errstate(all="ignore"):  # infinities, and numbers below the least normal number
        on_every_set(lambda *arrays: list(both(*arrays)), x, g)


@pytest.mark.parametrize("name", ["silu", "gelu"])
def test_activations_with_exponentials(name):
    """Against NumPy in float64, in units in the last place of the value.

    SiLU: 2.5 units of sigmoid (see `test_functions`) and a half of the product; found 2.9. GELU:
    the square of x is rounded by half a unit of itself, so x^2 / 2 is wrong by x^2 / 4 units of 1,
    as is the exponential relative to itself: x^2 / 2 units in its last place at most. The
    exponential, a polynomial of nine steps, a quotient and three products have the other 6; found
    4.2. Derivatives are sums of two terms of at most 1.2 with these errors: 3 units of 1, found
    1.9. Near the least normal number kernels may give 0.
    """
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 3, 100_000), np.linspace(-40, 40, 100_001)]).astype("f")
    with runtime.force_kernels(None):
        value = choose.activation(x.astype(float), name, 0)
        slope = choose.activation_gradient(np.ones(len(x)), x.astype(float), name, 0)
        with np.errstate(all="ignore"):  # infinities
            ends = choose.activation(SPECIAL, name, 0)
    units = 3 if name == "silu" else 6 + np.where(x < 0, x.astype(float) ** 2 / 2, 0)
    for isa in SETS:
        found = []
        for threads in (1, 3):
            with runtime.force_kernels(isa, threads):
                y = choose.activation(x, name, 0)
                g = choose.activation_gradient(np.ones_like(x), x, name, 0)
                found.append(y.tobytes() + g.tobytes())
                with np.errstate(all="ignore"):
                    np.testing.assert_allclose(choose.activation(SPECIAL, name, 0), ends, 1e-6)
        assert found[0] == found[1]
        unit = np.spacing(np.maximum(np.abs(value), 2.0**-126).astype(np.float32))
        error = np.abs(y - value)
        assert ((error <= units * unit) | (np.abs(value) < 40 * 2.0**-126)).all()
        assert np.abs(g - slope).max() <= 3 * 2.0**-23


@given(
    n=st.integers(0, 40),
    c=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    places=st.lists(st.integers(1, 6), max_size=2),
    seed=seeds,
)
def test_products_with_channels_and_joined_channels(n, c, places, seed):
    """Small integers; the sums over places are exact in any order."""
    rng = np.random.default_rng(seed)
    x, g = (anyhow(rng, whole(rng, n, c[0], *places)) for _ in "xg")
    factor = anyhow(rng, whole(rng, n, c[0], *(1 for _ in places)))
    arrays = [anyhow(rng, whole(rng, n, channels, *places)) for channels in c]

    def compute(x, g, factor):
        products = choose.multiply(x, factor), choose.multiply(x, g), choose.plane_products(x, g)
        return *products, choose.concat(arrays)

    on_every_set(compute, x, g, factor)


@given(shape=st.lists(st.integers(0, 9), min_size=1, max_size=4), seed=seeds)
def test_gradients_of_functions(shape, seed):
    """Any numbers: products are rounded one by one, as NumPy's."""
    rng = np.random.default_rng(seed)
    y, g = (anyhow(rng, rng.normal(size=shape).astype(np.float32)) for _ in "yg")
    on_every_set(lambda g, y: [choose.tanh_gradient(g, y), choose.sigmoid_gradient(g, y)], g, y)


@given(shape=st.lists(st.integers(0, 9), min_size=1, max_size=4), seed=seeds)
def test_dropout(shape, seed):
    """Equal bytes for integers; dropout counts elements in C order in any memory layout."""
    rng = np.random.default_rng(seed)
    x, key = anyhow(rng, whole(rng, *shape)), rng.integers(0, 2**32, 2, np.uint32)
    threshold = int(rng.choice([0, 1 << 22, (1 << 24) - 1, 1 << 24]))
    found = on_every_set(lambda x: [choose.dropout(x, key, threshold=threshold, scale=1.25)], x)
    np.testing.assert_array_equal(
        found[0],
        choose.dropout(x.astype(float), key, threshold=threshold, scale=1.25).astype(np.float32),
    )


@pytest.mark.parametrize("layout", [lambda x: x, lambda x: lanes.from_lanes(lanes.to_lanes(x))])
def test_dropout_of_elements_for_several_threads(layout):
    rng = np.random.default_rng(0)
    x, key = layout(whole(rng, 35, 5, 40, 40)), rng.integers(0, 2**32, 2, np.uint32)
    on_every_set(lambda x: [choose.dropout(x, key, threshold=1 << 22, scale=1.25)], x)


@given(n=batches, n_classes=st.integers(1, 20), smoothing=st.sampled_from([0, 0.1, 1]), seed=seeds)
def test_cross_entropy(n, n_classes, smoothing, seed):
    """Against float64. exp and log of the C library and each of some 20 sums are off by up to 1 ulp
    or a half: 1e-5 of scores up to 20 is ample, and a wrong term would show.
    """
    rng = np.random.default_rng(seed)
    x = anyhow(rng, rng.normal(0, 6, (n, n_classes)).astype(np.float32))
    targets = rng.integers(0, n_classes, n).astype(rng.choice(["uint8", "int64"]))
    wanted = choose.cross_entropy(x.astype(float), targets, label_smoothing=smoothing)
    for name in SETS:
        found = []
        for threads in (1, 3):
            with runtime.force_kernels(name, threads):
                found += [choose.cross_entropy(x, targets, label_smoothing=smoothing)]
        rows = np.eye(n_classes, dtype=np.float32)[targets]
        with runtime.force_kernels(name):
            found += [choose.cross_entropy(x, rows, label_smoothing=smoothing)]
        for one, three, of_rows, want in zip(*found, wanted, strict=True):
            np.testing.assert_allclose(one, want, rtol=1e-5, atol=1e-5)
            np.testing.assert_array_equal(one, three)
            np.testing.assert_array_equal(one, of_rows)


@given(n=batches, size=st.integers(1, 70), seed=seeds)
def test_squared_error(n, size, seed):
    """Equal gradients for any numbers. Losses are float64 sums in another order than NumPy's, which
    rarely are rounded to neighbouring floats; of whole numbers every sum is exact.
    """
    rng = np.random.default_rng(seed)
    x, target = (anyhow(rng, rng.normal(size=(n, size)).astype(np.float32)) for _ in "xt")
    columns = np.asfortranarray(x)
    with runtime.force_kernels(None):
        losses, gradient = choose.squared_error(x, target)
    for name in SETS:
        for threads in (1, 3):
            with runtime.force_kernels(name, threads):
                found = choose.squared_error(x, target)
                np.testing.assert_array_max_ulp(found[0], losses, 1)
                np.testing.assert_array_equal(found[1], gradient)
                for one, of_columns in zip(
                    found, choose.squared_error(columns, target), strict=True
                ):
                    np.testing.assert_array_equal(one, of_columns)
    on_every_set(choose.squared_error, anyhow(rng, whole(rng, n, size)), whole(rng, n, size))


@given(n=batches, c=st.integers(1, 3), size=pairs, factor=pairs, seed=seeds)
@examples(25)
def test_upsampling_copies_any_numbers(*, n, c, size, factor, seed):
    """Oracle: `np.repeat`, and PixelShuffle's formula, an element at a time."""
    rng = np.random.default_rng(seed)
    rows, columns = factor
    x = anyhow(rng, rng.normal(size=(n, c * rows * columns, *size)).astype(np.float32))
    repeated = np.repeat(np.repeat(x, rows, axis=2), columns, axis=3)
    (y,) = on_every_set(lambda x: [ad.upsample2d(Tensor(x), factor).data], x)
    np.testing.assert_array_equal(y, repeated)
    for mode in ("CRD", "DCR"):

        def both(x, mode=mode):
            leaf = Tensor(x, requires_grad=True)
            y = ad.depth_to_space(leaf, factor, mode=mode)
            y.backward(y.data)
            return y.data, leaf.grad

        y, gradient = on_every_set(both, x)
        np.testing.assert_array_equal(gradient, x)
        for o, i, j in np.ndindex(c, rows, columns):
            k = (o * rows + i) * columns + j if mode == "CRD" else (i * columns + j) * c + o
            np.testing.assert_array_equal(y[:, o, i::rows, j::columns], x[:, k])


def test_cross_entropy_of_rows_that_are_no_probabilities():
    rng = np.random.default_rng(0)
    x, rows = rng.normal(size=(2, 5, 3)).astype(np.float32)
    wanted = choose.cross_entropy(x.astype(float), rows.astype(float), label_smoothing=0.1)
    for name in SETS:
        with runtime.force_kernels(name):
            found = choose.cross_entropy(x, rows, label_smoothing=0.1)
        for value, want in zip(found, wanted, strict=True):
            np.testing.assert_allclose(value, want, rtol=1e-5, atol=1e-5)  # as above


@given(
    n=batches,
    c=st.integers(1, 5),
    area=st.integers(0, 30),
    clip=st.sampled_from([None, 0.75, math.inf]),
    seed=seeds,
)
def test_batch_norm(*, n, c, area, clip, seed):
    """Against float64. A mean near 1 is off by up to 1e-7, and with it every term of sums over up
    to 4,200 gradients of sum 65 or so, by 1e-5; the sums' own roundings are as small.
    """
    rng = np.random.default_rng(seed)
    shape = (n, c, *((area, 2) if area else ()))
    x, g = (anyhow(rng, rng.normal(mean, 1, shape).astype(np.float32)) for mean in (1, 0))
    scale, shift = rng.normal(size=(2, c)).astype(np.float32)
    options = {"epsilon": 0.1, "clip": clip}
    bounds = (0,) if clip is None else (0, clip)
    near = choose.batch_norm(x.astype(float), scale, shift, epsilon=0.1)[0][..., np.newaxis]
    # Roundings must not decide whether a gradient passes.
    g[(np.abs(near - np.array(bounds)) < 1e-4).any(axis=-1)] = 0

    def both(x, g, scale, shift):
        y, mean, variance = choose.batch_norm(x, scale, shift, **options)
        fixed = choose.batch_norm_inference(x, scale, shift, mean, variance, **options)
        found = {"mean": mean, "variance": variance, **options}
        return y, fixed, mean, variance, *choose.batch_norm_gradient(g, x, scale, shift, **found)

    wanted = both(*(array.astype(float) for array in (x, g, scale, shift)))
    for name in SETS:
        found = []
        for threads in (1, 3):
            with runtime.force_kernels(name, threads):
                found += [both(x, g, scale, shift)]
        for one, three, want in zip(*found, wanted, strict=True):
            np.testing.assert_allclose(one, want, rtol=1e-4, atol=1e-4)
            np.testing.assert_array_equal(one, three)
        np.testing.assert_array_equal(found[0][0], found[0][1])  # by the statistics that it wrote


@given(n=batches, c=st.integers(1, 5), clip=st.sampled_from([None, 2.0, math.inf]), seed=seeds)
@examples(30)
def test_a_batch_norm_of_small_integers(*, n, c, clip, seed):
    """Equal bytes: half of each channel is m + s, half is m - s, the variance s^2 is 1 or 4, so all
    numbers are eighths. A gradient's mean is over 2^k values.
    """
    rng = np.random.default_rng(seed)
    n = 2 * 2 ** int(rng.integers(0, 6))
    signs = rng.permuted(np.tile([[-1], [1]], (n // 2 * 4, c)), axis=0).reshape(n, 4, c)
    x = (signs * rng.choice([1, 2], c) + rng.integers(-3, 4, c)).transpose(0, 2, 1)
    x = anyhow(rng, x.reshape(n, c, 2, 2).astype(np.float32))
    g, scale, shift = whole(rng, *x.shape), whole(rng, c), whole(rng, c)
    options = {"epsilon": 0.0, "clip": clip}

    def both(x, g, scale, shift):
        y, mean, variance = choose.batch_norm(x, scale, shift, **options)
        found = {"mean": mean, "variance": variance, **options}
        return y, mean, variance, *choose.batch_norm_gradient(g, x, scale, shift, **found)

    on_every_set(both, x, g, scale, shift)


@given(
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    c=st.integers(1, 5),
    clip=st.sampled_from([None, 2.0, math.inf]),
    seed=seeds,
)
@examples(30)
def test_a_batch_norm_of_micro_batches_of_small_integers(*, sizes, c, clip, seed):
    """Equal bytes, as above: each micro-batch has 2^k examples, and all have one mean and variance
    in each channel, or the mean of the last is 4 more."""
    rng, options = np.random.default_rng(seed), {"epsilon": 0.0, "clip": clip}
    sizes = [2 ** int(rng.integers(1, 5))] * 2 ** (len(sizes) - 1)
    signs = [rng.permuted(np.tile([[-1], [1]], (n // 2 * 4, c)), axis=0) for n in sizes]
    s, m = rng.choice([1, 2], c), rng.integers(-3, 4, c)
    scale, shift = whole(rng, c), whole(rng, c)
    sums = whole(rng, 2, c)
    statistics = np.stack([m, s * s]).astype(np.float32)

    def gradients(g, x):
        arrays = g, x, (scale, shift), statistics
        to_x = choose.batch_norm_input_gradient(*arrays, sums=sums, n=64, **options)
        return choose.batch_norm_sums(*arrays, **options), to_x

    for values in [(sign.reshape(-1, 4, c) * s + m).transpose(0, 2, 1) for sign in signs]:
        x = anyhow(rng, values.reshape(-1, c, 2, 2).astype(np.float32))
        on_every_set(lambda x: (choose.batch_statistics(x),), x)
        on_every_set(gradients, whole(rng, *x.shape), x)
    parts = [statistics.copy() for _ in sizes]
    on_every_set(lambda *a: (choose.merge_statistics(a, sizes),), *parts)
    parts[-1][0] += 4
    on_every_set(lambda *a: (choose.merge_statistics(a, sizes),), *parts)


@given(n=batches, o=st.integers(1, 5), area=st.integers(0, 9), seed=seeds)
@examples(30)
def test_quantization_in_training(n, o, area, seed):
    """Scales are powers of two, so every product and sum is exact."""
    rng = np.random.default_rng(seed)
    w, g = whole(rng, o, 3, 3, 1) / 4, whole(rng, o, 3, 3, 1)
    ratio, unit = (2.0 ** rng.integers(-1, 2, (2, o))).astype(np.float32)
    for largest in (127, 7, 1):
        on_every_set(lambda w: (choose.weight_codes(w, ratio, unit, largest=largest),), w)  # noqa: B023
        on_every_set(
            lambda g, w: choose.weight_codes_gradient(g, w, ratio, unit, largest=largest),  # noqa: B023
            g,
            w,
        )
    shape, ones = (n, o, *((area, 2) if area else ())), np.ones(1, np.float32)
    x, g = (anyhow(rng, whole(rng, *shape) * 8) for _ in "xg")
    scales = quantization.Scales(ratio, unit, ones, ones * 2, 0.25, 1.0)
    bias = whole(rng, o)
    for to in (quantization.Range(0, 5), quantization.Range(-9, 3), quantization.Range(0, 0, True)):

        def both(x, g):
            y = choose.requantize(x, bias, scales=scales, to=to)  # noqa: B023
            return y, *choose.requantize_gradient(g, x, y, bias, scales=scales, to=to)  # noqa: B023

        on_every_set(both, x, g)


def test_what_is_not_a_number_stays_so_in_a_requantization():
    one = np.ones(1, np.float32)
    scales, x = quantization.Scales(one, one, one, one, 1.0, 1.0), np.full((1, 1, 1, 1), np.nan)
    for to in (quantization.Range(0, 5), quantization.Range(0, 0, True)):
        for name in SETS:
            with runtime.force_kernels(name):
                y = choose.requantize(x.astype(np.float32), one, scales=scales, to=to)
                assert np.isnan(y).all()


def test_a_nan_comes_through_a_cross_entropy():
    for place in range(3):
        x = np.where(np.arange(3) == place, np.nan, 1).astype(np.float32)[np.newaxis]
        for name in (None, *SETS):
            with runtime.force_kernels(name):
                assert np.isnan(ad.cross_entropy(Tensor(x), [1]).data).all()


@pytest.mark.parametrize("name", [None, *SETS])
def test_what_follows_a_convolution_is_relu_and_max_pooling(name):
    """One op with everything in it against three ops, values and gradients."""
    rng = np.random.default_rng(0)
    arrays = whole(rng, 5, 3, 9, 8), whole(rng, 4, 3, 3, 3), whole(rng, 4)

    def gradients(op):
        tensors = [Tensor(array, requires_grad=True) for array in arrays]
        y = op(*tensors)
        y.backward(whole(np.random.default_rng(1), *y.shape))
        return y.data, *(tensor.grad for tensor in tensors)

    def apart(x, weight, bias):
        return ad.max_pool2d(ad.relu(ad.conv2d(x, weight, bias)), (2, 3), stride=(2, 3))

    def together(x, weight, bias):
        return ad.conv2d(x, weight, bias, relu=True, pool=(2, 3))

    with runtime.force_kernels(name):
        for one, three in zip(gradients(together), gradients(apart), strict=True):
            np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("name", SETS)
def test_a_nan_comes_through_a_sparse_weight_gradient(name):
    """A NaN reaches every weight of its kernel's gradient, and no other weight."""
    rng = np.random.default_rng(0)
    spec = Convolution(Window((3, 3)), relu=True, pool=(2, 2))
    assert algorithm.is_sparse_possible(spec)
    assert algorithm.is_sparse_faster(spec, c=2, o=4)
    x, g = whole(rng, 33, 2, 8, 8), whole(rng, 33, 4, 3, 3)
    g[32, 1, 2, 2] = np.nan
    with runtime.force_kernels(name):
        weight = choose.conv2d_weight_gradient(g, np.zeros(g.shape, np.uint8), x, spec)
    assert np.isnan(weight[1]).all()
    assert np.isfinite(np.delete(weight, 1, axis=0)).all()


def test_a_nan_comes_through_a_relu():
    """Else a run that diverges would not be seen to."""
    x = Tensor(np.full((1, 1, 2, 2), np.nan, np.float32))
    weight = Tensor(np.ones((1, 1, 1, 1), np.float32))
    row = Tensor(np.full((1, 3), np.nan, np.float32))
    for name in (None, *SETS):
        with runtime.force_kernels(name):
            assert np.isnan(ad.conv2d(x, weight, relu=True, pool=(2, 2)).data).all()
            assert np.isnan(ad.linear(row, row, relu=True).data).all()
            last = np.where(np.arange(4) == 3, np.nan, 1).reshape(1, 1, 2, 2).astype(np.float32)
            for pooled in (
                ad.max_pool2d(Tensor(last), (2, 2), stride=(2, 2)),
                ad.conv2d(Tensor(last), weight, pool=(2, 2)),
            ):
                assert np.isnan(pooled.data).all()


def test_pooling_over_more_than_a_byte_counts_is_refused():
    x, weight = Tensor(np.zeros((1, 1, 20, 20))), Tensor(np.zeros((1, 1, 1, 1)))
    with pytest.raises(ad.AutodiffError, match="254"):
        ad.conv2d(x, weight, pool=(16, 16))


def test_large_weight_gradients_are_lazy_inside_lazy_gradients():
    """Dense, it is the gradient that it is without; small ones are arrays."""
    rng = np.random.default_rng(0)
    shapes = (9, 150), (200, 150), (3, 200)
    x, w1, w2 = (rng.normal(size=shape).astype(np.float32) for shape in shapes)

    def leaves():
        tensors = [Tensor(array, requires_grad=True) for array in (x, w1, w2)]
        ad.linear(ad.linear(*tensors[:2], relu=True), tensors[2]).sum().backward()
        return tensors

    wanted = [leaf.grad for leaf in leaves()]
    with lazy.lazy_gradients():
        found = leaves()
    kinds = [type(lazy.gradient_of(leaf)) for leaf in found]
    assert kinds == [np.ndarray, lazy.LinearGradient, np.ndarray]
    for leaf, want in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(leaf.grad, want)
    to = np.zeros_like(wanted[1])
    lazy.gradient_of(found[1]).into(to)
    np.testing.assert_array_equal(to, wanted[1])


@pytest.mark.parametrize("name", [None, *SETS])
def test_lazy_gradients_become_dense_when_added_or_passed_on(name):
    """A weight that two products share, and one that is computed."""
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-3, 4, size=shape).astype("f") for shape in ((9, 150), (150, 150)))

    def gradients():
        leaf, other = Tensor(w, requires_grad=True), Tensor(w, requires_grad=True)
        y = ad.linear(ad.linear(Tensor(x), leaf), leaf) + ad.linear(Tensor(x), other * 2)
        y.sum().backward()
        return [leaf.grad, other.grad]

    with runtime.force_kernels(name):
        wanted = gradients()
        with lazy.lazy_gradients():
            found = gradients()
    for gradient, want in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(gradient, want)


many_sizes = st.lists(st.one_of(st.integers(1, 99), st.integers(1, 5000)), min_size=1, max_size=4)


@given(sizes=many_sizes, n_terms=st.integers(1, 4), seed=seeds)
@examples(20)
def test_optimizer_steps(sizes, n_terms, seed):
    """Equal bytes for any numbers: each operation is rounded as in NumPy."""
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(3 + n_terms, n)).astype(np.float32) for n in sizes]
    decay = float(rng.choice([0, 0.01]))

    def stepped(name, step, n_states):
        copies = [
            (a[0].copy(), tuple(a[3:]), [np.abs(a[1 + k]) for k in range(n_states)]) for a in arrays
        ]
        with runtime.force_kernels(name, int(rng.integers(1, 4))):
            parameters = updates.Parameters(
                updates.Parameter(w, g, tuple(s), len(w) > 9) for w, g, s in copies
            )
            for _ in range(2):
                parameters.update(step)
        return [array for w, _, s in copies for array in (w, *s)]

    for step, n_states in (
        (updates.SGDFormula(0.1, momentum=0.9, decay=decay, nesterov=False), 1),
        (updates.SGDFormula(0.1, momentum=0.9, decay=decay, nesterov=True), 1),
        (updates.AdamFormula(3e-3, c1=0.1, c2=0.01, unbias=1.7, eps=1e-8, keep=1 - decay), 2),
        (updates.RMSPropFormula(0.1, c=0.05, eps=1e-6, decay=decay), 1),
        (updates.SignSGDFormula(0.1, c=0.1, keep=1 - decay), 1),
    ):
        wanted = stepped(None, step, n_states)
        for name in SETS:
            for a, b in zip(stepped(name, step, n_states), wanted, strict=True):
                np.testing.assert_array_equal(a, b)


@given(sizes=many_sizes, n_terms=st.integers(1, 4), seed=seeds)
@examples(20)
def test_sums(sizes, n_terms, seed):
    """From the first term to the last; the second time the sum is a first term."""
    rng = np.random.default_rng(seed)
    terms = [tuple(rng.normal(size=(n_terms, n)).astype(np.float32)) for n in sizes]
    wanted = [list(itertools.accumulate((*t, *t)))[-1] for t in terms]
    for name in (None, *SETS):
        totals = [np.full(n, np.nan, np.float32) for n in sizes]
        with runtime.force_kernels(name, int(rng.integers(1, 4))):
            updates.sum_terms(totals, terms)
            updates.sum_terms(totals, [(total, *t) for total, t in zip(totals, terms, strict=True)])
        for total, want in zip(totals, wanted, strict=True):
            np.testing.assert_array_equal(total, want)


@given(sizes=many_sizes, seed=seeds)
@examples(20)
def test_averages(sizes, seed):
    rng = np.random.default_rng(seed)
    means, values = ([rng.normal(size=n).astype(np.float32) for n in sizes] for _ in "mv")

    def moved(name, share):
        copies = [mean.copy() for mean in means]
        with runtime.force_kernels(name, int(rng.integers(1, 4))):
            pairs = zip(values, copies, strict=True)
            members = [updates.Parameter(w, (), (m,)) for w, m in pairs]
            updates.Parameters(members).update(updates.AverageFormula(share))
        return copies

    for share in (1, float(rng.random())):
        wanted = moved(None, share)
        for name in SETS:
            for a, b in zip(moved(name, share), wanted, strict=True):
                np.testing.assert_array_equal(a, b)


def _step(seed):
    rng = np.random.default_rng(seed)
    x, weight = whole(rng, 40, 3, 8, 8), whole(rng, 5, 3, 3, 3)
    tensors = [Tensor(array, requires_grad=True) for array in (x, weight)]
    ad.conv2d(*tensors, relu=True, pool=(2, 2)).sum().backward()
    return [tensor.grad for tensor in tensors]


def test_two_python_threads_use_the_kernels_at_once():
    """Of two calling threads one gets the workers, the other computes alone: equal results."""
    wanted = [_step(seed) for seed in range(8)]
    with runtime.force_kernels(SETS[0], 3), ThreadPoolExecutor(2) as executor:
        for _ in range(5):
            for got, want in zip(executor.map(_step, range(8)), wanted, strict=True):
                for a, b in zip(got, want, strict=True):
                    np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_workers_of_its_own():
    wanted = _step(0)
    with runtime.force_kernels(SETS[0], 3):
        _step(0)  # the workers are there now; a child has none of them
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads
            child = os.fork()
        if child == 0:
            same = all((a == b).all() for a, b in zip(_step(0), wanted, strict=True))
            os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_without_the_extension_numpy_computes():
    code = """
        import sys
        sys.modules["drypoint.autodiff._native"] = None  # as if it had not been compiled
        import numpy as np
        from drypoint import autodiff as ad
        ad.set_threads(2)
        x = ad.Tensor(np.ones((1, 1, 4, 4), np.float32), requires_grad=True)
        ad.conv2d(x, x, relu=True).sum().backward()
        assert x.grad.tolist() == [[[[2.0] * 4] * 4]], x.grad

        from drypoint import nn, train
        net = nn.Sequential([nn.Dropout(0.5), nn.Linear(2), nn.Softmax()], (3,))
        result = train.fit(net, (np.eye(3), [0, 1, 0]), epochs=2, batch_size=2, progress="none")
        assert np.isfinite(result.loss)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
