"""The one base of all errors that come from outside; packages that are missing; warnings."""

import sys
import warnings

from ._printable import printable

_LONGEST = 4000  # characters of a message; a file may bring any number of names into one


class DrypointError(Exception):
    """An input, a file, an argument or the machine is not as wanted; ``str(error)`` is one line
    (an `interop.ImportFileError` about several nodes has a line for each reason).

    The line says what came, what was wanted, where, and what to do. Each part derives its own
    errors from ``DrypointError`` and, where one fits, from a built-in error (``ValueError``,
    ``KeyError``). The command line prints the line and exits with 2; it never prints a
    traceback for a ``DrypointError``.
    """

    def __str__(self) -> str:
        """The message as one line (``KeyError`` alone would show its ``repr``).

        A message may quote a file that is not trusted. So control characters and line breaks
        appear as escapes, and the middle of a message above 4,000 characters is left out.
        """
        text = printable(" ".join(str(a) for a in self.args))
        if len(text) > _LONGEST:
            half = _LONGEST // 2
            text = f"{text[:half]} [{len(text) - 2 * half:,} characters] {text[-half:]}"
        return text


def how_to_install(extra: str) -> str:
    """The commands, for a message, that install the packages of an extra: for an installed
    drypoint, and for a clone.
    """
    return f"pip install 'drypoint[{extra}]' (in a clone: .venv/bin/pip install '.[{extra}]')"


class MissingPackageError(DrypointError, ImportError):
    """A package of an extra is not installed; the message names the extra and how to install it."""


def warn(text: str, kind: type[Warning] = UserWarning) -> None:
    """Warn at the line that called drypoint, however many calls lie between."""
    level = 1
    while sys._getframe(level).f_globals.get("__name__", "").partition(".")[0] == "drypoint":
        level += 1
    warnings.warn(text, kind, stacklevel=level + 1)
