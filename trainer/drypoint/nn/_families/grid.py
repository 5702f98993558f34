"""Nets whose output is a map of cells."""

from collections.abc import Sequence

from .._containers.sequential import Sequential
from .._errors import ConfigError
from .._layers.activations import ReLU
from .._layers.convolution import Conv2d
from .._module.layer import Layer
from .._module.sizes import Shape
from .blocks import conv_norm, preset
from .presets import build_net

_HALVINGS = 3  # convolutions that halve height and width


@preset
def grid_cnn(
    *,
    classes: int = 5,
    input_shape: Shape = (1, 96, 96),
    widths: Sequence[int] = (8, 16, 32, 32, 48),
    seed: int | None = None,
) -> Sequential:
    """A net for `DetectionLoss`, of cells of 8 x 8 pixels: 29,389 parameters, 4,845,312 MACs.

    Convolutions of 3x3, each with batch norm and ReLU, the first three with a stride of 2; a
    convolution of 1x1 gives the channels of each cell.

    Args:
        classes: the channels of a cell: a score for each class, and four edges.
        input_shape, seed: as for `cnn`.
        widths: the channels of each convolution, three or more.
    """
    if len(widths) < _HALVINGS:
        raise ConfigError("grid_cnn", f"wants {_HALVINGS} widths or more, got {widths!r}")
    layers: dict[str, Layer] = {
        f"block{i}": Sequential(
            conv_norm(width, 3, stride=2 if i <= _HALVINGS else 1, activation=ReLU())
        )
        for i, width in enumerate(widths, 1)
    }
    return build_net({**layers, "cells": Conv2d(classes, 1)}, input_shape, seed)
