"""The tape itself: what is recorded, in which dtype, and how gradients come back."""

import gc
import math
import tracemalloc

import numpy as np
import pytest

from drypoint import autodiff as ad
from drypoint.autodiff import AutodiffError, Tensor
from drypoint.autodiff.kernels import choose


def leaf(*values, dtype=np.float64):
    return Tensor(np.array(values, dtype), requires_grad=True)


def test_gradients_of_a_small_formula():
    """d(xy + x^2)/dx = y + 2x, d/dy = x, by hand."""
    x, y = leaf(3.0), leaf(4.0)
    (x * y + x**2).sum().backward()
    assert x.grad.tolist() == [10.0]
    assert y.grad.tolist() == [3.0]


def test_backward_adds_up():
    x = leaf(3.0)
    (x * 2).backward()
    (x * 5).backward()
    assert x.grad.tolist() == [7.0]


def test_a_given_gradient_weighs_the_outputs():
    x = leaf(1.0, 2.0)
    (x * x).backward([10.0, 100.0])
    assert x.grad.tolist() == [20.0, 400.0]


def test_intermediate_results_keep_no_gradient():
    x = leaf(1.0)
    y = x * 2
    (y * 3).backward()
    assert y.grad is None
    assert y.requires_grad


def test_constants_record_nothing():
    """The derivative is not even built: a function that would fail is never called."""
    x = Tensor([1.0])
    y = ad.record(x.data * 2, (x, lambda _: 1 / 0))
    assert not y.requires_grad
    with pytest.raises(AutodiffError, match="requires_grad=True"):
        y.backward()


def test_inference_keeps_no_intermediate_arrays():
    """50 products of 1 MB: with a tape they would all be alive at the end."""
    x = Tensor(np.ones(1 << 18, np.float32))
    tracemalloc.start()
    for _ in range(50):
        x = x * x
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_parent_without_gradient_costs_no_product():
    x, y = Tensor([1.0, 2.0]), leaf(3.0, 4.0, dtype=np.float32)
    calls = []

    def vjp(g):
        calls.append("y")
        return g

    ad.record(x.data + y.data, (x, lambda _: calls.append("x")), (y, vjp)).sum().backward()
    assert calls == ["y"]


def test_a_chain_deeper_than_the_recursion_limit():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1.0
    y.backward()
    assert x.grad.tolist() == [1.0]
    del y
    gc.collect()


def test_a_diamond_of_many_paths_takes_linear_time():
    """y = y + y forty times has 2^40 paths; each node is passed once."""
    x = leaf(1.0)
    y = x
    for _ in range(40):
        y = y + y
    y.backward()
    assert x.grad.tolist() == [2.0**40]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_and_integers_take_the_tensors_dtype(dtype):
    x = leaf(1.0, 2.0, dtype=dtype)
    number, integers = 0.1, np.array([1, 2])
    results = [x * number, number + x, x - integers, [1, 2] / x, x**0.5, x.mean(), x.max(), 2 - x]
    results += [x * np.float64(0.1), x.sum() * number, x.mean() + number]
    for y in results:
        assert y.dtype == dtype
        y.backward(np.ones(y.shape, dtype))
    assert x.grad.dtype == dtype


def test_arrays_on_the_left_use_the_tensors_operators():
    y = np.array([1.0, 2.0], np.float32) + Tensor([1.0, 2.0])
    assert isinstance(y, Tensor)
    assert y.data.tolist() == [2.0, 4.0]
    product = np.array([[1, 2]], np.float32) @ Tensor([[3.0], [4.0]])
    assert product.data.tolist() == [[11.0]]


def test_mixed_dtypes_are_refused():
    with pytest.raises(AutodiffError, match="float32, the other float64"):
        leaf(1.0, dtype=np.float32) + leaf(1.0)
    with pytest.raises(AutodiffError, match="float32, the other float64"):
        leaf(1.0, dtype=np.float32) * np.array([1.0])
    with pytest.raises(AutodiffError, match="an op of float32 gave float64"):
        ad.record(np.array([1.0]), (leaf(1.0, dtype=np.float32), lambda g: g))


@pytest.mark.parametrize("values", [1j, "one", None, [object()], np.float16(1), np.longdouble(1)])
def test_what_is_no_float32_or_float64_is_refused(values):
    with pytest.raises(AutodiffError):
        Tensor(values)


@pytest.mark.parametrize("values", [[1, 2], [True, False], np.array([1, 2], np.uint8), 3])
def test_integers_become_float32(values):
    assert Tensor(values).dtype == np.float32


def test_arrays_are_referred_to_not_copied():
    x = np.zeros(3, np.float32)
    assert Tensor(x).data is x


