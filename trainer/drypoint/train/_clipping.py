"""Gradient clipping by the global norm."""

import math
from collections.abc import Iterable

import numpy as np

from drypoint.autodiff import Array


def clip_factor(gradients: Iterable[Array], most: float) -> np.float32:
    """The factor that brings the Euclidean norm of all gradients together to at most ``most``.

    The norm is that of the vector of all elements (Pascanu et al. 2013), computed in float64. The
    factor is 1 if the norm is not finite.
    """
    squares = (float(np.vdot(g.astype(np.float64), g)) for g in gradients)
    norm = math.sqrt(math.fsum(squares))
    clips = norm > most and math.isfinite(norm)
    return np.float32(most / norm) if clips else np.float32(1)
