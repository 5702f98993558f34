"""The errors of quantization."""

from drypoint.common import DrypointError


class QuantizationError(DrypointError, ValueError):
    """A model, inputs or a calibration that quantization cannot use; the message says why."""


class UnsupportedError(QuantizationError):
    """Layers have no integer form; the message lists them all by path, each with its reason."""
