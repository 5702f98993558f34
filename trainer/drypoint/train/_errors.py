"""What training refuses, how it fails, and what it warns of."""

from drypoint.common import DrypointError


class TrainError(DrypointError, ValueError):
    """Data or settings that `fit` cannot train with; the message says which and why."""


class TrainingDivergedError(DrypointError, ArithmeticError):
    """The loss became NaN or infinite before there was a net worth keeping."""


class CheckpointError(DrypointError, ValueError):
    """A checkpoint is missing, damaged, or of another run than the one that is to go on."""


class TrainWarning(UserWarning):
    """A run that can be made but whose figures mislead."""
