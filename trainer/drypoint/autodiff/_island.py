"""What Python does between kernels, as a part of a recording."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._compiled import Recorder, empty_like, recorder
from ._tape import Array, jointly
from ._tensor import Tensor, record


def island(
    function: Callable[..., Tensor], *tensors: Tensor, reads: Sequence[NDArray[Any]] = ()
) -> Tensor:
    """``function(*tensors)``; a `Recording` calls the function again each time it is played.

    So the kernels before and after it need no Python, though it does. What it gives, and the
    gradients that come out of it, are copied to where the kernels read them.

    Args:
        function: of tensors to a tensor; of one with another shape than before `replay` gives up.
        tensors: all that it depends on that gradients flow through.
        reads: arrays that it depends on beside them.
    """
    told = recorder.get()
    if told is None:
        return function(*tensors)
    for array in reads:
        told.given(array)
    return _Island(function, tensors).result(told)


class _Island:
    """The function with a tape of its own, which is made anew each time.

    Attributes:
        inner: the tensors as leaves of that tape.
        y: what the function gave.
    """

    def __init__(self, function: Callable[..., Tensor], tensors: tuple[Tensor, ...]) -> None:
        self._function, self._tensors = function, tensors
        self._call()

    def result(self, told: Recorder) -> Tensor:
        """The value as the outer tape has it, now and whenever the recording is played."""
        for tensor in self._tensors:
            told.given(tensor.data)
        value: Array = empty_like(self.y.data)

        def forward() -> bool:
            self._call()
            if self.y.shape != value.shape:
                return False
            value[...] = self.y.data
            return True

        value[...] = self.y.data
        told.python(forward)
        if not self.y.requires_grad:
            return record(value)
        wanted = [tensor for tensor in self._tensors if tensor.requires_grad]
        vjps = jointly(self._gradients, len(wanted))
        return record(value, *zip(wanted, vjps, strict=True))

    def _call(self) -> None:
        """In the tape's own dtype; what kernels do meanwhile is Python's, not the recording's."""
        token = recorder.set(None)
        try:
            self.inner = [Tensor(t.data, requires_grad=t.requires_grad) for t in self._tensors]
            self.y = self._function(*self.inner)
        finally:
            recorder.reset(token)

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
        if told := recorder.get():
            told.given(g)
            told.python(backward)
        return copies

    def _back(self, g: Array) -> list[Array]:
        token = recorder.set(None)
        try:
            self.y.backward(g)
        finally:
            recorder.reset(token)
        leaves = [leaf for leaf in self.inner if leaf.requires_grad]
        return [np.zeros_like(leaf.data) if leaf.grad is None else leaf.grad for leaf in leaves]
