"""``make notebooks``: the examples that are written in cells, as notebooks in ``build/notebooks``.

``--run NAME ...`` runs notebooks too, in a kernel of this Python, and keeps their outputs.
"""

import argparse
from pathlib import Path

import jupytext
import nbclient
import nbformat

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
CELL = "# %%"


def names() -> list[str]:
    """The examples that are written in cells."""
    return sorted(
        file.stem for file in EXAMPLES.glob("*.py") if file.read_text("utf-8").startswith(CELL)
    )


def write(name: str, folder: Path, *, run: bool = False) -> Path:
    """Write the notebook of an example, and return its path.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails.
    """
    book = jupytext.read(EXAMPLES / f"{name}.py", fmt="py:percent")
    book.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for i, cell in enumerate(book.cells):
        cell["id"] = f"cell-{i}"  # equal files give equal notebooks
    folder.mkdir(parents=True, exist_ok=True)
    if run:
        nbclient.NotebookClient(book, timeout=1800, kernel_name="python3").execute(cwd=folder)
    path = folder / f"{name}.ipynb"
    nbformat.write(book, path)
    return path


def main() -> None:
    """Write all notebooks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build/notebooks", metavar="DIR")
    parser.add_argument("--run", nargs="+", choices=names(), default=[], metavar="NAME")
    args = parser.parse_args()
    for name in names():
        print(write(name, args.out, run=name in args.run))


if __name__ == "__main__":
    main()
