"""Host callbacks: Python functions between the kernels of a traced computation."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._tape import Array, shared_vjps
from ._tensor import Tensor, record
from .kernels.native.call import Tracer, empty_like, tracer


def host_call(
    function: Callable[[], object],
    *,
    reads: Sequence[NDArray[Any]] = (),
    writes: Sequence[NDArray[Any]] = (),
) -> None:
    """Call a function that reads and writes arrays; the compiled trace calls it in each run."""
    if trace := tracer.get():
        for array in reads:
            trace.note_access(array)
        trace.register(*writes)

        def callback() -> bool:
            function()
            return True

        trace.append_callback(callback)
    with _pause_trace():
        function()


@contextmanager
def _pause_trace() -> Iterator[None]:
    """A context whose kernel calls no trace sees: the host callback repeats them."""
    token = tracer.set(None)
    try:
        yield
    finally:
        tracer.reset(token)


def host_callback(
    function: Callable[..., Tensor], *tensors: Tensor, reads: Sequence[NDArray[Any]] = ()
) -> Tensor:
    """``function(*tensors)``; the compiled trace calls the function in each run.

    Only the function runs in Python, not the kernels before and after it. Its value and its
    gradients are copied to arrays that the kernels read.
    """
    trace = tracer.get()
    if trace is None:
        return function(*tensors)
    for array in reads:
        trace.note_access(array)
    return _HostCallback(function, tensors).result(trace)


class _HostCallback:
    """A function with a tape of its own, the inner tape, which each run rebuilds."""

    def __init__(self, function: Callable[..., Tensor], tensors: tuple[Tensor, ...]) -> None:
        self._function, self._tensors = function, tensors
        self._call()

    def result(self, trace: Tracer) -> Tensor:
        """The function's value on the outer tape; each run of the compiled trace updates it."""
        for tensor in self._tensors:
            trace.note_access(tensor.data)
        value: Array = empty_like(self.y.data)

        def forward() -> bool:
            self._call()
            if self.y.shape != value.shape:
                return False
            value[...] = self.y.data
            return True

        value[...] = self.y.data
        trace.append_callback(forward)
        if not self.y.requires_grad:
            return record(value)
        wanted = [tensor for tensor in self._tensors if tensor.requires_grad]
        vjps = shared_vjps(self._gradients, len(wanted))
        return record(value, *zip(wanted, vjps, strict=True))

    def _call(self) -> None:
        """Call the function on the inner tape."""
        with _pause_trace():
            self.leaves = [Tensor(t.data, requires_grad=t.requires_grad) for t in self._tensors]
            self.y = self._function(*self.leaves)

    def _gradients(self, g: Array) -> tuple[Array, ...]:
        arrays = self._backward(g)
        copies: tuple[Array, ...] = tuple(map(empty_like, arrays))

        def fill(arrays: list[Array]) -> None:
            for copy, array in zip(copies, arrays, strict=True):
                copy[...] = array

        def backward() -> bool:
            fill(self._backward(g))
            return True

        fill(arrays)
        if trace := tracer.get():
            trace.note_access(g)
            trace.append_callback(backward)
        return copies

    def _backward(self, g: Array) -> list[Array]:
        with _pause_trace():
            self.y.backward(g)
        wanted = [leaf for leaf in self.leaves if leaf.requires_grad]
        return [np.zeros_like(leaf.data) if leaf.grad is None else leaf.grad for leaf in wanted]
