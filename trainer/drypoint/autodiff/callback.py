"""Host callbacks: what Python does between kernels, as a part of a traced computation."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._tape import Array, jointly
from ._tensor import Tensor, record
from .kernels.native.call import Tracer, empty_like, tracer


def host_call(
    function: Callable[[], object],
    *,
    reads: Sequence[NDArray[Any]] = (),
    writes: Sequence[NDArray[Any]] = (),
) -> None:
    """Call a function now; a program of the trace calls it again in each run.

    Args:
        function: reads and writes arrays.
        reads: of these, what kernels have written.
        writes: of these, what kernels are going to read.
    """
    if trace := tracer.get():
        for array in reads:
            trace.uses(array)
        trace.know(*writes)

        def again() -> bool:
            function()
            return True

        trace.callback(again)
    function()


def host_callback(
    function: Callable[..., Tensor], *tensors: Tensor, reads: Sequence[NDArray[Any]] = ()
) -> Tensor:
    """``function(*tensors)``; a program of the trace calls the function again in each run.

    The kernels before and after it need no Python, though the function does. Its value, and the
    gradients that it passes on, are copied to where kernels read them.

    Args:
        function: of tensors to a tensor. When a run finds another shape than the trace, the program
            gives up.
        tensors: the arguments that gradients flow to.
        reads: arrays beside them that the function depends on.
    """
    trace = tracer.get()
    if trace is None:
        return function(*tensors)
    for array in reads:
        trace.uses(array)
    return _HostCallback(function, tensors).result(trace)


class _HostCallback:
    """The function, with an inner tape of its own that each run builds again.

    Attributes:
        leaves: the tensors as leaves of the inner tape.
        y: the value on the inner tape.
    """

    def __init__(self, function: Callable[..., Tensor], tensors: tuple[Tensor, ...]) -> None:
        self._function, self._tensors = function, tensors
        self._call()

    def result(self, trace: Tracer) -> Tensor:
        """The value on the outer tape, in the trace and in each run."""
        for tensor in self._tensors:
            trace.uses(tensor.data)
        value: Array = empty_like(self.y.data)

        def forward() -> bool:
            self._call()
            if self.y.shape != value.shape:
                return False
            value[...] = self.y.data
            return True

        value[...] = self.y.data
        trace.callback(forward)
        if not self.y.requires_grad:
            return record(value)
        wanted = [tensor for tensor in self._tensors if tensor.requires_grad]
        vjps = jointly(self._gradients, len(wanted))
        return record(value, *zip(wanted, vjps, strict=True))

    def _call(self) -> None:
        """Kernels that the function calls are no part of the trace."""
        token = tracer.set(None)
        try:
            self.leaves = [Tensor(t.data, requires_grad=t.requires_grad) for t in self._tensors]
            self.y = self._function(*self.leaves)
        finally:
            tracer.reset(token)

    def _gradients(self, g: Array) -> tuple[Array, ...]:
        arrays = self._back(g)
        copies: tuple[Array, ...] = tuple(map(empty_like, arrays))

        def fill(arrays: list[Array]) -> None:
            for copy, array in zip(copies, arrays, strict=True):
                copy[...] = array

        def backward() -> bool:
            fill(self._back(g))
            return True

        fill(arrays)
        if trace := tracer.get():
            trace.uses(g)
            trace.callback(backward)
        return copies

    def _back(self, g: Array) -> list[Array]:
        token = tracer.set(None)
        try:
            self.y.backward(g)
        finally:
            tracer.reset(token)
        wanted = [leaf for leaf in self.leaves if leaf.requires_grad]
        return [np.zeros_like(leaf.data) if leaf.grad is None else leaf.grad for leaf in wanted]
