"""How weights start: normal, with a deviation that keeps signals alike from layer to layer."""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias, assert_never

import numpy as np

from drypoint.autodiff import Array

from ._sizes import Shape

Method: TypeAlias = Literal["kaiming", "xavier"]
"""Kaiming: variance 2 / fan_in (He et al. 2015). Xavier: 2 / (fan_in + fan_out) (Glorot 2010)."""

METHODS: tuple[Method, ...] = ("kaiming", "xavier")

Draw: TypeAlias = Callable[[Shape], Array]
"""Draws a float32 weight of shape (out, in, ...)."""


def drawer(method: Method, rng: np.random.Generator) -> Draw:
    """The function that draws weights by `method`, one after the other from `rng`."""

    def draw(shape: Shape) -> Array:
        taps = math.prod(shape[2:])
        fan_in, fan_out = shape[1] * taps, shape[0] * taps
        match method:
            case "kaiming":
                variance = 2 / fan_in
            case "xavier":
                variance = 2 / (fan_in + fan_out)
            case _:
                assert_never(method)
        return rng.standard_normal(shape, dtype=np.float32) * np.float32(math.sqrt(variance))

    return draw
