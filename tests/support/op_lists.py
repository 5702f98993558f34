"""Writes the lists of all ops from the files of ``program/ops``.

Run ``python tests/support/op_lists.py``. The lists are the names in ``ops/__init__.py``, and the
numbers and kernels in ``drypoint.h``.
"""

import ast
import importlib
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPS = ROOT / "pybridge/drypoint/program/ops"
HEADER = ROOT / "engine_c/include/drypoint.h"


def modules() -> dict[str, list[str]]:
    """Public names that a module of an op defines, by the module's name."""
    names = {}
    for path in sorted(OPS.glob("[!_]*.py")):
        body = ast.parse(path.read_text("utf-8")).body
        assigned = [n.targets[0].id for n in body if isinstance(n, ast.Assign)]
        defined = [n.name for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
        names[path.stem] = sorted(
            (name for name in assigned + defined if not name.startswith("_")),
            key=lambda name: (not name.isupper(), name[0].islower(), name),
        )
    return names


def texts() -> dict[Path, str]:
    """The files with the lists as they should be."""
    names, ops = modules(), []
    for module, public in names.items():
        found = importlib.import_module(f"drypoint.program.ops.{module}")
        (op,) = (vars(found)[name] for name in public if hasattr(vars(found)[name], "number"))
        ops.append((op.number, op.kind, op.__name__, found.__doc__.partition(".")[0]))
    ops.sort()
    public = [*(name for each in names.values() for name in each), "BinaryOp", "Op"]
    public.sort(key=lambda name: (not name.isupper(), name[0].islower(), name))
    imports = {"_binary": ["BinaryOp"], **names}
    init = OPS / "__init__.py"
    python = init.read_text("utf-8").partition("\n\n")[0] + "\n\n"
    python += "".join(f"from .{m} import {', '.join(each)}\n" for m, each in imports.items())
    python += "\nOp = (\n    " + "\n    | ".join(name for _, _, name, _ in ops) + "\n)\n"
    python += '"""An op: what a `match` that names every kind goes through."""\n\n'
    python += "__all__ = [\n" + "".join(f'    "{name}",\n' for name in public) + "]\n"
    rows = [
        (f"DPT_{kind.upper()} = {number},", what[0].lower() + what[1:])
        for number, kind, _, what in ops
    ]
    rows.append((f"DPT_KINDS = {ops[-1][0] + 1}", "one more than the largest"))
    width = max(len(row) for row, _ in rows)
    enum = "enum {\n" + "".join(f"    {row:{width}} /* {what} */\n" for row, what in rows) + "};"
    kernels = "dpt_kernel " + ", ".join(f"dpt_scalar_{kind}" for _, kind, _, _ in ops) + ";"
    c = HEADER.read_text("utf-8")
    for begin, end, text in (
        ("enum {\n    DPT_CONV =", "};", enum),
        ("dpt_kernel dpt_scalar_conv", ";", textwrap.fill(kernels, 100, subsequent_indent=" " * 4)),
    ):
        at = c.index(begin)
        c = c[:at] + text + c[c.index(end, at) + len(end) :]
    return {init: python, HEADER: c}


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text, "utf-8")
