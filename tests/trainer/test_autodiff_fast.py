"""Fast convolution against the exact one, within a bound that is proven."""

import numpy as np
import pytest
from hypothesis import Phase, given
from hypothesis import strategies as st
from properties import examples

from drypoint import autodiff
from drypoint.autodiff._window import Convolution, Window
from drypoint.autodiff.kernels import choose, runtime
from drypoint.autodiff.kernels.native import algorithm
from drypoint.autodiff.kernels.native import convolution as native_convolution
from drypoint.autodiff.kernels.numpy import blocks

SETS = list(runtime.Settings.sets)
POINTS = {3: (0, 1, -1, 2, -2), 5: (0, 1, -1, 2, -2, 0.5, -0.5)}
ROUNDING = 2.0**-24
OF_BIAS = 10 * ROUNDING
"""Of a bias up to 1: with one channel it comes in before the map back, which is a product and then
four sums on each axis."""


def maps(r):
    """B^T, A and G of Lavin and Gray (2016), from the points and their polynomials."""
    points, n = POINTS[r], r + 3
    data, result, weight = np.zeros((n, n)), np.zeros((n, 4)), np.zeros((n, r))
    for k, p in enumerate(points):
        others = np.poly([q for q in points if q != p])[::-1]  # coefficients of 1, x, x^2, ...
        data[k, : n - 1] = others
        result[k] = [p**i for i in range(4)]
        weight[k] = [p**i / np.polynomial.polynomial.polyval(p, others) for i in range(r)]
    data[-1] = np.poly(points)[::-1]
    result[-1, -1] = weight[-1, -1] = 1
    return data, result, weight


def patches(images, r, tiles):
    """(N, C, H, W) as tiles (N, C, th, tw, n, n) that overlap, zeros beyond the edge."""
    n = r + 3
    frame = np.zeros((*images.shape[:2], 4 * tiles[0] + r - 1, 4 * tiles[1] + r - 1))
    frame[:, :, : images.shape[2], : images.shape[3]] = images
    view = np.lib.stride_tricks.sliding_window_view(frame, (n, n), axis=(2, 3))
    return view[:, :, ::4, ::4]


