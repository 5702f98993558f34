"""The stages of a float net while `fold` builds them, and what a layer of the net hands on."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Shape

from ._errors import QuantizationError
from ._stages import Sides, Stage

NO_PADDING: Sides = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Affine:
    """The real value of a raw pixel q, by channel: scale * q + offset."""

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Value:
    """What a layer outputs: a tensor, and what the readers of the tensor take in.

    Attributes:
        tensor: 0 is the net's input, i + 1 the output of stage i.
        path: path of the layer; "" for the net's input.
        shape: the plane in memory.
        affine: the encoder's arithmetic, where the tensor holds raw pixels.
        padding: zeros around the plane, of a padding layer.
        flat: whether the layer's output is a vector that the plane holds in another order.
        softmax: whether the layer's output is the softmax of the tensor.
    """

    tensor: int
    shape: Shape
    path: str = ""
    affine: Affine | None = None
    padding: Sides = NO_PADDING
    flat: bool = False
    softmax: bool = False


@dataclass(frozen=True, eq=False)
class Draft:
    """The stages so far, in order of computation.

    Attributes:
        stages: the stages.
        shared: the tensors that several layers read. No later layer is fused into their stages.
    """

    stages: tuple[Stage, ...] = ()
    shared: frozenset[int] = frozenset()

    def appended(self, stage: Stage) -> "tuple[Draft, Value]":
        """The draft with one more stage, and the stage's output."""
        value = Value(tensor=len(self.stages) + 1, shape=stage.out_shape)
        return replace(self, stages=(*self.stages, stage)), value

    def writer(self, value: Value) -> Stage | None:
        """The stage that computes a value, if a layer that reads the value may be fused into it."""
        fixed = value.tensor == 0 or value.tensor in self.shared or value.padding != NO_PADDING
        return None if fixed else self.stages[value.tensor - 1]

    def changed(self, value: Value, stage: Stage) -> "tuple[Draft, Value]":
        """The draft with the stage that computes ``value`` replaced, and its output."""
        stages = list(self.stages)
        stages[value.tensor - 1] = stage
        return replace(self, stages=tuple(stages)), replace(value, shape=stage.out_shape)

    def sharing(self, value: Value) -> "Draft":
        """The draft after several layers were found to read a value."""
        return replace(self, shared=self.shared | {value.tensor})


class Refusal(Exception):  # noqa: N818
    """The reason why a layer has no integer form, for the message of `UnsupportedError`."""


def plane(shape: tuple[int, ...]) -> Shape:
    """(C, H, W), (C, L) or (N,) as the engine's height, width, channels; time runs along h."""
    if len(shape) == 3:
        return Shape(shape[1], shape[2], shape[0])
    if len(shape) == 2:
        return Shape(shape[1], 1, shape[0])
    if len(shape) == 1:
        return Shape(1, 1, shape[0])
    raise QuantizationError(
        f"a value of shape {shape} is not (C, H, W), (C, L) or (N,): reshape before the net, or "
        "flatten"
    )


def same_order(before: Shape, after: Shape) -> bool:
    """Whether a reshape of a plane moves no value, though the engine's channels are innermost."""
    return all(shape.c == 1 or shape.h * shape.w == 1 for shape in (before, after))
