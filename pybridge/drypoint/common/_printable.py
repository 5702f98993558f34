"""Text of untrusted origin, as a terminal, a page, a picture or a comment may show it."""

import re
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