def bounds(x, weight, g, r):
    """The fast algorithm on magnitudes, in float64: of the result, of both gradients.

    A sum of products, in any order, is within (its number of operations) * 2^-24 of the same sum
    over magnitudes (Higham 2002, section 3.1): along its way through two maps, each in both axes,
    and a sum over channels, images and tiles.
    """
    to_data, to_result, to_weight = (np.abs(m) for m in maps(r))
    (h, w), tiles = g.shape[2:], [-(-v // 4) for v in g.shape[2:]]
    results = np.zeros((*g.shape[:2], 4 * tiles[0], 4 * tiles[1]))
    results[:, :, :h, :w] = g
    of_g = results.reshape(*g.shape[:2], tiles[0], 4, tiles[1], 4).swapaxes(3, 4)
    up = "ai,bj,...ij->...ab"
    px = np.einsum(up, to_data, to_data, patches(x, r, tiles))
    pw = np.einsum(up, to_weight, to_weight, weight)
    pg = np.einsum(up, to_result, to_result, of_g)
    y = np.einsum("ocab,nctuab,ai,bj->notiuj", pw, px, to_result, to_result, optimize=True)
    dw = np.einsum("notuab,nctuab,ai,bj->ocij", pg, px, to_weight, to_weight, optimize=True)
    dx = np.einsum("ocab,notuab,ai,bj->nctuij", pw, pg, to_data, to_data, optimize=True)
    frame = np.zeros((*x.shape[:2], 4 * tiles[0] + r - 1, 4 * tiles[1] + r - 1))
    for t, u in np.ndindex(*tiles):
        frame[:, :, 4 * t : 4 * t + r + 3, 4 * u : 4 * u + r + 3] += dx[:, :, t, u]
    around = 2 * (r + 3 + 4 + r)  # two of three maps, both axes, and their scales
    return (
        y.reshape(results.shape)[:, :, :h, :w] * (around + x.shape[1]) * ROUNDING,
        frame[:, :, : x.shape[2], : x.shape[3]] * (around + 4 + g.shape[1]) * ROUNDING,
        dw * (around + g.shape[0] * tiles[0] * tiles[1]) * ROUNDING,
    )


@given(
    n=st.integers(1, 40),
    r=st.sampled_from([3, 5]),
    padding=st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2),
    pool=st.sampled_from([(1, 1), (2, 2), (4, 1), (1, 2)]),
    relu=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@examples(20, phases=[Phase.reuse, Phase.generate])  # shrinking takes minutes
def test_fast_convolution_is_within_its_bound(*, n, r, padding, pool, relu, seed):
    rng = np.random.default_rng(seed)
    c, o = (int(v) for v in rng.integers(1, 22, 2))
    (top, bottom), (left, right) = padding
    size = tuple(r + 2 + int(v) for v in rng.integers(1, 12, 2))
    x, weight = rng.uniform(-1, 1, (n, c, *size)), rng.uniform(-1, 1, (o, c, r, r))
    x, weight, bias = (a.astype(np.float32) for a in (x, weight, rng.uniform(-1, 1, o)))
    plain = Convolution(Window((r, r), padding=padding))
    spec = Convolution(plain.window, relu=relu, pool=pool)
    shape = (n, o, *spec.output_size(*size))
    won = None if spec.plain else rng.integers(0, pool[0] * pool[1], shape).astype(np.uint8)
    g = rng.uniform(-1, 1, shape).astype(np.float32)

    inner = blocks.unpool(g, won, spec, size).astype(np.float64)
    framed = np.pad(np.abs(x), ((0, 0), (0, 0), (top, bottom), (left, right)))
    y_bound, dx_bound, dw_bound = bounds(framed, np.abs(weight), np.abs(inner), r)
    dx_bound = dx_bound[:, :, top : top + size[0], left : left + size[1]]
    wide = [a.astype(np.float64) for a in (x, weight, bias, g)]
    y_exact, _ = blocks.conv2d(wide[0], wide[1], wide[2], plain)
    dx_exact = blocks.conv2d_input_gradient(wide[3], won, wide[1], spec, size=size)
    dw_exact = blocks.conv2d_weight_gradient(wide[3], won, wide[0], spec)

    for name in SETS:
        first = None
        for threads in (1, 3):
            with runtime.force_kernels(name, threads), pytest.MonkeyPatch.context() as patch:
                patch.setattr(algorithm, "is_faster", lambda *_, **__: True)
                patch.setattr(algorithm, "is_sparse_faster", lambda *_, **__: False)
                y, _ = choose.conv2d(x, weight, bias, plain, taped=True)
                dx = choose.conv2d_input_gradient(g, won, weight, spec, size=size)
                dw = choose.conv2d_weight_gradient(g, won, x, spec)
                pooled, codes = choose.conv2d(x, weight, bias, spec, taped=True)
            assert (np.abs(y - y_exact) <= y_bound + OF_BIAS).all()
            assert (np.abs(dx - dx_exact) <= dx_bound).all()
            assert (np.abs(dw - dw_exact) <= dw_bound).all()
            after = _after(y, spec)
            for value, wanted in zip((pooled, codes), after, strict=True):
                np.testing.assert_array_equal(value, wanted)
            # Equal bytes for any number of threads.
            for one, other in zip(first or (y, dx, dw), (y, dx, dw), strict=True):
                np.testing.assert_array_equal(one, other)
            first = first or (y, dx, dw)


@given(
    n=st.integers(1, 40),
    o=st.integers(1, 9),
    size=st.tuples(st.integers(5, 20), st.integers(5, 20)),
    padding=st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2),
    pool=st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4])) | st.just((2, 2)),
    relu=st.booleans(),
    taped=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@examples(40, phases=[Phase.reuse, Phase.generate])
def test_one_channel_is_within_its_bound(*, n, o, size, padding, pool, relu, taped, seed):
    """The kernel that keeps a tile in registers; with and without bias, ReLU and pooling."""
    rng = np.random.default_rng(seed)
    x, weight, bias = rng.uniform(-1, 1, (n, 1, *size)), rng.uniform(-1, 1, (o, 1, 5, 5)), None
    x, weight = x.astype(np.float32), weight.astype(np.float32)
    if rng.integers(4):
        bias = rng.uniform(-1, 1, o).astype(np.float32)
    plain = Convolution(Window((5, 5), padding=padding))
    rows, columns = plain.output_size(*size)
    pool = (pool[0] if rows >= pool[0] else 1, pool[1] if columns >= pool[1] else 1)
    spec = Convolution(plain.window, relu=relu, pool=pool)
    exact, _ = blocks.conv2d(
        *(a if a is None else a.astype(np.float64) for a in (x, weight, bias)), plain
    )
    framed = np.pad(np.abs(x), ((0, 0), (0, 0), *padding))
    bound = bounds(framed, np.abs(weight), np.zeros_like(exact), 5)[0] + OF_BIAS
    for name in SETS:
        first = None
        for threads in (1, 3):
            with runtime.force_kernels(name, threads), pytest.MonkeyPatch.context() as patch:
                patch.setattr(algorithm, "is_faster", lambda *_, **__: True)
                y, _ = choose.conv2d(x, weight, bias, plain, taped=True)
                pooled, codes = choose.conv2d(x, weight, bias, spec, taped=taped)
            assert (np.abs(y - exact) <= bound).all()
            value, wanted = _after(y, spec)
            np.testing.assert_array_equal(pooled, value)
            assert (codes is None) == (spec.plain or not taped)
            if codes is not None:
                np.testing.assert_array_equal(codes, wanted)
            np.testing.assert_array_equal(y, y if first is None else first)
            first = y


