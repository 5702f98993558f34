"""Kernel calls made again: the oracle is the same computation through Python, byte for byte."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest

from drypoint import autodiff as ad
from drypoint.autodiff import Recording, Tensor, _compiled

SETS = list(_compiled._Settings.sets)


def drawn(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


ONES, TARGETS = np.ones(64, np.float32), np.arange(64) % 3


def padded(x, w1, w2, targets):
    """Stride, padding, overlapping pooling, a mean, a matrix product, cross-entropy."""
    y = ad.conv2d(x, w1, stride=(2, 1), padding=((1, 1), (2, 0)), relu=True)
    y = ad.max_pool2d(ad.relu(y), (3, 3), stride=(2, 2), padding=((1, 1), (1, 1)))
    y = ad.avg_pool2d(y, (2, 2), stride=(2, 2))
    scores = ad.linear(y.flatten(1), w2)
    return ad.cross_entropy(scores, targets[: len(x.data)], label_smoothing=0.1)


def gradients(x, *weights, targets=TARGETS):
    """Losses and the gradients of their sum by the weights, and by x."""
    leaves = [Tensor(array, requires_grad=True) for array in (x, *weights)]
    losses = padded(*leaves, targets)
    losses.backward(ONES[: len(x)])
    return losses.data, *(leaf.grad for leaf in leaves)


WEIGHTS = drawn(1, 5, 2, 3, 3), drawn(2, 3, 5 * 2 * 2)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", SETS)
def test_a_recording_gives_what_python_would(name, threads):
    x = drawn(3, 21, 2, 13, 9)
    with _compiled.forced(name, threads):
        with Recording(x, ONES, TARGETS, *WEIGHTS) as recording:
            results = gradients(x, *WEIGHTS)
        assert recording.covers(*results)
        for seed in (4, 5):
            x[...] = drawn(seed, *x.shape)
            wanted = [array.copy() for array in gradients(x, *WEIGHTS)]
            recording.replay()
            for result, array in zip(results, wanted, strict=True):
                np.testing.assert_array_equal(result, array, strict=True)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_several_recordings_side_by_side(threads):
    """Three, of other sizes: one after the other, on threads of their own, or on all of them."""
    xs = [drawn(seed, n, 2, 13, 9) for seed, n in ((3, 21), (4, 40), (5, 7))]
    targets = TARGETS.copy()
    with _compiled.forced(SETS[0], threads):
        recordings, results = [], []
        for x in xs:
            with Recording(x, ONES, targets, *WEIGHTS) as recording:
                results.append(gradients(x, *WEIGHTS, targets=targets))
            recordings.append(recording)
        with Recording(dry=True) as all_of_them:
            all_of_them.side_by_side(recordings)
        for seed in (6, 7):
            for i, x in enumerate(xs):
                x[...] = drawn(seed + i, *x.shape)
            wanted = [[*map(np.copy, gradients(x, *WEIGHTS, targets=targets))] for x in xs]
            assert all_of_them.play(1, {}) == 1
            for result, array in zip(chain(*results), chain(*wanted), strict=True):
                np.testing.assert_array_equal(result, array, strict=True)
        targets[30] = 3  # of the second one
        assert all_of_them.play(1, {}) == 0


@pytest.mark.parametrize("threads", [1, 3])
def test_many_times_with_other_numbers_and_memory(threads):
    """Each time other images are read, losses go elsewhere, and the weight moves by another rate;
    the third of four has a class that there is not."""
    n, size = 4, 24
    xs, weight, state = drawn(3, n, size, 5), drawn(4, 3, 5), np.zeros((3, 5), np.float32)
    targets = np.arange(n * size).reshape(n, size) % 3
    steps = [ad.SGDStep(rate, momentum=0.9, decay=0.0, nesterov=False) for rate in (1, 2, 4, 8)]

    def computed(x, w, targets):
        leaf = Tensor(w, requires_grad=True)
        losses = ad.cross_entropy(ad.linear(Tensor(x), leaf), targets)
        losses.backward(ONES[:size])
        return losses.data, leaf.grad

    with _compiled.forced(SETS[0], threads):
        w, v = weight.copy(), state.copy()
        wanted = []
        for x, t, step in zip(xs, targets, steps, strict=True):
            losses, gradient = computed(x, w, t)
            wanted.append(losses)
            ad.Parameters([ad.Parameter(w, (gradient,), (v,))]).move(step)
        x, t, moving, moment = xs[0].copy(), targets[0].copy(), weight.copy(), state.copy()
        with Recording(x, t, ONES, moving) as recording:
            losses, gradient = computed(x, moving, t)
        with Recording(dry=True) as all_of_it:
            ad.copy_into(x, xs[0], reads="x")
            ad.copy_into(t, targets[0], reads="t")
            all_of_it.include(recording)
            ad.copy_into(np.empty_like(losses), losses, writes="losses")
            parameters = ad.Parameters([ad.Parameter(moving, (gradient,), (moment,))])
            parameters.move(steps[0], varies="step")
        found = np.zeros((n, size), np.float32)
        values = {("step", name): array for name, array in ad.numbers(steps).items()}
        for name, array in (("x", xs), ("t", targets), ("losses", found)):
            values[name] = np.array([ad.address(row) for row in array], np.uintp)
        assert all_of_it.play(n, values) == n
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(moving, w)
        targets[2, 7], moving[...], moment[...] = 3, weight, state
        assert all_of_it.play(n, values) == 2
        refused = moving.copy()
        moving[...], moment[...] = weight, state
        assert all_of_it.play(2, {name: table[:2] for name, table in values.items()}) == 2
        np.testing.assert_array_equal(refused, moving)
        with pytest.raises(ad.AutodiffError, match=r"4 rows of 8 bytes are wanted, got 24 bytes"):
            all_of_it.play(n, values | {"x": values["x"][:3]})


@pytest.mark.parametrize("wrong", [-1, 3, 2**40])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_class_index_that_python_refuses_is_refused(threads, wrong):
    x, targets = drawn(3, 40, 3), np.zeros(40, np.int64)
    with _compiled.forced(SETS[0], threads):
        with Recording(x, targets) as recording:
            losses = ad.cross_entropy(Tensor(x), targets)
        assert recording.covers(losses.data)
        assert recording.replay()
        targets[17] = wrong
        assert not recording.replay()
        targets[17] = 2
        assert recording.replay()


def test_what_numpy_computes_in_between_is_not_covered():
    x, (w, _) = drawn(3, 4, 2, 9, 9), WEIGHTS
    with Recording(x, w) as recording:
        y = ad.conv2d(Tensor(x), Tensor(w))
        z = ad.relu(Tensor(y.data * 2))
    assert not recording.covers(z.data)
    assert not recording.covers(y.data)  # what is missing might have changed what is known
    with Recording(x, w) as recording:
        y = ad.conv2d(Tensor(x), Tensor(w))
        doubled = y.data * 2
    assert recording.covers(y.data)
    assert not recording.covers(doubled)


def test_an_input_that_nobody_named_is_not_covered():
    x, (w, _) = drawn(3, 4, 2, 9, 9), WEIGHTS
    with Recording(x) as recording:
        y = ad.conv2d(Tensor(x), Tensor(w))
    assert not recording.covers(y.data)


def test_other_threads_and_kernels_make_it_stale():
    with Recording() as recording:
        pass
    assert recording.current
    with _compiled.forced(SETS[-1], 2):
        assert not recording.current
    with ad.direct_convolution():
        assert not recording.current
    assert recording.current


def test_kernels_of_another_thread_are_not_recorded():
    x, (w, _) = drawn(3, 4, 2, 9, 9), WEIGHTS
    with ThreadPoolExecutor(1) as other, Recording(x, w) as recording:
        y = ad.conv2d(Tensor(x), Tensor(w))
        other.submit(lambda: ad.relu(Tensor(x * 2))).result()
    assert recording.covers(y.data)


def test_without_kernels_nothing_is_covered():
    x, (w, _) = drawn(3, 4, 2, 9, 9), WEIGHTS
    with _compiled.forced(None), Recording(x, w) as recording:
        y = ad.conv2d(Tensor(x), Tensor(w))
    assert not recording.covers(y.data)


def halves(x, w, unused):  # noqa: ARG001
    """What NumPy computes: by the tape's operators, and in an order in memory of its own."""
    return (x * w).transpose((0, 2, 1, 3)) + x.max()


