"""Output of commands: results to standard output, progress to standard error."""

import json
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drypoint.common import table_lines

INTERRUPTED = 130  # exit code, as shells use it


# Control characters but the line break; surrogates, as in the names of files that are no UTF-8.
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _shown(text: str) -> str:
    """The text with escapes for characters that would command a terminal, or cannot be encoded."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say(text: str) -> None:
    """Print a line of progress."""
    print(_shown(text), file=sys.stderr, flush=True)


def result(text: str, data: Mapping[str, Any], *, as_json: bool) -> None:
    """The result of a command, for people or for machines."""
    print(json.dumps(data, indent=2) if as_json else _shown(text))


def table(rows: Iterable[Sequence[str]], *, indent: str = "  ") -> str:
    """Rows of cells in aligned columns; the last column is not padded."""
    lines = [*rows]
    return "\n".join(indent + line for line in table_lines(lines, left=range(max(map(len, lines)))))


def columns() -> int:
    """Columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size().columns


def percent(share: float) -> str:
    """0.9931 as ``99.31 %``."""
    return f"{100 * share:.2f} %"
