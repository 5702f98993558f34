"""Programs of traces. Oracle: the computation through Python, byte for byte."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest

from drypoint import autodiff as ad
from drypoint.autodiff import Tensor, kernels
from drypoint.autodiff.callback import host_call, host_callback
from drypoint.autodiff.kernels import runtime, updates
from drypoint.autodiff.trace import Trace, constant
from drypoint.autodiff.workers import worker

SETS = list(runtime.Settings.sets)


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
def test_a_program_gives_the_bytes_of_python(name, threads):
    x = drawn(3, 21, 2, 13, 9)
    with runtime.force_kernels(name, threads):
        with Trace(x, ONES, TARGETS, *WEIGHTS) as trace:
            results = gradients(x, *WEIGHTS)
        assert trace.complete
        program = trace.compile({})
        for seed in (4, 5):
            x[...] = drawn(seed, *x.shape)
            wanted = [array.copy() for array in gradients(x, *WEIGHTS)]
            assert program.run(1, {}) == 1
            for result, array in zip(results, wanted, strict=True):
                np.testing.assert_array_equal(result, array, strict=True)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_workers_make_their_calls_side_by_side(threads):
    """Four micro-batches of other sizes, two workers or one; results are copied, since only memory
    that all workers share outlives a micro-batch."""
    xs = [drawn(seed, n, 2, 13, 9) for seed, n in ((3, 21), (4, 40), (5, 7), (6, 21))]
    targets = TARGETS.copy()
    for n_workers in (1, 2):
        with runtime.force_kernels(SETS[0], threads):
            with Trace(*xs, ONES, targets, *WEIGHTS) as trace:
                results = []
                for i, x in enumerate(xs):
                    with worker(i % n_workers):
                        found = gradients(x, *WEIGHTS, targets=targets)
                        kept = [constant(np.empty_like(array)) for array in found]
                        for to, array in zip(kept, found, strict=True):
                            kernels.copy_into(to, array)
                    results.append(kept)
            assert trace.complete
            program = trace.compile({})
            for seed in (6, 7):
                for i, x in enumerate(xs):
                    x[...] = drawn(seed + i, *x.shape)
                wanted = [[*map(np.copy, gradients(x, *WEIGHTS, targets=targets))] for x in xs]
                assert program.run(1, {}) == 1
                for result, array in zip(chain(*results), chain(*wanted), strict=True):
                    np.testing.assert_array_equal(result, array, strict=True)
            targets[30] = 3  # of the second one
            assert program.run(1, {}) == 0
            targets[30] = 0


@pytest.mark.parametrize("threads", [1, 3])
def test_many_runs_with_other_numbers_and_memory(threads):
    """In each run other images are read, losses go elsewhere, and the weight moves by another rate;
    the third of four has a class that there is not."""
    n, size = 4, 24
    xs, weight, state = drawn(3, n, size, 5), drawn(4, 3, 5), np.zeros((3, 5), np.float32)
    targets = np.arange(n * size).reshape(n, size) % 3
    steps = [
        updates.SGDFormula(rate, momentum=0.9, decay=0.0, nesterov=False) for rate in (1, 2, 4, 8)
    ]

    def computed(x, targets, *, w, v, step, placeholder=None):
        leaf = Tensor(w, requires_grad=True)
        losses = ad.cross_entropy(ad.linear(Tensor(x), leaf), targets)
        losses.backward(ONES[:size])
        updates.Parameters([updates.Parameter(w, (leaf.grad,), (v,))]).update(
            step, placeholder=placeholder
        )
        return losses.data

    with runtime.force_kernels(SETS[0], threads):
        w, v = weight.copy(), state.copy()
        rows = zip(xs, targets, steps, strict=True)
        wanted = [computed(x, t, w=w, v=v, step=step) for x, t, step in rows]
        moving, moment = weight.copy(), state.copy()
        with Trace(xs, targets, ONES, moving, moment) as trace:
            losses = computed(
                xs[0], targets[0], w=moving, v=moment, step=steps[0], placeholder="step"
            )
        assert trace.complete
        program = trace.compile({"x": xs[0], "t": targets[0], "losses": losses})
        found = np.zeros((n, size), np.float32)
        values = {("step", name): array for name, array in updates.formula_values(steps).items()}
        for name, array in (("x", xs), ("t", targets), ("losses", found)):
            values[name] = np.array([kernels.address(row) for row in array], np.uintp)
        moving[...], moment[...] = weight, state
        assert program.run(n, values) == n
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(moving, w)
        targets[2, 7], moving[...], moment[...] = 3, weight, state
        assert program.run(n, values) == 2
        refused = moving.copy()
        moving[...], moment[...] = weight, state
        assert program.run(2, {name: table[:2] for name, table in values.items()}) == 2
        np.testing.assert_array_equal(refused, moving)
        with pytest.raises(ad.AutodiffError, match=r"4 rows of 8 bytes are wanted, got 24 bytes"):
            program.run(n, values | {"x": values["x"][:3]})


@pytest.mark.parametrize("wrong", [-1, 3, 2**40])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_class_index_that_python_refuses_is_refused(threads, wrong):
    x, targets = drawn(3, 40, 3), np.zeros(40, np.int64)
    with runtime.force_kernels(SETS[0], threads):
        with Trace(x, targets) as trace:
            ad.cross_entropy(Tensor(x), targets)
        program = trace.compile({})
        assert program.run(1, {}) == 1
        targets[17] = wrong
        assert program.run(1, {}) == 0
        targets[17] = 2
        assert program.run(1, {}) == 1


def test_a_trace_is_incomplete_if_a_kernel_reads_an_array_of_numpy():
    x, (w, _) = drawn(3, 4, 2, 9, 9), WEIGHTS
    with Trace(x, w) as trace:
        y = ad.conv2d(Tensor(x), Tensor(w))
        assert trace.complete
        ad.relu(Tensor(y.data * 2))
        assert not trace.complete
    with Trace(x) as trace:
        ad.conv2d(Tensor(x), Tensor(w))
    assert not trace.complete  # the trace does not know the weight


def test_a_program_is_not_current_with_other_threads_and_kernels():
    x = drawn(3, 4)
    with Trace(x) as trace:
        ad.relu(Tensor(x))
    program = trace.compile({})
    assert program.current
    with runtime.force_kernels(SETS[-1], 2):
        assert not program.current
    with ad.direct_convolution():
        assert not program.current
    assert program.current


def test_kernels_of_another_thread_are_not_traced():
    x, (w, _) = drawn(3, 4, 2, 9, 9), WEIGHTS
    with ThreadPoolExecutor(1) as other, Trace(x, w) as trace:
        ad.conv2d(Tensor(x), Tensor(w))
        other.submit(lambda: ad.relu(Tensor(x * 2))).result()
    assert trace.complete


def test_without_kernels_no_trace_is_complete():
    x, (w, _) = drawn(3, 4, 2, 9, 9), WEIGHTS
    with runtime.force_kernels(None), Trace(x, w) as trace:
        ad.conv2d(Tensor(x), Tensor(w))
    assert not trace.complete


def halves(x, w, unused):  # noqa: ARG001
    """What NumPy computes: by the tape's operators, and in an order in memory of its own."""
    return (x * w).transpose((0, 2, 1, 3)) + x.max()


