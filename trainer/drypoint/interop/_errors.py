"""The errors of interop."""

from drypoint.common import DrypointError


class OnnxError(DrypointError, ValueError):
    """An ONNX file cannot be read, or is no chain of layers that drypoint has."""


class TfliteError(DrypointError, ValueError):
    """A TensorFlow Lite file cannot be read, or has operators without a counterpart in drypoint."""


class ExportError(DrypointError, ValueError):
    """A net or program has a layer or op that the other format does not express."""


class Unsupported(Exception):  # noqa: N818 (never leaves the part: it becomes a line of an error)
    """No layer and no op computes what a node or an operator of a file does."""
