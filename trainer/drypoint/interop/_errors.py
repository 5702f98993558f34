"""The errors of interop."""

from typing import Self

from drypoint.common import DrypointError

_LONGEST, _MOST = 300, 40  # characters of a line, lines of a message
_NAMED = 6  # nodes that a line names


class ImportFileError(DrypointError, ValueError):
    """A file of another framework cannot be read.

    ``str(error)`` is one line; where nodes are refused for several reasons, a line for each reason,
    which names the nodes.
    """

    @classmethod
    def about(cls, subject: str, error: Exception) -> Self:
        """An error with its first line after a subject.

        Args:
            subject: the subject: "net.onnx is no net that can be read".
            error: an error of this kind with its lines, or of another one.
        """
        first, *more = error.args if isinstance(error, ImportFileError) else (str(error),)
        return cls(f"{subject}: {first}", *more)

    @classmethod
    def of(cls, troubles: list[tuple[str, str]], total: int, noun: str) -> Self:
        """An error about all nodes that cannot be converted.

        Args:
            troubles: the title of a node, and the reason.
            total: how many nodes there are.
            noun: what the file calls nodes.
        """
        by_reason: dict[str, list[str]] = {}
        for title, reason in troubles:
            by_reason.setdefault(reason, []).append(title)
        lines = []
        for reason, titles in by_reason.items():
            more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
            lines.append(f"{', '.join(titles[:_NAMED])}{more} {reason.removeprefix('it ')}")
        return cls(f"{len(troubles)} of {total} {noun}:", *lines)

    def __str__(self) -> str:
        """The line, or the lines."""
        if len(self.args) <= 2:
            return super().__str__()
        lines = [_one_line(str(line)) for line in self.args[:_MOST]]
        more = len(self.args) - len(lines)
        return "\n  ".join([*lines, *([f"and {more} more"] if more else [])])


def _one_line(text: str) -> str:
    return str(DrypointError(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."))


class OnnxError(ImportFileError):
    """An ONNX file cannot be read, or has nodes without a counterpart in drypoint."""


class TfliteError(ImportFileError):
    """A TensorFlow Lite file cannot be read, or has operators without a counterpart in drypoint."""


class FrameworkError(ImportFileError):
    """A PyTorch module or a Keras model cannot be read, or has operations without a counterpart."""


class ExportError(DrypointError, ValueError):
    """A net or program has a layer or op that the other format does not express."""
