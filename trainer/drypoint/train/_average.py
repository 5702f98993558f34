"""An average of the weights of all steps, late ones counting most."""

from collections.abc import Hashable, Mapping

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff.kernels import aligned
from drypoint.autodiff.kernels.updates import AverageStep, Formula, Parameter, Parameters

from ._errors import TrainError

Arrays = Mapping[str, NDArray[np.float32]]


class Average:
    """The exponentially weighted mean of arrays over the steps so far.

    After t updates with x_1, ..., x_t it is sum d^(t-i) x_i / sum d^(t-i): what came first has no
    weight of its own, so a short run is not drawn to where it started.

    Args:
        decay: d; the last 1 / (1 - d) steps make up two thirds of the mean.
        arrays: what changes in place.
    """

    def __init__(self, decay: float, arrays: Arrays) -> None:
        self._decay = decay
        self.arrays = {path: aligned(array) for path, array in arrays.items()}
        pairs = ((array, self.arrays[path]) for path, array in arrays.items())
        self._parameters = Parameters(Parameter(array, (), (mean,)) for array, mean in pairs)

    def update(self, t: int, *, hole: Hashable = None) -> None:
        """Take in the arrays of step t, counted from 1; see `Parameters.move`."""
        self._parameters.move(self.formula(t), hole=hole)

    def formula(self, t: int) -> Formula:
        """What this does."""
        return AverageStep((1 - self._decay) / (1 - self._decay**t))


def check_decay(decay: float | None) -> None:
    """Refuse what is no decay.

    Raises:
        TrainError: it is not within 0 and 1.
    """
    if decay is not None and not 0 < decay < 1:
        raise TrainError(f"average is {decay!r}, not a decay between 0 and 1, such as 0.998")
