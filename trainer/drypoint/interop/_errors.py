"""The error of interop."""

from drypoint.common import DrypointError


class OnnxError(DrypointError, ValueError):
    """An ONNX file cannot be read, or is no chain of layers that drypoint has."""
