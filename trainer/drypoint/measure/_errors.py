"""The error of measure; each message is one line."""

from drypoint.common import DrypointError


class MeasureError(DrypointError, ValueError):
    """Outputs, labels and classes do not fit together, or a figure needs missing data."""
