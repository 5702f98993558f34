"""What commands print: results to standard output, everything on the way to standard error."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drypoint.common import table_lines

INTERRUPTED = 130  # exit code, as shells use it


def say(text: str) -> None:
    """A line about what goes on."""
    print(text, file=sys.stderr, flush=True)


def result(text: str, data: Mapping[str, Any], *, as_json: bool) -> None:
    """The result of a command, for people or for machines."""
    print(json.dumps(data, indent=2) if as_json else text)


def table(rows: Iterable[Sequence[str]], *, indent: str = "  ") -> str:
    """Rows of cells in aligned columns; the last column is not padded."""
    lines = [*rows]
    return "\n".join(indent + line for line in table_lines(lines, left=range(max(map(len, lines)))))


def percent(share: float) -> str:
    """0.9931 as ``99.31 %``."""
    return f"{100 * share:.2f} %"
