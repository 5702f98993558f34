"""What this part raises."""

from drypoint.common import DrypointError


class OnnxError(DrypointError, ValueError):
    """An ONNX file cannot be read, or holds what a chain of our layers cannot say."""
