"""The fused stages of a float net, in float64; each will become one integer op."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.program import Shape

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, left, bottom, right
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """One future op. Planes are height, width, channels; numbers are real, in float64.

    Attributes:
        path: path of the layer that names the op.
        last: path of the last layer fused into the stage; the stage computes this layer's output.
            "" where the stage computes a part of a layer's output, or has it in another order.
        reads: numbers of the tensors that the stage reads: 0 is the net's input, i + 1 the output
            of stage i.
        in_shape, out_shape: the planes of the first input and of the output.
        low, high: results below and above are clipped: 0 and infinity for a ReLU.
        range_of: path of the layer whose range the stage's output has, where that is not ``last``.
    """

    path: str
    last: str
    reads: tuple[int, ...]
    in_shape: Shape
    out_shape: Shape
    low: float = -math.inf
    high: float = math.inf
    range_of: str = ""

    @property
    def ranged(self) -> str:
        """Path of the layer whose range the stage's output has."""
        return self.range_of or self.last


@dataclass(frozen=True, eq=False, kw_only=True)
class Weighted(Stage):
    """A convolution or dense stage; ``weight`` is [out, kernel_h, kernel_w, in / groups].

    A dense stage has the whole input plane for its kernel, and ``dense`` set. ``zeros`` holds the
    input that real zero is, for each input channel, where that is not 0: a padded place of an
    encoder's pixels.
    """

    weight: Array
    bias: Array
    dense: bool = False
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    zeros: Array | None = None
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
    padding: Sides = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Joined(Stage):
    """The channels of two tensors side by side."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Upsampled(Stage):
    """A block of pixels for each pixel: the same values, or the channels of the pixel, where the
    output has fewer; ``crop`` is left out at the edges.
    """

    kernel: Pair
    crop: Sides = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pointwise(Stage):
    """A function of one value.

    Attributes:
        function: array to array, each value by itself.
        slope: the function changes by at most ``slope`` times the change of its value; infinity
            where no bound is known.
    """

    function: Callable[[Array], Array]
    slope: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Folded:
    """The stages in order of computation, the encoder before them and the softmax after the last.

    With an ``encoder`` tensor 0 is the encoder's pixels, 0 to 255. The last stage computes the
    net's output.
    """

    stages: tuple[Stage, ...]
    softmax: bool
    encoder: Mapping[str, Any] | None
