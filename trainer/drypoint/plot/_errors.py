"""The errors of plot; each message is one line."""

from drypoint.common import DrypointError


class PlotError(DrypointError, ValueError):
    """The data or the axes do not fit the picture; the message says which and what to do."""


class MatplotlibMissingError(DrypointError, ImportError):
    """A drawing needs matplotlib, which is not installed; the text form does not need it."""
