"""The fused stages of a float net, in float64; each will become one integer op."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Shape

Pair = tuple[int, int]


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """One future op. Planes are height, width, channels; numbers are real, in float64.

    Attributes:
        path: path of the layer that names the op.
        last: path of the last layer fused into the stage; the stage computes this layer's output.
        relu: whether negative results become 0.
    """

    path: str
    last: str
    in_shape: Shape
    out_shape: Shape
    relu: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Weighted(Stage):
    """A convolution or dense stage; ``weight`` is [out, kernel_h, kernel_w, in / groups].

    A dense stage has the whole input plane for its kernel, and ``dense`` set.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    dense: bool = False
    stride: Pair = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    pool: Pair = (1, 1)
    groups: int = 1

    @property
    def kernel(self) -> Pair:
        """Height and width of the kernel."""
        return self.weight.shape[1], self.weight.shape[2]


@dataclass(frozen=True, eq=False, kw_only=True)
class Pooled(Stage):
    """A pooling stage that is not fused into a convolution: ``mean`` or maximum."""

    mean: bool
    kernel: Pair
    stride: Pair


@dataclass(frozen=True, eq=False, kw_only=True)
class Folded:
    """The stages, the encoder before the first and the softmax after the last.

    With an ``encoder`` the first stage reads the encoder's pixels, 0 to 255.
    """

    stages: tuple[Stage, ...]
    softmax: bool
    encoder: Mapping[str, Any] | None
