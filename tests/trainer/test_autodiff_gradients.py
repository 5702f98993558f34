"""Every operation's gradient against central differences in float64, over random shapes."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from properties import examples

from drypoint import autodiff as ad
from drypoint.autodiff import Tensor, gradcheck, joint

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 4)
shapes = st.lists(sizes, min_size=0, max_size=4).map(tuple)


def spaced(rng, shape):
    """Values at least 0.02 apart and 0.01 from 0: far from every corner and tie, seen from the
    finite difference's step of 6e-6."""
    n = int(np.prod(shape))
    return (rng.permutation(2 * n)[:n] - n + 0.5).reshape(shape) * 0.02


def positive(rng, shape):
    return rng.uniform(0.5, 2.0, shape)


UNARY = {
    "exp": (ad.exp, spaced),
    "log": (ad.log, positive),
    "sqrt": (ad.sqrt, positive),
    "relu": (ad.relu, spaced),
    "tanh": (ad.tanh, spaced),
    "sigmoid": (ad.sigmoid, spaced),
    "sin": (ad.sin, spaced),
    "cos": (ad.cos, spaced),
    "relu6": (lambda x: ad.activation(x * 33, "relu6"), spaced),
    "leaky relu": (lambda x: ad.activation(x, "leaky_relu", slope=-0.2), spaced),
    "hardsigmoid": (lambda x: ad.activation(x * 33, "hardsigmoid"), spaced),
    "hardswish": (lambda x: ad.activation(x * 33, "hardswish"), spaced),
    "silu": (lambda x: ad.activation(x * 33, "silu"), spaced),
    "gelu": (lambda x: ad.activation(x * 33, "gelu"), spaced),
    "negative": (lambda x: -x, spaced),
    "square": (lambda x: x**2, spaced),
    "power -1.5": (lambda x: x**-1.5, positive),
    "sum": (lambda x: x.sum(), spaced),
    "mean": (lambda x: x.mean(), spaced),
    "max": (lambda x: x.max(), spaced),
    "max keepdims": (lambda x: x.max(keepdims=True), spaced),
    "flatten": (lambda x: x.flatten(), spaced),
    "transpose": (lambda x: x.transpose() * np.arange(x.data.size).reshape(x.shape[::-1]), spaced),
    "reciprocal": (lambda x: 3 / x, positive),
    "from a number": (lambda x: 2.5 - x, spaced),
    "scaled": (lambda x: 2 * x + 1, spaced),
    "used twice": (lambda x: x * ad.exp(x) + x, spaced),
}


@pytest.mark.parametrize("name", UNARY)
@given(shape=shapes, seed=seeds)
@examples(10)
def test_operation_of_one_tensor(name, shape, seed):
    function, values = UNARY[name]
    assert gradcheck(function, values(np.random.default_rng(seed), shape)) < 1e-6


BINARY = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
}


@pytest.mark.parametrize("name", BINARY)
@given(shape=shapes, seed=seeds, data=st.data())
@examples(20)
def test_operation_of_two_tensors_that_broadcast(name, shape, seed, data):
    """Each operand may lack leading axes or have size 1 where the other is larger."""
    rng = np.random.default_rng(seed)
    operands = []
    for _ in range(2):
        kept = shape[data.draw(st.integers(0, len(shape))) :]
        operands.append(tuple(1 if data.draw(st.booleans()) else size for size in kept))
    assert gradcheck(BINARY[name], *(positive(rng, s) for s in operands)) < 1e-6


@given(shape=st.lists(sizes, min_size=1, max_size=4), seed=seeds, data=st.data())
def test_reduction_over_axes(shape, seed, data):
    x = spaced(np.random.default_rng(seed), tuple(shape))
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    signed = tuple(a - len(shape) if data.draw(st.booleans()) else a for a in sorted(axes))
    keepdims = data.draw(st.booleans())
    assert gradcheck(lambda t: t.sum(signed, keepdims=keepdims), x) < 1e-6
    assert gradcheck(lambda t: t.mean(signed, keepdims=keepdims), x) < 1e-6
    assert gradcheck(lambda t: t.max(signed[0], keepdims=keepdims), x) < 1e-6


@given(shape=st.lists(sizes, min_size=2, max_size=4), seed=seeds, data=st.data())
def test_rearrangement(shape, seed, data):
    rng = np.random.default_rng(seed)
    x = spaced(rng, tuple(shape))
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    weight = rng.normal(size=[shape[axis] for axis in order])
    assert gradcheck(lambda t: t.transpose(order) * weight, x) < 1e-6
    assert gradcheck(lambda t: t.reshape((-1, shape[-1])), x) < 1e-6
    start = data.draw(st.integers(0, len(shape) - 1))
    assert gradcheck(lambda t: t.flatten(start), x) < 1e-6


