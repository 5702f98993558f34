"""Bounds on gradients and weights."""

import math
from collections.abc import Mapping

import numpy as np

from drypoint.autodiff import Array

Gradients = dict[str, Array]


def clipped_norm(gradients: Gradients, most: float) -> Gradients:
    """The gradients, scaled down together if their common Euclidean norm is above ``most``.

    The norm is that of all their elements as one vector (Pascanu et al. 2013), in float64.
    """
    squares = (float(np.vdot(g.astype(np.float64), g)) for g in gradients.values())
    norm = math.sqrt(math.fsum(squares))
    if not norm > most or not math.isfinite(norm):
        return gradients
    share = np.float32(most / norm)
    return {path: g * share for path, g in gradients.items()}


def clip_weights(params: Mapping[str, Array], most: float) -> None:
    """Bring every weight (array of two or more axes) into [-most, most], in place."""
    for array in params.values():
        if array.ndim > 1:
            np.clip(array, -most, most, out=array)
