"""Lines of at most as many columns as a terminal has."""

import io
import os
import re
import shutil

_LEAST = 24  # columns of a folded line beside its indent
_WORD = re.compile(r"\s*(?:\(95 %[^()]*\)\S*|\S+)")  # an interval is one word


def find_width(stream: object) -> int | None:
    """Columns of what shows a stream: of ``COLUMNS``, if it is set, or of the terminal; None where
    neither is known, as in a pipe or a file, whose lines are as long as they are.
    """
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said) > 0:
        return int(said)
    is_terminal = isinstance(stream, io.TextIOBase) and stream.isatty()
    return shutil.get_terminal_size().columns if is_terminal else None


def fold_lines(text: str, width: int | None) -> str:
    """The text with lines of at most ``width`` columns, as far as words allow it; None: unchanged.

    A line goes on below the last of its columns that leaves room, else below its first word and two
    columns right of it. Columns are two spaces apart.
    """
    if width is None:
        return text
    return "\n".join(_fold(line, width) for line in text.split("\n"))


def _fold(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    starts = [gap.end() for gap in re.finditer(r"(?<=\S) {2,}", line)]
    indent = len(line) - len(line.lstrip())
    indent = max([s for s in starts if s <= width - _LEAST], default=indent + 2)
    words = _WORD.findall(line)
    lines, now = [], ""
    for word in words:
        if now.strip() and len(now) + len(word) > width:
            lines.append(now)
            now = " " * min(indent, width - 1) + word.lstrip()
        else:
            now += word
    return "\n".join([*lines, now])
