"""Named ports: what a module is called with, and what passes through them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint.autodiff import Array, Tensor

from ._errors import InputError, PortError, ShapeError
from ._inputs import as_real

if TYPE_CHECKING:
    from ._module import Module

Given = TypeVar("Given")

PortValue: TypeAlias = Tensor | NDArray[np.integer]
"""A batch: a tensor, or class indices as an array of integers (a tensor holds floats only)."""


@dataclass(frozen=True)
class Ports:
    """The names of what a module takes and gives, in order; as text "input, target -> loss"."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{', '.join(self.inputs)} -> {', '.join(self.outputs)}"


@dataclass(frozen=True, eq=False)
class Batch:
    """What a module is given, ready for its forward pass.

    Attributes:
        inputs: by port, all with a batch axis and floats of one dtype.
        single: whether it was one example, without the axis.
        dtype: of the computation.
    """

    inputs: dict[str, PortValue]
    single: bool
    dtype: np.dtype[np.floating]

    @property
    def size(self) -> int:
        """The number of examples."""
        return next(iter(self.inputs.values())).shape[0]


def by_port(
    module: "Module",
    value: Given | Mapping[str, Given] | None,
    named: Mapping[str, Given] | None = None,
) -> dict[str, Given]:
    """A value for each input port, from a mapping, keywords, or one value for the only port.

    Raises:
        PortError: a port is missing, unknown or given twice.
    """
    kind, ports, named = type(module).__name__, module.input_ports, named or {}
    if value is None:
        value = {}
    if not isinstance(value, Mapping):
        if len(ports) > 1 or named:
            raise PortError(
                f"{kind} has the ports {', '.join(ports)}; got {', '.join(('a value', *named))}: "
                "give a dict or keywords"
            )
        return {ports[0]: value}
    given = {**value, **named}
    twice = len(given) != len(value) + len(named)
    if twice or set(given) != set(ports):
        got = ", ".join(map(str, given)) or "none"
        raise PortError(
            f"{kind} has the ports {', '.join(ports)}; got {got}{', some twice' if twice else ''}"
        )
    return {port: given[port] for port in ports}


def as_batch_of(module: "Module", given: Mapping[str, ArrayLike]) -> Batch:
    """Arrays by port as a batch. float64 is computed in float64 if all float arrays are float64.

    Raises:
        InputError: a port gets no array of finite real numbers.
            Also batches that differ in length.
        ShapeError: a port gets neither an example nor a batch.
    """
    kind = type(module).__name__
    widths = {x.dtype for x in given.values() if isinstance(x, np.ndarray) and x.dtype.kind == "f"}
    wide = widths == {np.dtype(np.float64)}
    dtype: np.dtype[np.floating] = np.dtype(np.float64) if wide else np.dtype(np.float32)
    arrays: dict[str, np.ndarray] = {}
    for port, x in given.items():
        try:
            arrays[port] = _array(module, port, x=x, dtype=dtype)
        except InputError as error:
            if len(given) == 1:
                raise
            raise InputError(kind, f"{error.text} (port {port})") from error.__cause__
    single = module.takes_as_single(arrays)
    batches = {port: a[np.newaxis] if single else a for port, a in arrays.items()}
    check_lengths(kind, {port: a.shape for port, a in batches.items()})
    inputs: dict[str, PortValue] = {
        port: a if a.dtype.kind in "iu" else Tensor(a) for port, a in batches.items()
    }
    return Batch(inputs, single, dtype)


def single_by_rank(module: "Module", arrays: Mapping[str, Array]) -> bool:
    """Whether arrays are one example, by the number of axes of the ports where it is settled.

    Where it is at none, they are: there is no telling a batch.

    Raises:
        ShapeError: an array has the axes of neither, or some are examples and others batches.
    """
    kind, singles = type(module).__name__, {}
    for port, rank in module.example_ranks.items():
        at = f" at port {port}" if len(arrays) > 1 else ""
        if arrays[port].ndim not in (rank, rank + 1):
            raise ShapeError(
                kind,
                f"wants one example of {rank} axes or a batch of {rank + 1}{at}, "
                f"got shape {arrays[port].shape}",
            )
        singles[port] = arrays[port].ndim == rank
    if len({*singles.values()}) > 1:
        (one, *_), (many, *_) = ([p for p, s in singles.items() if s is is_] for is_ in (1, 0))
        raise ShapeError(kind, f"got one example at port {one} and a batch at port {many}")
    return all(singles.values())


def check_lengths(kind: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise unless all batches have one length.

    Raises:
        InputError: they have not; it names two of the ports.
    """
    (first, shape), *others = shapes.items()
    for port, other in ((first, shape), *others):
        if not other:
            raise InputError(kind, f"wants a batch at port {port}, got a number")
        if other[0] != shape[0]:
            raise InputError(
                kind,
                f"wants batches of one length, got {shape[0]} at port {first} and {other[0]} at "
                f"port {port}",
            )


def as_tensor(value: PortValue, dtype: np.dtype[np.floating]) -> Tensor:
    """A value for what computes with floats."""
    return value if isinstance(value, Tensor) else Tensor(value.astype(dtype))


def dtype_of(values: Mapping[str, PortValue]) -> np.dtype[np.floating]:
    """Of the first tensor among them; float32 if there is none."""
    tensors = (value.dtype for value in values.values() if isinstance(value, Tensor))
    return next(tensors, np.dtype(np.float32))


def _array(
    module: "Module", port: str, *, x: ArrayLike, dtype: np.dtype[np.floating]
) -> np.ndarray:
    kind = type(module).__name__
    if module.takes_integers(port):
        try:
            array = np.asarray(x)
        except ValueError as error:
            raise InputError(
                kind, f"wants an array: the lists differ in length ({error})"
            ) from error
        if array.dtype.kind in "iu":
            return array
    return as_real(x, kind, dtype)
