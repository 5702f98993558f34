"""The mutants of a file: each differs from it in one operator, number or condition."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
WORDS = {"in": "not in", "not in": "in", "is": "is not", "is not": "is"}
SUMS = {
    "+": "-",
    "-": "+",
    "**": "*",
    "*": "+",
    "//": "*",
    "/": "*",
    "%": "+",
    "<<": ">>",
    ">>": "<<",
}
BITS = {"&": "|", "|": "&", "^": "&"}
LOGIC = {"and": "or", "or": "and"}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
OF_PYTHON = COMPARISONS | WORDS | SUMS | BITS | LOGIC
OF_C = COMPARISONS | SUMS | BITS | {"&&": "||", "||": "&&", "+=": "-=", "-=": "+="}
_OPERATOR = re.compile(
    "|".join(
        rf"\b{re.escape(op).replace(' ', 's+')}\b" if op[0].isalpha() else re.escape(op)
        for op in sorted(OF_PYTHON, key=len, reverse=True)
    )
)
_C_TOKEN = re.compile(
    r"(?<= )(?:" + "|".join(map(re.escape, sorted(OF_C, key=len, reverse=True))) + r")(?= )"
    r"|(?<![\w.\"'])\d+(?![\w.])"
)
_C_UNSEEN = re.compile(  # comments, texts, lines of the preprocessor
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|^[ \t]*#(?:\\\n|[^\n])*', re.DOTALL | re.MULTILINE
)


class Mutant(NamedTuple):
    """A file with one change: characters `start` to `end` of its text become `new`."""

    path: Path
    start: int
    end: int
    new: str

    def text(self) -> str:
        """The changed file."""
        source = self.path.read_text("utf-8")
        return source[: self.start] + self.new + source[self.end :]

    @property
    def line(self) -> int:
        """The line of the change, from 1 on."""
        return self.path.read_text("utf-8").count("\n", 0, self.start) + 1

    def describe(self) -> str:
        """The line before and after, each without what both begin with."""
        before, after = (
            text.splitlines()[self.line - 1].strip()
            for text in (self.path.read_text("utf-8"), self.text())
        )
        return f"{before}\n    {after}"


def mutants(path: Path) -> list[Mutant]:
    """All mutants of a file of Python or C."""
    source = path.read_text("utf-8")
    found = _of_python(source) if path.suffix == ".py" else _of_c(source)
    return [Mutant(path, *change) for change in sorted(set(found))]


def _of_c(source: str) -> Iterator[tuple[int, int, str]]:
    seen = _C_UNSEEN.sub(lambda hidden: re.sub(r"[^\n]", "~", hidden[0]), source)
    for found in _C_TOKEN.finditer(seen):
        token = found[0]
        yield *found.span(), str(int(token) + 1) if token.isdigit() else OF_C[token]


def _of_python(source: str) -> Iterator[tuple[int, int, str]]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    if not source.isascii():  # columns of ast are bytes
        lines = source.splitlines(keepends=True)

    def place(line: int, column: int) -> int:
        if not source.isascii():
            column = len(lines[line - 1].encode()[:column].decode())
        return starts[line - 1] + column

    def span(node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)

    def between(left: ast.expr, right: ast.expr) -> Iterator[tuple[int, int, str]]:
        """The operator between two operands."""
        first, last = span(left)[1], span(right)[0]
        for found in _OPERATOR.finditer(source, first, last):
            yield *found.span(), OF_PYTHON[" ".join(found[0].split())]
            return

    for node in _computing(ast.parse(source)):
        match node:
            case ast.Compare(left=left, comparators=[right, *_]):
                yield from between(left, right)
            case ast.BinOp(left=left, right=right) | ast.BoolOp(values=[left, right, *_]):
                yield from between(left, right)
            case ast.UnaryOp(op=ast.Not() | ast.USub() as operator):
                start, token = span(node)[0], "not " if isinstance(operator, ast.Not) else "-"
                yield start, start + len(token), ""
            case ast.Constant(value=bool(value)):
                yield *span(node), str(not value)
            case ast.Constant(value=int(value)):
                yield *span(node), str(value + 1)
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield *span(node.func), CALLS[name]
            case ast.IfExp(test=test) | ast.If(test=test) | ast.While(test=test):
                start, end = span(test)
                yield start, end, f"not ({source[start:end]})"


def _computing(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below that compute: no annotations, decorators, texts or messages of errors."""
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Assert):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _computing(child)
