"""The errors and warnings of training."""

from drypoint.common import DrypointError


class TrainError(DrypointError, ValueError):
    """Data or settings that `fit` cannot train with; the message says which and why."""


class TrainingDivergedError(DrypointError, ArithmeticError):
    """The loss became NaN or infinite before an epoch was finished."""


class CheckpointError(DrypointError, ValueError):
    """A checkpoint is missing, damaged, or of another run than the resuming one."""


class TrainWarning(UserWarning):
    """The run is possible, but its figures mislead."""
