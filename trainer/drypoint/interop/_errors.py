"""The errors of interop."""

from drypoint.common import DrypointError

_LONGEST, _MOST = 300, 40  # characters of a line, lines of a message


class OnnxError(DrypointError, ValueError):
    """An ONNX file cannot be read, or has nodes without a counterpart in drypoint.

    ``str(error)`` is one line; where several nodes are refused it has a line for each reason, which
    names the nodes.
    """

    @classmethod
    def about(cls, what: str, error: Exception) -> "OnnxError":
        """An error with its first line after a subject.

        Args:
            what: the subject: "net.onnx is no net that can be read".
            error: an error of this class with its lines, or of another one.
        """
        if isinstance(error, OnnxError):
            first, *more = error.args
            return cls(f"{what}: {first}", *more)
        return cls(f"{what}: {error}")

    def __str__(self) -> str:
        """The line, or the lines."""
        if len(self.args) <= 2:
            return super().__str__()
        lines = [str(DrypointError(str(line)[:_LONGEST])) for line in self.args[:_MOST]]
        more = len(self.args) - len(lines)
        return "\n  ".join([*lines, *([f"and {more} more"] if more else [])])


class TfliteError(DrypointError, ValueError):
    """A TensorFlow Lite file cannot be read, or has operators without a counterpart in drypoint."""


class ExportError(DrypointError, ValueError):
    """A net or program has a layer or op that the other format does not express."""


class Unsupported(Exception):  # noqa: N818 (never leaves the part: it becomes a line of an error)
    """No layer and no op computes what a node or an operator of a file does."""
