"""Convert docstrings to reStructuredText: plain text, lists, `names`, ``code``, indented code.

All other markup is escaped.
"""

import re
from collections.abc import Iterator
from types import ModuleType

from sphinx.application import Sphinx

from drypoint import autodiff, nn, program

_CODE = re.compile(r"(``.*?``|`.*?`)")
_BULLET = re.compile(r"(\s*\* |)(.*)")  # the begin of an item of a list, and the rest


def plain(lines: list[str]) -> Iterator[str]:
    """The lines as reStructuredText: indented blocks become code, stars and bars are escaped."""
    code: int | None = None  # the indentation above which lines are code
    previous = 0  # indentation of the paragraph before
    blank = True
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if not line.strip():
            blank = True
            yield line
            continue
        if code is not None and depth <= code:
            code = None
        if code is None and blank and depth > previous:
            yield from (" " * previous + "::", "")
            code = previous
        if code is None:
            previous = depth
            if line.endswith("::"):
                code = depth
            bullet, rest = _BULLET.fullmatch(line).groups()
            parts = _CODE.split(rest)
            parts[::2] = [re.sub(r"(?<!\\)([*|])", r"\\\1", part) for part in parts[::2]]
            line = bullet + "".join(parts)  # noqa: PLW2901
        blank = False
        yield line


_NAMES = re.compile(r"^(\s+)(\w+(?:, \w+)+)(?=: )")
"""Attributes that share a line: Sphinx would take "first," for the type of "second"."""


def convert(
    _app: Sphinx, what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Convert a docstring in place, before napoleon reads its sections."""
    if what == "class":
        lines[:] = [_NAMES.sub(lambda row: row[1] + row[2].replace(" ", ""), s) for s in lines]
    lines[:] = plain(lines)
    if what in ("property", "attribute", "data"):
        # An empty comment, or napoleon takes "3: (C, H, W)." for a type and its description; it
        # skips blank lines.
        lines[:0] = ["..", ""]


_ARRAY_LIKE = (
    "_Buffer | _SupportsArray[dtype[Any]] | _NestedSequence[_SupportsArray[dtype[Any]]] "
    "| complex | bytes | str | _NestedSequence[complex | bytes | str]"
)
_NDARRAY = re.compile(r"ndarray\[tuple\[Any, \.\.\.\], dtype\[(\w+)\]\]")


def shorten(
    _app: Sphinx,
    _what: str,
    _name: str,
    _object: object,
    _options: object,
    signature: str | None,
    result: str | None,
) -> tuple[str | None, str | None]:
    """Replace NumPy's long names of types by NDArray and ArrayLike."""
    short = [
        text and _NDARRAY.sub(r"NDArray[\1]", shorten_types(text)).replace(_ARRAY_LIKE, "ArrayLike")
        for text in (signature, result)
    ]
    return short[0], short[1]


def _classes(part: ModuleType) -> set[str]:
    return {name for name, value in vars(part).items() if isinstance(value, type)}


# Names of classes that two parts have: layers and ops, and the tensors of autodiff and program.
_IN_TWO_PARTS = (_classes(nn) | _classes(autodiff)) & _classes(program)


def shorten_types(text: str) -> str:
    """The text with bare names of types. A name that two parts have stays qualified, or Sphinx
    could not link it; the tilde keeps the module from being shown.
    """

    def bare(found: re.Match[str]) -> str:
        return f"~{found[1]}{found[2]}" if found[2] in _IN_TWO_PARTS else found[2]

    return re.sub(r"~?\b((?:\w+\.)+)(\w+)", bare, text)


def public_bases(
    _app: Sphinx, _name: str, _object: type, _options: object, bases: list[type]
) -> None:
    """Remove private bases, which have no page."""
    bases[:] = [b for b in bases if not b.__name__.startswith("_") and b is not object] or [object]


def without_routing(
    _app: Sphinx, _what: str, name: str, _object: object, skip: bool, _options: object
) -> bool:
    """Leave out the methods that scikit-learn adds to estimators (set_score_request, ...)."""
    return skip or (name.startswith("set_") and name.endswith("_request"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the functions to Sphinx's events."""
    app.connect("autodoc-process-docstring", convert, priority=400)
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-process-bases", public_bases)
    app.connect("autodoc-skip-member", without_routing)
    return {"parallel_read_safe": True}
