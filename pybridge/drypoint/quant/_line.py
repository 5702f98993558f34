"""The stages of a float net while `fold` builds them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Shape

from ._errors import QuantizationError
from ._stages import Stage


@dataclass(frozen=True, eq=False)
class Affine:
    """The real value of a raw pixel q, by channel: scale * q + offset."""

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Line:
    """The stages so far, and the encoder's arithmetic until it is folded into the first weights."""

    in_shape: Shape
    affine: Affine | None
    stages: tuple[Stage, ...] = ()
    softmax: bool = False

    @property
    def shape(self) -> Shape:
        """The plane that the next stage reads; a flatten does not change its order in memory."""
        return self.stages[-1].out_shape if self.stages else self.in_shape

    def pushed(self, stage: Stage) -> "Line":
        return replace(self, stages=(*self.stages, stage))

    def changed(self, stage: Stage, at: int = -1) -> "Line":
        """The line with the stage at index ``at`` replaced."""
        stages = list(self.stages)
        stages[at] = stage
        return replace(self, stages=tuple(stages))


class Refusal(Exception):  # noqa: N818
    """The reason why a layer has no integer form, for the message of `UnsupportedError`."""


def plane(shape: tuple[int, ...]) -> Shape:
    """(C, H, W) or (N,) as the engine's height, width, channels."""
    if len(shape) == 3:
        return Shape(shape[1], shape[2], shape[0])
    if len(shape) == 1:
        return Shape(1, 1, shape[0])
    raise QuantizationError(f"an activation of shape {shape} is neither (C, H, W) nor (N,)")
