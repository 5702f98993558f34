"""Text of untrusted origin as a terminal, a page or a comment may show it; lines of a width."""

import io
import os
import re
import shutil
from html import escape


def printable(text: str, *, lines: bool = False) -> str:
    """The text with Python's escapes for all characters that are not printable.

    These are control characters, which command a terminal; marks of direction and invisible
    characters, which show a text in another order than it has; line and paragraph separators, and
    spaces other than the ASCII one; surrogates, which UTF-8 has not.

    Args:
        text: names, labels and titles of files; messages that quote them.
        lines: whether line breaks (``"\\n"``) stay.
    """
    if lines and "\n" in text:
        return "\n".join(map(printable, text.split("\n")))
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def html_text(value: object) -> str:
    """A value as the text of an HTML or XML element or of a quoted attribute."""
    return escape(printable(str(value), lines=True))


def markdown_text(text: str) -> str:
    """A name as the text of a Markdown page or of a cell of its table."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", printable(text))


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


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