def with_island(function, x, *weights):
    """Kernels, an island, kernels: the result, and the gradients by all."""
    leaves = [Tensor(array, requires_grad=True) for array in (x, *weights)]
    y = ad.relu(leaves[0])
    y = function(halves, y, *leaves[1:])
    y = ad.avg_pool2d(y, (2, 1), stride=(2, 1))
    y.backward(BACK)
    return y.data, *(np.zeros_like(x.data) if x.grad is None else x.grad for x in leaves)


BACK = drawn(9, 3, 4, 2, 6)


@pytest.mark.parametrize("name", SETS)
def test_an_island_is_called_again_between_kernels(name):
    x, w, unused = drawn(3, 3, 5, 4, 6), drawn(4, 1, 5, 1, 1), drawn(5, 2)
    with _compiled.forced(name):
        with Recording(x, w, unused, BACK) as recording:
            results = with_island(ad.island, x, w, unused)
        assert recording.covers(*results[:3])
        assert not recording.kernels_only
        for seed in (6, 7):
            x[...], w[...] = drawn(seed, *x.shape), drawn(-seed % 99, *w.shape)
            wanted = with_island(lambda function, *tensors: function(*tensors), x, w, unused)
            wanted = [array.copy() for array in wanted]
            assert recording.replay()
            for result, array in zip(results, wanted, strict=True):
                np.testing.assert_array_equal(result, array, strict=True)


def test_without_a_recording_an_island_is_a_call():
    x = Tensor(np.ones(2, np.float32))
    assert ad.island(lambda y: y, x) is x


def test_an_island_whose_shape_changes_gives_up():
    x, sizes = drawn(3, 4), iter([3, 3, 2, 3])
    with Recording(x) as recording:
        ad.island(lambda y: y[: next(sizes)], ad.relu(Tensor(x)))
    assert [recording.replay() for _ in range(3)] == [True, False, True]
