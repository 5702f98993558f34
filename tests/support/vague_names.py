"""How many names of each part say nothing: `one`, `made`, `given`, `found`, ...

`python tests/support/vague_names.py` prints the share of vague names among all bindings: functions,
arguments, variables, fields and loop variables.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from drypoint.common import table_lines

ROOT = Path(__file__).parents[2]
VAGUE = {
    *("one", "made", "given", "found", "known", "wanted", "asked", "kept", "held", "taken", "came"),
    *("chosen", "needed", "thing", "stuff", "got", "done", "what", "which", "such", "others"),
}


def bindings(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Each name that a module binds, and its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name.lstrip("_").lower(), node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg.lstrip("_"), node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id.lstrip("_").lower(), node.lineno


def share(folder: Path) -> tuple[int, int]:
    """How many bindings below a folder are vague, and how many there are."""
    count = Counter(
        name in VAGUE
        for path in sorted(folder.rglob("*.py"))
        for name, _ in bindings(ast.parse(path.read_text("utf-8")))
    )
    return count[True], count.total()


if __name__ == "__main__":
    rows = [("part", "vague", "names", "share")]
    for top in ("pybridge", "trainer", "tools"):
        for folder in sorted((ROOT / top / "drypoint").iterdir()):
            if any(folder.rglob("*.py")):
                vague, total = share(folder)
                rows.append(
                    (f"{top}/{folder.name}", f"{vague:,}", f"{total:,}", f"{vague / total:.1%}")
                )
    print("\n".join(table_lines(rows, left=(0,))))
