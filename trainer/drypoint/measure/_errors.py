"""What can be wrong with the things to be measured; each message is one line."""

from drypoint.common import DrypointError


class MeasureError(DrypointError, ValueError):
    """Outputs, labels and classes do not fit together, or a figure needs what is not there."""