def _after(y, spec):
    """ReLU and pooling of a convolution's result, by a convolution with nothing but them."""
    o = y.shape[1]
    unit = np.eye(o, dtype=np.float32).reshape(o, o, 1, 1)
    only = Convolution(Window((1, 1)), relu=spec.relu, pool=spec.pool)
    return blocks.conv2d(np.ascontiguousarray(y), unit, None, only)


def test_winograd_is_used_where_it_is_faster():
    five = Convolution(Window((5, 5)), pool=(2, 2), relu=True)
    assert algorithm.is_possible(five)
    assert algorithm.is_faster(five, c=20, o=50, size=(8, 8))
    assert not algorithm.is_faster(five, c=1, o=20, size=(24, 24))
    assert algorithm.is_faster_forward(five, c=20, o=50, size=(8, 8))
    assert algorithm.is_faster_forward(five, c=1, o=20, size=(24, 24))
    assert not algorithm.is_faster_forward(
        five, c=1, o=20, size=(22, 22)
    )  # much of tiles beyond the edge
    assert not algorithm.is_faster_forward(five, c=1, o=6, size=(24, 24))
    three = Convolution(Window((3, 3)), pool=(2, 2), relu=True)
    assert not algorithm.is_faster_forward(three, c=1, o=20, size=(24, 24))
    with autodiff.direct_convolution():
        assert not algorithm.is_faster_forward(five, c=20, o=50, size=(8, 8))
        assert not algorithm.is_faster_forward(five, c=1, o=20, size=(24, 24))
    for other in (Window((4, 4)), Window((5, 5), (2, 2)), Window((3, 3), dilation=(1, 2))):
        assert not algorithm.is_possible(Convolution(other))
    assert not algorithm.is_possible(Convolution(Window((3, 3)), pool=(3, 3)))
    assert not algorithm.is_possible(Convolution(Window((3, 3)), groups=2))


def test_the_sparse_gradient_is_used_where_it_is_faster():
    lenet = Convolution(Window((5, 5)), pool=(2, 2), relu=True)
    assert algorithm.is_sparse_possible(lenet)
    assert algorithm.is_sparse_faster(lenet, c=1, o=20)
    assert not algorithm.is_sparse_faster(lenet, c=20, o=50)
    assert not algorithm.is_sparse_faster(lenet, c=1, o=2)
    for other in (
        Convolution(Window((5, 5)), relu=True),
        Convolution(Window((5, 5)), pool=(1, 2), relu=True),
        Convolution(Window((1, 3)), pool=(2, 2)),
        Convolution(Window((3, 3)), pool=(2, 2), groups=3),
    ):
        assert algorithm.is_sparse_possible(other)
        assert not algorithm.is_sparse_faster(other, c=3, o=12)
    for window in (Window((5, 9)), Window((3, 3), dilation=(1, 2))):
        assert not algorithm.is_sparse_possible(Convolution(window, relu=True))
    assert not algorithm.is_sparse_possible(Convolution(Window((5, 5))))


def test_direct_convolution_can_be_chosen():
    """Oracle: NumPy on integers so small that sums of products are exact in any order; the maps of
    the fast way hold thirds and tenths, so it is not exact."""
    rng = np.random.default_rng(0)
    x, weight = (
        rng.integers(-3, 4, shape).astype(np.float32)
        for shape in ((16, 20, 12, 12), (50, 20, 5, 5))
    )
    spec = Convolution(Window((5, 5)))
    exact, _ = blocks.conv2d(x, weight, None, spec)
    for name in SETS:
        with runtime.force_kernels(name):
            assert (choose.conv2d(x, weight, None, spec, taped=False)[0] != exact).any()
            with pytest.raises(KeyError), autodiff.direct_convolution():
                np.testing.assert_array_equal(
                    choose.conv2d(x, weight, None, spec, taped=False)[0], exact
                )
                raise KeyError
            assert (choose.conv2d(x, weight, None, spec, taped=False)[0] != exact).any()


@pytest.mark.parametrize("name", SETS)
def test_the_weight_is_transformed_once_for_forward_and_backward(name, monkeypatch):
    """The kernel gives the bytes that separate transforms give."""
    rng = np.random.default_rng(0)
    x, weight = (rng.normal(size=s).astype(np.float32) for s in ((5, 8, 12, 12), (9, 8, 5, 5)))
    spec, calls = Convolution(Window((5, 5), (1, 1))), []
    points = native_convolution._transform_weight
    monkeypatch.setattr(
        native_convolution, "_transform_weight", lambda *args: calls.append(1) or points(*args)
    )
    with runtime.force_kernels(name):
        tensor = autodiff.Tensor(x, requires_grad=True)
        y = autodiff.conv2d(tensor, autodiff.Tensor(weight))
        g = rng.normal(size=y.shape).astype(np.float32)
        y.backward(g)
        assert len(calls) == 1
        alone, _ = choose.conv2d(x, weight, None, spec, taped=True)
        np.testing.assert_array_equal(y.data, alone)
        alone = choose.conv2d_input_gradient(g, None, weight, spec, size=(12, 12))
        np.testing.assert_array_equal(tensor.grad, alone)
        assert len(calls) == 3