@given(n=st.integers(1, 5), seed=seeds)
def test_indexing(n, seed):
    rng = np.random.default_rng(seed)
    x = spaced(rng, (n, 3))
    repeated = rng.integers(0, n, 7)
    assert gradcheck(lambda t: t[repeated], x) < 1e-6
    assert gradcheck(lambda t: t[:, 1:], x) < 1e-6
    assert gradcheck(lambda t: t[n - 1], x) < 1e-6


@given(outer=shapes, n=sizes, k=sizes, m=sizes, seed=seeds)
@examples(25)
def test_matrix_product(outer, n, k, m, seed):
    rng = np.random.default_rng(seed)
    outer = outer[:2]
    x, y = spaced(rng, (*outer, n, k)), spaced(rng, (k, m))
    assert gradcheck(lambda a, b: a @ b, x, y) < 1e-6


@given(n=st.integers(0, 4), i=sizes, o=sizes, seed=seeds)
def test_linear(n, i, o, seed):
    rng = np.random.default_rng(seed)
    x, weight, bias = spaced(rng, (n, i)), spaced(rng, (o, i)), spaced(rng, (o,))
    assert gradcheck(ad.linear, x, weight, bias) < 1e-6
    assert gradcheck(ad.linear, x, weight) < 1e-6


pads = st.tuples(st.integers(0, 2), st.integers(0, 2))
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def convolutions(draw):
    """(shapes of x and weight, options), every parameter free and the window within the image."""
    kernel, stride, padding = draw(pairs), draw(pairs), (draw(pads), draw(pads))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    groups, per_in, per_out = draw(sizes), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    size = [
        max(1, d * (k - 1) + 1 - sum(p)) + draw(st.integers(0, 3))
        for d, k, p in zip(dilation, kernel, padding, strict=True)
    ]
    x = (draw(st.integers(1, 2)), groups * per_in, *size)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return x, (groups * per_out, per_in, *kernel), options


@given(case=convolutions(), seed=seeds)
@examples(25)
def test_convolution(case, seed):
    rng = np.random.default_rng(seed)
    x_shape, weight_shape, options = case
    arrays = [rng.normal(size=s) for s in (x_shape, weight_shape, weight_shape[:1])]
    assert gradcheck(lambda *t: ad.conv2d(*t, **options), *arrays) < 1e-6
    assert gradcheck(lambda *t: ad.conv2d(*t, **options), *arrays[:2]) < 1e-6


@st.composite
def poolings(draw):
    """(shape of x, kernel, options): overlapping windows, gaps, rests, padding below the kernel."""
    kernel, stride = draw(pairs), draw(pairs)
    padding = tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in kernel)
    size = [k + draw(st.integers(0, 4)) for k in kernel]
    return (
        (draw(st.integers(1, 2)), draw(sizes), *size),
        kernel,
        {"stride": stride, "padding": padding},
    )


@pytest.mark.parametrize("function", [ad.max_pool2d, ad.avg_pool2d])
@given(case=poolings(), seed=seeds)
@examples(25)
def test_pooling(function, case, seed):
    shape, kernel, options = case
    x = spaced(np.random.default_rng(seed), shape)
    assert gradcheck(lambda t: function(t, kernel, **options), x) < 1e-6


@given(n=sizes, c=sizes, o=sizes, kernel=pairs, stride=pairs, seed=seeds, data=st.data())
@examples(25)
def test_upsampling(*, n, c, o, kernel, stride, seed, data):
    rng = np.random.default_rng(seed)
    padding = tuple(tuple(data.draw(st.integers(0, k - 1)) for _ in "ab") for k in kernel)
    more = [data.draw(st.integers(0, s - 1)) for s in stride]
    h, w = (3, 4)
    size = tuple(
        (m - 1) * s + k - sum(sides) + extra
        for m, s, k, sides, extra in zip((h, w), stride, kernel, padding, more, strict=True)
    )
    x, weight, bias = (rng.normal(size=s) for s in ((n, c, h, w), (c, o, *kernel), (o,)))
    if min(size) > 0:
        of = {"stride": stride, "padding": padding, "size": size}
        assert gradcheck(lambda *t: ad.conv_transpose2d(*t, **of), x, weight, bias) < 1e-6
    assert gradcheck(lambda t: ad.upsample2d(t, stride), x) < 1e-6
    for alignment in ("half_pixel", "align_corners", "asymmetric"):
        assert gradcheck(lambda t, a=alignment: ad.resize2d(t, (3, 7), alignment=a), x) < 1e-6
    blocks = rng.normal(size=(n, o * stride[0] * stride[1], 2, 3))
    for mode in ("CRD", "DCR"):
        assert gradcheck(lambda t, m=mode: ad.depth_to_space(t, stride, mode=m), blocks) < 1e-6


