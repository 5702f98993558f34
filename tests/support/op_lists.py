"""Writes the lists of all ops from the files of ``program/ops``.

Run ``python tests/support/op_lists.py``. The lists are the names in ``ops/__init__.py``, and the
numbers in ``drypoint.h``, the kernels in ``drypoint_kernels.h``.
"""

import ast
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
OPS = ROOT / "pybridge/drypoint/program/ops"
HEADER = ROOT / "engine_c/include/drypoint.h"
KERNELS = ROOT / "engine_c/include/drypoint_kernels.h"


class OpFile(NamedTuple):
    """What the file of an op says: read as text, so that a file may need a list to be imported."""

    number: int
    kind: str
    name: str  # of the class
    what: str  # the first line
    public: list[str]


def read(path: Path) -> OpFile:
    tree = ast.parse(path.read_text("utf-8"))
    assigned = [n.targets[0].id for n in tree.body if isinstance(n, ast.Assign)]
    defined = [n for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
    for node in defined:
        fields = {n.targets[0].id: n.value for n in node.body if isinstance(n, ast.Assign)}
        if "number" in fields:
            number, kind = (fields[name].value for name in ("number", "kind"))
            public = in_order([*assigned, *(n.name for n in defined)])
            return OpFile(number, kind, node.name, ast.get_docstring(tree).split(".")[0], public)
    raise ValueError(f"{path}: no class has a number")


def in_order(names: list[str]) -> list[str]:
    """Constants, classes, functions: as ruff sorts names."""
    return sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))


def texts() -> dict[Path, str]:
    """The files with the lists as they should be."""
    files = {path.stem: read(path) for path in sorted(OPS.glob("[!_]*.py"))}
    ops = sorted(files.values())
    public = in_order([*(name for op in ops for name in op.public), "BinaryOp", "Op"])
    imports = {"_binary": ["BinaryOp"], **{stem: op.public for stem, op in files.items()}}
    init = OPS / "__init__.py"
    python = init.read_text("utf-8").partition("\n\n")[0] + "\n\n"
    python += "".join(f"from .{m} import {', '.join(each)}\n" for m, each in imports.items())
    python += "\nOp = (\n    " + "\n    | ".join(op.name for op in ops) + "\n)\n"
    python += '"""An op: what a `match` that names every kind goes through."""\n\n'
    python += "__all__ = [\n" + "".join(f'    "{name}",\n' for name in public) + "]\n"
    rows = [
        (f"DPT_{op.kind.upper()} = {op.number},", op.what[0].lower() + op.what[1:]) for op in ops
    ]
    rows.append((f"DPT_KINDS = {ops[-1].number + 1}", "one more than the largest"))
    width = max(len(row) for row, _ in rows)
    enum = "enum {\n" + "".join(f"    {row:{width}} /* {what} */\n" for row, what in rows) + "};"
    kernels = "dpt_kernel " + ", ".join(f"dpt_scalar_{op.kind}" for op in ops) + ";"
    listed = {init: python}
    for header, begin, end, text in (
        (HEADER, "enum {\n    DPT_CONV =", "};", enum),
        (
            KERNELS,
            "dpt_kernel dpt_scalar_conv",
            ";",
            textwrap.fill(kernels, 100, subsequent_indent=" " * 4),
        ),
    ):
        c = header.read_text("utf-8")
        at = c.index(begin)
        listed[header] = c[:at] + text + c[c.index(end, at) + len(end) :]
    return listed


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, "utf-8")
