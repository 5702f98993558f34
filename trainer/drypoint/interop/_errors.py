"""The errors of interop."""

from collections.abc import Sequence
from typing import Self

from drypoint.common import DrypointError

_LONGEST, _MOST = 300, 40  # characters of a line, lines of a message
_NAMED = 3  # nodes that a line names


class ImportFileError(DrypointError, ValueError):
    """A file of another framework cannot be read.

    ``str(error)`` is one line; where nodes are refused, a line for each kind of node says how
    many they are, names the first ones and has the reasons; a last line names the tensors up to
    which the file can be read.

    Attributes:
        ends: names of tensors before what is refused, where the file may be cut.
        hint: the last line, or "".
    """

    ends: tuple[str, ...] = ()
    hint: str = ""

    @classmethod
    def about(cls, subject: str, error: Exception) -> Self:
        """An error with its first line after a subject.

        Args:
            subject: the subject: "net.onnx is no net that can be read".
            error: an error of this kind with its lines, or of another one.
        """
        first, *more = error.args if isinstance(error, ImportFileError) else (str(error),)
        after = cls(f"{subject}: {first}", *more)
        after.ends = error.ends if isinstance(error, ImportFileError) else ()
        return after

    @classmethod
    def of(
        cls,
        troubles: list[tuple[str, str, str]],
        total: int,
        noun: str,
        ends: Sequence[str] = (),
    ) -> Self:
        """An error about all nodes that cannot be converted.

        Args:
            troubles: the kind of a node, its title, and the reason.
            total: how many nodes there are.
            noun: what the file calls nodes.
            ends: names of tensors where the file may be cut.
        """
        by_kind: dict[str, list[tuple[str, str]]] = {}
        for kind, title, reason in troubles:
            by_kind.setdefault(kind, []).append((title, reason.removeprefix("it ")))
        by_reason: dict[str, list[str]] = {}
        for kind, nodes in by_kind.items():
            reasons = "; or ".join(dict.fromkeys(reason for _, reason in nodes))
            by_reason.setdefault(reasons, []).append(
                _name_nodes(kind, [title for title, _ in nodes])
            )
        lines = [
            f"{', '.join(subjects)}{': each' if subjects[0][0].isdigit() else ''} {reasons}"
            for reasons, subjects in by_reason.items()
        ]
        error = cls(f"{len(troubles)} of {total} {noun}:", *lines)
        error.ends = tuple(ends)
        return error

    def __str__(self) -> str:
        """The line, or the lines."""
        if len(self.args) <= 2 and not self.hint:
            return super().__str__()
        lines = [_one_line(str(line)) for line in self.args[:_MOST]]
        more = len(self.args) - len(lines)
        hint = [self.hint] if self.hint else []
        return "\n  ".join([*lines, *([f"and {more} more"] if more else []), *hint])


def _name_nodes(kind: str, titles: list[str]) -> str:
    """The nodes of a kind for a message: how many they are, and the first ones."""
    if len(titles) == 1:
        return titles[0]
    names = ", ".join(title.replace(kind, "").strip() for title in titles[:_NAMED])
    more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
    return f"{len(titles)} {kind} ({names}{more})"


def _one_line(text: str) -> str:
    return str(DrypointError(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."))


class OnnxError(ImportFileError):
    """An ONNX file cannot be read, or has nodes without a counterpart in drypoint."""


class TfliteError(ImportFileError):
    """A TensorFlow Lite file cannot be read, or has operators without a counterpart in drypoint."""


class FrameworkError(ImportFileError):
    """A PyTorch module or a Keras model cannot be read, or has operations without a counterpart."""

    @classmethod
    def of_nodes(cls, error: OnnxError) -> Self:
        """The error, about nodes made from a module."""
        return cls(*error.args)


class ExportError(DrypointError, ValueError):
    """A net or program has a layer or op that the other format does not express."""