@given(n=sizes, c=st.lists(sizes, min_size=1, max_size=3), places=shapes, seed=seeds)
@examples(25)
def test_products_with_channels_and_joined_channels(n, c, places, seed):
    rng = np.random.default_rng(seed)
    places = places[:2]
    x, *others = (rng.normal(size=(n, channels, *places)) for channels in (c[0], *c))
    weight = rng.normal(size=(n, c[0] + sum(c), *places))
    assert gradcheck(lambda *t: ad.concat(t) * weight, x, *others) < 1e-6
    assert gradcheck(ad.multiply, x, others[0]) < 1e-6
    assert gradcheck(ad.multiply, x, rng.normal(size=(n, c[0], *(1 for _ in places)))) < 1e-6
    assert gradcheck(lambda t: ad.multiply(t, t), x) < 1e-6


@given(n=sizes, size=pairs, padding=st.tuples(pads, pads), seed=seeds)
@examples(25)
def test_zero_padding(n, size, padding, seed):
    """Oracle of the values: NumPy's pad."""
    x = np.random.default_rng(seed).normal(size=(n, 2, *size))
    y = ad.zero_pad2d(Tensor(x), padding).data
    np.testing.assert_array_equal(y, np.pad(x, ((0, 0), (0, 0), *padding)))
    weight = np.random.default_rng(seed).normal(size=y.shape)
    assert gradcheck(lambda t: ad.zero_pad2d(t, padding) * weight, x) < 1e-6


@given(shape=st.lists(sizes, min_size=1, max_size=3), seed=seeds, data=st.data())
@examples(25)
def test_softmax(shape, seed, data):
    x = spaced(np.random.default_rng(seed), tuple(shape))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    weight = np.random.default_rng(seed).normal(size=shape)
    assert gradcheck(lambda t: ad.softmax(t, axis=axis) * weight, x) < 1e-6
    assert gradcheck(lambda t: ad.log_softmax(t, axis=axis) * weight, x) < 1e-6


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@given(n=sizes, classes=st.integers(1, 5), seed=seeds)
@examples(5)
def test_cross_entropies(reduction, smoothing, n, classes, seed):
    rng = np.random.default_rng(seed)
    options = {"label_smoothing": smoothing, "reduction": reduction}
    logits = spaced(rng, (n, classes))
    probabilities = rng.uniform(0.1, 1.0, (n, classes))
    unnormalized = rng.uniform(0.0, 1.0, (n, classes))
    for targets in (rng.integers(0, classes, n), unnormalized):
        assert gradcheck(lambda t, y=targets: ad.cross_entropy(t, y, **options), logits) < 1e-6
        assert (
            gradcheck(
                lambda t, y=targets: ad.cross_entropy_from_probabilities(t, y, **options),
                probabilities,
            )
            < 1e-6
        )


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@given(shape=st.lists(sizes, min_size=1, max_size=3), seed=seeds)
@examples(10)
def test_squared_error(reduction, shape, seed):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=shape)
    x = rng.normal(size=shape)
    assert gradcheck(lambda t: ad.mse(t, target, reduction=reduction), x) < 1e-6


@given(
    shape=st.lists(st.integers(2, 4), min_size=2, max_size=4),
    clip=st.sampled_from([None, 1.0, math.inf]),
    seed=seeds,
)
def test_batch_norm(shape, clip, seed):
    rng = np.random.default_rng(seed)
    x, channels = rng.normal(size=shape), shape[1]
    scale, shift = rng.normal(size=channels), rng.normal(size=channels)
    mean, variance = rng.normal(size=channels), rng.uniform(0.5, 2, channels)

    def trained(*tensors, clip=clip):
        return ad.batch_norm(*tensors, epsilon=0.1, clip=clip)[0]

    def used(*tensors, clip=clip):
        fixed = {"mean": mean, "variance": variance}
        return ad.batch_norm_inference(*tensors, **fixed, epsilon=1e-5, clip=clip)

    for function in trained, used:
        y = function(*map(Tensor, (x, scale, shift)), clip=None).data
        corners = np.array([] if clip is None else [0, clip])
        assume((np.abs(y[..., np.newaxis] - corners) > 1e-3).all())
        assert gradcheck(function, x, scale, shift) < 1e-6


