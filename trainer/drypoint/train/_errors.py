"""What training refuses, and how it fails."""

from drypoint.common import DrypointError


class TrainError(DrypointError, ValueError):
    """Data or settings that `fit` cannot train with; the message says which and why."""


class TrainingDivergedError(DrypointError, ArithmeticError):
    """The loss became NaN or infinite before there was a net worth keeping."""