def test_gradients_that_do_not_fit_are_refused():
    x = leaf(1.0, 2.0)
    with pytest.raises(AutodiffError, match=r"shape \(2,\): give a gradient"):
        (x * 2).backward()
    with pytest.raises(AutodiffError, match=r"float64\(3,\), its tensor is float64\(2,\)"):
        (x * 2).backward([1.0, 2.0, 3.0])
    with pytest.raises(AutodiffError, match="a gradient is float64"):
        ad.record(x.data, (x, lambda g: g.sum())).sum().backward()
    with pytest.raises(AutodiffError, match="a gradient is float32"):
        ad.record(x.data, (x, lambda g: g.astype(np.float32))).sum().backward()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x + Tensor(np.zeros(4)),
        lambda x: x @ x,
        lambda x: x.reshape((5,)),
        lambda x: x.reshape((2, 3)) @ Tensor(np.zeros((2, 3))),
        lambda x: x.sum(1),
        lambda x: x.sum((0, 0)),
        lambda x: x.transpose((0, 0)),
        lambda x: x.transpose(()),
        lambda x: x ** Tensor(1.0),
        lambda x: ad.linear(x, x),
        lambda x: ad.linear(x.reshape((2, 3)), Tensor(np.zeros((4, 2)))),
        lambda x: ad.linear(x.reshape((2, 3)), Tensor(np.zeros((4, 3))), Tensor(np.zeros(3))),
        lambda x: ad.conv2d(x, x),
        lambda x: ad.conv2d(x.reshape((1, 1, 2, 3)), Tensor(np.zeros((1, 2, 1, 1)))),
        lambda x: ad.conv2d(x.reshape((1, 1, 2, 3)), Tensor(np.zeros((1, 1, 3, 1)))),
        lambda x: ad.conv2d(x.reshape((1, 2, 1, 3)), Tensor(np.zeros((3, 1, 1, 1))), groups=2),
        lambda x: ad.conv2d(
            x.reshape((1, 1, 2, 3)), Tensor(np.zeros((1, 1, 1, 1))), Tensor(np.zeros(2))
        ),
        lambda x: ad.conv2d(x.reshape((1, 1, 2, 3)), Tensor(np.zeros((1, 1, 1, 1))), stride=(0, 1)),
        lambda x: ad.max_pool2d(x, (1, 1), stride=(1, 1)),
        lambda x: ad.max_pool2d(x.reshape((1, 1, 2, 3)), (3, 1), stride=(1, 1)),
        lambda x: ad.avg_pool2d(
            x.reshape((1, 1, 2, 3)), (2, 2), stride=(1, 1), padding=((2, 0), (0, 0))
        ),
        lambda x: ad.batch_norm(x, x, x, epsilon=1e-5),
        lambda x: ad.batch_norm(x[:0].reshape((0, 2)), x[:2], x[:2], epsilon=1e-5),
        lambda x: ad.dropout(x, 1.0, rng=np.random.default_rng(0)),
        lambda x: ad.cross_entropy(x, 6),
        lambda x: ad.cross_entropy(x, -1),
        lambda x: ad.cross_entropy(x, 1.0),
        lambda x: ad.cross_entropy(x, [0, 1]),
        lambda x: ad.cross_entropy(x, 1, label_smoothing=1.5),
        lambda x: ad.mse(x, [1.0]),
        lambda x: ad.mse(x.sum(), 1.0),
    ],
)
def test_operands_that_do_not_fit_are_refused_in_one_line(wrong):
    with pytest.raises(AutodiffError):
        wrong(leaf(*range(6)))


def test_relu_has_derivative_zero_at_zero():
    x = leaf(-1.0, 0.0, 2.0)
    ad.relu(x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 1.0]


def test_max_gives_the_gradient_to_the_first_of_equal_ones():
    x = leaf(1.0, 3.0, 3.0)
    x.max().backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_nothing_overflows_far_from_zero():
    """Warnings are errors in these tests; the values equal the functions' limits."""
    x = Tensor([-1e4, 0.0, 1e4])
    assert ad.sigmoid(x).data.tolist() == [0.0, 0.5, 1.0]
    assert ad.softmax(x).data.tolist() == [0.0, 0.0, 1.0]
    assert ad.log_softmax(x).data.tolist() == [-2e4, -1e4, 0.0]
    assert ad.cross_entropy(x, 0).data == 2e4


def test_dropout_keeps_the_mean_and_its_seed():
    """The mean of n = 10^5 draws of 0 or 1 / 0.75 has deviation sqrt(1/3 / n) = 0.0018."""
    x = Tensor(np.ones(100_000, np.float32))
    y = ad.dropout(x, 0.25, rng=np.random.default_rng(7)).data
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(y.mean() - 1) < 5 * 0.0018
    np.testing.assert_array_equal(y, ad.dropout(x, 0.25, rng=np.random.default_rng(7)).data)


def test_dropout_masks_are_uncorrelated_between_neighbours_and_keys():
    """Correlations of n pairs of independent numbers have deviation 1 / sqrt n."""
    one, n = np.ones((500, 500), np.float32), 500 * 500
    for seed in range(5):
        key = np.random.default_rng(seed).integers(0, 2**32, 2, np.uint32)
        others = [key ^ np.uint32([a, b]) for a, b in ((1, 0), (0, 1), (1 << 31, 0), (0, 1 << 31))]
        first, *rest = (
            choose.dropout(one, k, threshold=1 << 23, scale=2) - 1 for k in (key, *others)
        )
        assert abs(first.mean()) < 5 / math.sqrt(n)
        for other in (*rest, np.roll(first, 1), np.roll(first, 2), np.roll(first, 1, 0)):
            assert abs((first * other).mean()) < 5 / math.sqrt(n)


def test_batch_norm_statistics_are_numpys():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (4, 3, 5, 6))
    y, mean, variance = ad.batch_norm(Tensor(x), leaf(1, 1, 1), leaf(0, 0, 0), epsilon=1e-5)
    # float64 sums in another order than NumPy's mean over three axes at once.
    np.testing.assert_allclose(mean, x.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(variance, x.var(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(y.data.mean(axis=(0, 2, 3)), 0, atol=1e-12)


def test_repr_says_shape_dtype_and_tape():
    assert repr(leaf(1.0)) == "Tensor(shape=(1,), dtype=float64, requires_grad=True)"
    assert repr(Tensor(1)) == "Tensor(shape=(), dtype=float32)"
