"""The outputs of a program: what they are called, and what their integers stand for."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._names import name_problem, names_of
from ._tensors import MAX_ELEMENTS, ProgramError
from .ops._op import BaseOp

CHANNELS = "channels"  # a softmax over the channels of each pixel
SoftmaxForm = bool | Literal["channels"]
"""Whether an output ends in a softmax; "channels": in one over the channels of each pixel."""
ONLY_OUTPUT = "output"  # the name of the output of a program that has one
_PARTS = (
    "count",
    "scale",
    "softmax",
    "channels",
    "threshold",
)  # of a macro's name: NAME_OUTPUT_<X>_COUNT
_TAKEN = (*_PARTS, "period")  # NAME_OUTPUT_COUNT, ... have another meaning

Values = NDArray[np.int32] | dict[str, NDArray[np.int32]]
"""int32 (N, values) of a program with one output; of one with several, a dict of these by name."""


@dataclass(frozen=True, eq=False)
class Output:
    """One output of a program, beside the plane that its op writes.

    Attributes:
        name: a lower-case C identifier: the exported header makes macros of it.
        scale: the real value of the integer 1.
        softmax: whether the values are logits of a distribution; "channels": the channels of each
            pixel are logits of one.
        decoder: the config of a decoder of `drypoint.data`, or None.
        threshold: of an output that reconstructs the input, the reconstruction error above which an
            input is an anomaly; or None.
    """

    name: str
    scale: float
    softmax: SoftmaxForm = False
    decoder: Mapping[str, Any] | None = None
    threshold: int | None = None

    def real(self, values: NDArray[np.int32], channels: int) -> NDArray[np.float64]:
        """int32 (N, values) of pixels of some channels as float64 of this shape: probabilities if
        the output ends in a softmax, else the values times ``scale``.
        """
        reals: NDArray[np.float64] = values.astype(np.float64) * self.scale
        if not self.softmax:
            return reals
        if self.softmax == CHANNELS:
            return _softmax(reals.reshape(-1, channels)).reshape(reals.shape)
        return _softmax(reals)


def _softmax(reals: NDArray[np.float64]) -> NDArray[np.float64]:
    """The softmax of each row."""
    powers = np.exp(reals - reals.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def is_output(op: BaseOp) -> bool:
    """Whether an op writes an output of its program."""
    return op.out_type == "i32"


def output_offsets(ops: Sequence[BaseOp]) -> dict[int, int]:
    """The index of each op that writes an output -> how many values the outputs before have."""
    offsets, values = {}, 0
    for i, op in enumerate(ops):
        if is_output(op):
            offsets[i] = values
            values += op.out_shape.size
    if values > MAX_ELEMENTS:
        raise ProgramError(f"the outputs have {values} values together; at most {MAX_ELEMENTS}")
    return offsets


def check_outputs(outputs: Sequence[Output], ops: Sequence[BaseOp]) -> None:
    """Refuse outputs of other number than the ops write, and names or scales that break a rule."""
    for output in outputs:
        if not (np.isfinite(output.scale) and output.scale > 0):
            raise ProgramError(f"the output scale is {output.scale}, not a positive number")
        if type(output.softmax) is not bool and output.softmax != CHANNELS:
            raise ProgramError(f"softmax is {output.softmax!r}; wanted: True, False, {CHANNELS!r}")
        if not isinstance(output.decoder, Mapping | None):
            raise ProgramError(f"the decoder is {output.decoder!r}, neither a mapping nor None")
    count = sum(map(is_output, ops))
    if count != len(outputs):
        raise ProgramError(f"{count} ops write i32, but the program names {len(outputs)} outputs")
    names = [output.name for output in outputs]
    if len(names) == 1 and names != [ONLY_OUTPUT]:
        raise ProgramError(
            f"the only output is named {names[0]!r}; wanted: {ONLY_OUTPUT!r}, since only a program "
            "of several outputs keeps their names"
        )
    problem = output_name_problem(names) if len(names) > 1 else ""
    if problem:
        raise ProgramError(problem)


def output_name_problem(names: Sequence[str]) -> str:
    """What is wrong with the names of several outputs, or ""."""
    return name_problem(names, ONLY_OUTPUT, _PARTS, _TAKEN)


def output_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Names that the outputs of a program or of a net may have, from any texts: of several ones
    lower-case C identifiers, such as ``heat_1`` from "Heat:1", with a number where a name is taken;
    "output" of one.
    """
    names = names_of(texts, ONLY_OUTPUT, _PARTS, _TAKEN)
    return tuple(names) if len(names) > 1 else (ONLY_OUTPUT,)


def by_output(outputs: Sequence[Output], planes: Iterable[NDArray[np.integer]]) -> Values:
    """The planes of the outputs, each (N, h, w, c), as `Values`."""
    flat = (plane.reshape(len(plane), math.prod(plane.shape[1:])) for plane in planes)
    rows = [plane.astype(np.int32, copy=False) for plane in flat]
    if len(rows) == 1:
        return rows[0]
    return {output.name: row for output, row in zip(outputs, rows, strict=True)}