def with_callback(function, x, *weights):
    """Kernels, a host callback, kernels: the result, and the gradients by all."""
    leaves = [Tensor(array, requires_grad=True) for array in (x, *weights)]
    y = ad.relu(leaves[0])
    y = function(halves, y, *leaves[1:])
    y = ad.avg_pool2d(y, (2, 1), stride=(2, 1))
    y.backward(BACK)
    return y.data, *(np.zeros_like(x.data) if x.grad is None else x.grad for x in leaves)


BACK = drawn(9, 3, 4, 2, 6)


@pytest.mark.parametrize("name", SETS)
def test_a_host_callback_is_called_between_kernels(name):
    x, w, unused = drawn(3, 3, 5, 4, 6), drawn(4, 1, 5, 1, 1), drawn(5, 2)
    with runtime.force_kernels(name):
        with Trace(x, w, unused, BACK) as trace:
            results = with_callback(host_callback, x, w, unused)
        assert trace.complete
        program = trace.compile({})
        assert not program.kernels_only
        for seed in (6, 7):
            x[...], w[...] = drawn(seed, *x.shape), drawn(-seed % 99, *w.shape)
            wanted = with_callback(lambda function, *tensors: function(*tensors), x, w, unused)
            wanted = [array.copy() for array in wanted]
            assert program.run(1, {}) == 1
            for result, array in zip(results, wanted, strict=True):
                np.testing.assert_array_equal(result, array, strict=True)


def test_without_a_trace_a_host_callback_is_a_call():
    x = Tensor(np.ones(2, np.float32))
    assert host_callback(lambda y: y, x) is x


def test_a_run_stops_if_a_host_callback_changes_its_shape():
    x, sizes = drawn(3, 4), iter([3, 3, 2, 3])
    with Trace(x) as trace:
        host_callback(lambda y: y[: next(sizes)], ad.relu(Tensor(x)))
    program = trace.compile({})
    assert [program.run(1, {}) for _ in range(3)] == [1, 0, 1]


def test_a_host_call_reads_and_writes_between_kernels():
    x, total = drawn(3, 4), np.zeros(4, np.float32)
    with Trace(x) as trace:
        y = ad.relu(Tensor(x)).data
        host_call(lambda: np.add(total, y, out=total), reads=[y], writes=[total])
        z = ad.relu(Tensor(total)).data
    assert trace.complete
    assert trace.compile({}).run(1, {}) == 1
    np.testing.assert_array_equal(z, 2 * np.maximum(x, 0))
