"""What a picture refuses; each message is one line."""

from drypoint.common import DrypointError


class PlotError(DrypointError, ValueError):
    """What should be drawn, or where, does not fit; the message says which and what to do."""


class MatplotlibMissingError(DrypointError, ImportError):
    """A drawing was asked for and matplotlib is not installed; the text needs none."""
