"""The inputs of a program: the parts of the buffer that it reads, and real values as integers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._border import Border, border
from ._names import name_problem, names_of
from ._tensors import NUMPY_TYPE, ProgramError, Shape, Tensor

Inputs: TypeAlias = ArrayLike | Mapping[str, Any]
"""An input, or a batch; of several inputs these by name."""

_MACROS = ("count", "type", "height", "width", "channels", "scale", "zero")
_TAKEN = (*_MACROS, "size", "counts")  # NAME_INPUT_SIZE, NAME_quantize_counts, ...


@dataclass(frozen=True, eq=False)
class InputPart:
    """One of several inputs of a program: a plane in the buffer that the program reads.

    Attributes:
        name: a lower-case C identifier: the exported header makes macros of it.
        tensor: the plane, ``u8`` or ``i8``, and its zero point.
        scale: the real value of the integer 1.
    """

    name: str
    tensor: Tensor
    scale: float

    @property
    def border(self) -> Border:
        """The numbers that make integers of real inputs."""
        return border(None, self.tensor, self.scale)


def input_name_problem(names: Sequence[str]) -> str:
    """What is wrong with the names of several inputs, or ""."""
    return name_problem(names, "input", _MACROS, _TAKEN)


def input_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Names that several inputs of a program may have, from any texts: lower-case C identifiers,
    with a number where a name is taken.
    """
    return tuple(names_of(texts, "input", _MACROS, _TAKEN))


def check_parts(parts: Sequence[InputPart], buffer: Tensor) -> None:
    """Refuse inputs that break a rule of BLOB.md section 6 or do not fill the buffer."""
    if not parts:
        return
    if len(parts) == 1:
        raise ProgramError(f"input_parts has the input {parts[0].name!r} alone; wanted: several")
    if problem := input_name_problem([part.name for part in parts]):
        raise ProgramError(problem)
    for part in parts:
        problem = part.tensor.problem() or (
            "" if part.tensor.type in ("u8", "i8") else f"is {part.tensor.type}"
        )
        if not problem and not (np.isfinite(part.scale) and part.scale > 0):
            problem = f"has the scale {part.scale}, not a positive number"
        if problem:
            raise ProgramError(f"the input {part.name!r} {problem}")
    total = sum(part.tensor.shape.size for part in parts)
    if buffer.shape != (1, 1, total):
        raise ProgramError(
            f"the inputs have {total} values together, but the program reads {buffer.shape}"
        )


def part_offsets(parts: Sequence[InputPart]) -> tuple[int, ...]:
    """Where each input begins in the buffer."""
    sizes = [part.tensor.shape.size for part in parts]
    return tuple(sum(sizes[:i]) for i in range(len(sizes)))


def join_parts(
    parts: Sequence[InputPart],
    inputs: Mapping[str, ArrayLike],
    convert: Callable[[InputPart, ArrayLike], NDArray[np.integer]],
    buffer: Tensor,
) -> NDArray[np.integer]:
    """The buffers (N, 1, 1, values) of inputs by name."""
    wanted = [part.name for part in parts]
    if set(inputs) != set(wanted):
        came = ", ".join(map(str, inputs))
        raise ProgramError(f"the inputs are {came}; wanted: {', '.join(wanted)}")
    planes = [convert(part, inputs[part.name]) for part in parts]
    lengths = {part.name: len(plane) for part, plane in zip(parts, planes, strict=True)}
    if len({*lengths.values()}) > 1:
        found = ", ".join(f"{length} of {name}" for name, length in lengths.items())
        raise ProgramError(f"inputs by name are as many of each; got {found}")
    rows = [np.ascontiguousarray(plane).reshape(len(plane), -1).view(np.uint8) for plane in planes]
    joined = np.concatenate(rows, axis=1).view(NUMPY_TYPE[buffer.type])
    return joined.reshape(len(joined), 1, 1, -1)


def split_reals(
    parts: Sequence[InputPart], rows: NDArray[np.floating]
) -> dict[str, NDArray[np.floating]]:
    """The inputs (N, c, h, w) by name of the rows that the float net reads, (N, values)."""
    ends = [*part_offsets(parts)[1:]]
    flat = np.split(rows, ends, axis=1)
    return {
        part.name: values.reshape(len(rows), part.tensor.shape.c, *part.tensor.shape[:2])
        for part, values in zip(parts, flat, strict=True)
    }


def real_planes(values: NDArray[Any], shape: Shape, *, signal: bool) -> NDArray[Any]:
    """Real inputs as the float net takes them as a batch of planes (N, h, w, c)."""
    h, w, c = shape
    if values.dtype.kind not in ("f" if signal else "biuf") and values.dtype != np.int16:
        raise ProgramError(f"inputs are {values.dtype}; wanted: floats or int16 counts")
    if signal:
        steps = h * w  # along either axis: the bytes are the same
        forms = [(steps, c), (steps,)] if c == 1 else [(steps, c)]
    else:
        forms = [(c, h, w), *[(c, h)] * (w == 1), *[(c * h * w,)] * (c == 1 or h * w == 1)]
    values = values[None] if values.shape in forms else values
    if values.shape[1:] not in forms:
        raise ProgramError(f"inputs are {values.shape}; wanted: {forms[0]} or a batch of these")
    if np.isnan(values).any():
        raise ProgramError("inputs must not be NaN")
    if signal:
        return values.reshape(len(values), h, w, c)
    return values.reshape(len(values), c, h, w).transpose(0, 2, 3, 1)
