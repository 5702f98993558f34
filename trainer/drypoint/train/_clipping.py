"""The bound on the norm of the gradients."""

import math
from collections.abc import Iterable

import numpy as np

from drypoint.autodiff import Array


def clip_factor(gradients: Iterable[Array], most: float) -> np.float32:
    """What gradients are multiplied by so that their common Euclidean norm is at most ``most``.

    The norm is that of all their elements as one vector (Pascanu et al. 2013), in float64. A norm
    that is not finite clips nothing.
    """
    squares = (float(np.vdot(g.astype(np.float64), g)) for g in gradients)
    norm = math.sqrt(math.fsum(squares))
    clips = norm > most and math.isfinite(norm)
    return np.float32(most / norm) if clips else np.float32(1)
