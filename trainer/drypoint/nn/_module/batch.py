"""The arguments of a module call as a batch for its forward pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from drypoint.autodiff import Tensor

from .._errors import InputError, PortError
from .arrays import as_real
from .ported import Ported
from .ports import PortValue, check_lengths

Given = TypeVar("Given")


@dataclass(frozen=True, eq=False)
class Batch:
    """The inputs of one forward pass.

    Attributes:
        inputs: port -> batch (N, ...); all float inputs have one dtype.
        single: whether the call gave one example without a batch axis.
        dtype: the dtype of the computation.
    """

    inputs: dict[str, PortValue]
    single: bool
    dtype: np.dtype[np.floating]

    @property
    def size(self) -> int:
        """The number of examples."""
        return next(iter(self.inputs.values())).shape[0]


def in_port_order(
    module: Ported, values: Sequence[Given | Mapping[str, Given]]
) -> Given | Mapping[str, Given] | None:
    """The positional arguments of a call: one as it is, several by the input ports in order."""
    ports = module.input_ports
    if len(values) > len(ports):
        raise PortError(
            f"{type(module).__name__} has the ports {', '.join(ports)}; got {len(values)} values"
        )
    if len(values) > 1:
        return cast("dict[str, Given]", dict(zip(ports, values, strict=False)))
    return values[0] if values else None


def by_port(
    module: Ported,
    value: Given | Mapping[str, Given] | None,
    named: Mapping[str, Given] | None = None,
) -> dict[str, Given]:
    """Input port -> value, from a mapping, keywords, or one value for the only port."""
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
    values = {**value, **named}
    twice = len(values) != len(value) + len(named)
    if twice or set(values) != set(ports):
        got = ", ".join(map(str, values)) or "none"
        raise PortError(
            f"{kind} has the ports {', '.join(ports)}; got {got}{', some twice' if twice else ''}"
        )
    return {port: values[port] for port in ports}


def as_batch_of(module: Ported, data: Mapping[str, ArrayLike]) -> Batch:
    """Arrays by port as a batch; its dtype is float64 if all float arrays are, else float32."""
    kind = type(module).__name__
    widths = {x.dtype for x in data.values() if isinstance(x, np.ndarray) and x.dtype.kind == "f"}
    wide = widths == {np.dtype(np.float64)}
    dtype: np.dtype[np.floating] = np.dtype(np.float64) if wide else np.dtype(np.float32)
    arrays: dict[str, np.ndarray] = {}
    for port, x in data.items():
        try:
            arrays[port] = _array(module, port, x=x, dtype=dtype)
        except InputError as error:
            if len(data) == 1:
                raise
            raise InputError(kind, f"{error.text} (port {port})") from error.__cause__
    single = module.takes_as_single(arrays)
    batches = {port: a[np.newaxis] if single else a for port, a in arrays.items()}
    check_lengths(kind, {port: a.shape for port, a in batches.items()})
    inputs: dict[str, PortValue] = {
        port: a if a.dtype.kind in "iu" else Tensor(a) for port, a in batches.items()
    }
    return Batch(inputs, single, dtype)


def _array(module: Ported, port: str, *, x: ArrayLike, dtype: np.dtype[np.floating]) -> np.ndarray:
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
