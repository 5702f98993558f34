"""What quantization refuses."""

from drypoint.common import DrypointError


class QuantizationError(DrypointError, ValueError):
    """A model, images or a calibration that quantization cannot use; the message says why."""


class UnsupportedError(QuantizationError):
    """Layers that have no integer form here: all of them, by path, each with its reason."""