@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    parts=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    clip=st.sampled_from([None, 1.0, math.inf]),
    residual=st.booleans(),
    seed=seeds,
)
def test_a_batch_norm_of_micro_batches(*, shape, parts, clip, residual, seed):
    """Oracle: `batch_norm` of the whole batch, in float64; sums in another order are off by 1e-12.
    In a residual block what is normalized is read a second time."""
    rng, n = np.random.default_rng(seed), sum(parts)
    x, g, h = rng.normal(size=(3, n, *shape))
    scale, shift = rng.normal(size=(2, shape[0]))
    leaves = [Tensor(a, requires_grad=True) for a in (x, scale, shift)]
    y, *statistics = ad.batch_norm(*leaves, epsilon=0.1, clip=clip)
    joint.backward([y, leaves[0]][: 1 + residual], [g, h][: 1 + residual])
    wanted = [y.data, *statistics, *(leaf.grad for leaf in leaves)]

    rows = np.split(np.arange(n), np.cumsum(parts)[:-1])
    xs = [Tensor(x[part], requires_grad=True) for part in rows]
    vectors = [Tensor(a, requires_grad=True) for a in (scale, shift)]
    norm = joint.JointBatchNorm(*vectors, epsilon=0.1)
    for i in rng.permutation(len(parts)):
        norm.add(int(i), xs[i])
    statistics = norm.join()
    ys = [norm.result(i, clip) for i in range(len(parts))]
    again = xs if residual else []
    gradients = [*(g[part] for part in rows), *(h[part] for part in rows)]
    joint.backward([*ys, *again], gradients[: len(ys) + len(again)])
    found = [np.concatenate([y.data for y in ys]), *statistics]
    found += [np.concatenate([part.grad for part in xs]), *(v.grad for v in vectors)]
    for one, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, want, rtol=1e-9, atol=1e-12)


@given(shape=shapes, probability=st.floats(0, 0.9), seed=seeds)
@examples(25)
def test_dropout(shape, probability, seed):
    x = spaced(np.random.default_rng(seed), shape)

    def function(t):
        return ad.dropout(t, probability, rng=np.random.default_rng(seed))

    assert gradcheck(function, x) < 1e-6


def test_every_public_function_of_tensors_is_checked_here():
    """A new op that has no test in this file fails here: the names are read from the source."""
    text = Path(__file__).read_text(encoding="utf-8")
    # `reduction` above goes through reduced; requantize and weight_codes round, and their gradients
    # are of what they round (tests/pybridge/test_quant_training.py); the others take no tensors
    tools = {"record", "gradcheck", "reduced", "set_threads", "n_threads", "direct_convolution"}
    tools |= {"requantize", "weight_codes"}
    tools |= {
        "moving_average",
        "numbers",
        "copy_into",
        "sum_terms",
        "deferred",
        "draw_key",
        "address",
        "aligned",
        "aligned_empty",
        "island",
    }
    tools |= {"gru", "lstm"}  # tests/trainer/test_nn_recurrent.py has their gradients
    functions = {
        name for name in vars(ad) if name.islower() and callable(getattr(ad, name))
    } - tools
    assert len(functions) >= 19
    assert {name for name in functions if f"ad.{name}" not in text} == set()


def test_a_wrong_gradient_is_refused_with_the_place():
    def wrong(x: Tensor) -> Tensor:
        return ad.record(x.data**2, (x, lambda g: g * x.data * np.array([2, 2, 2.001])))

    with pytest.raises(ad.GradcheckError, match=r"argument 0 at \(2,\): backward gives .* 5.0e-04"):
        gradcheck(wrong, np.array([1.0, 2.0, 3.0]))


def test_a_missing_gradient_is_refused():
    with pytest.raises(ad.GradcheckError, match="no gradient arrives at argument 1"):
        gradcheck(lambda x, y: x * y.data, [1.0], [2.0])


def test_a_gradient_of_nan_is_refused():
    def nan(x: Tensor) -> Tensor:
        return ad.record(x.data, (x, lambda g: g * np.nan))

    with pytest.raises(ad.GradcheckError, match="nan"):
        gradcheck(nan, [1.0])


def test_gradcheck_leaves_its_arrays_alone():
    x = np.array([1.0, 2.0])
    gradcheck(lambda t: t * t, x)
    np.testing.assert_array_equal(x, [1.0, 2.0])
