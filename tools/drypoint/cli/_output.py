"""Output of commands: results to standard output, notes and progress to standard error."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TextIO

from drypoint.common import capable_terminal, find_width, fold_lines, printable, table_lines

INTERRUPTED = 130  # exit code, as shells use it
GREEN, RED, BOLD = "\x1b[32m", "\x1b[31m", "\x1b[1m"


safe_text = partial(printable, lines=True)
"""Text as a terminal may show it."""


def say(text: str) -> None:
    """Print a note, folded to the terminal's width."""
    print(fold_lines(safe_text(text), find_width(sys.stderr)), file=sys.stderr, flush=True)


def fail(text: str) -> None:
    """Print an error."""
    print(
        paint(f"drypoint: {safe_text(text)}", {"^drypoint:": RED}, sys.stderr),
        file=sys.stderr,
    )


def result(
    text: str,
    data: Mapping[str, Any],
    *,
    as_json: bool,
    colors: Mapping[str, str] | None = None,
    folded: bool = True,
) -> None:
    """The result of a command, for people or for machines."""
    if as_json:
        print(json.dumps(data, indent=2))
    else:
        shown = fold_lines(safe_text(text), find_width(sys.stdout) if folded else None)
        print(paint(shown, colors or {}, sys.stdout))


def paint(text: str, colors: Mapping[str, str], stream: TextIO) -> str:
    """The text with colours, if the stream is a terminal and the user has not set ``NO_COLOR``."""
    if not capable_terminal(stream) or os.environ.get("NO_COLOR"):
        return text
    for pattern, color in colors.items():
        marked = partial(_mark, color=color)
        text = re.sub(pattern, marked, text, flags=re.MULTILINE)
    return text


def _mark(found: re.Match[str], *, color: str) -> str:
    return f"{color}{found[0]}\x1b[0m"


def table(rows: Iterable[Sequence[str]], *, indent: str = "  ") -> str:
    """Rows of cells in aligned columns; the last column is not padded."""
    lines = [*rows]
    return "\n".join(indent + line for line in table_lines(lines, left=range(max(map(len, lines)))))


def command_text(command: str) -> str:
    """A command for a shell, indented, folded by backslashes to the terminal's width."""
    width = find_width(sys.stdout)
    folded = fold_lines(f"  {command}", None if width is None else width - len(" \\"))
    return folded.replace("\n", " \\\n")


def columns() -> int:
    """Columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size().columns
