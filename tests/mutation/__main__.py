"""``make mutate ARGS="FOLDER ... N"``: do the tests notice N random faults in each folder?

Each fault changes one operator, number or condition of a file of Python or C (`changes`). The
command runs the tests that ran the changed line, and prints the faults that no test noticed, and a
row of the table of CONTRIBUTING.md for each folder. It leaves out `EQUIVALENT` mutants, which
compute what the file computes.
"""

import argparse
import random
import sys
from pathlib import Path

from changes import Mutant, mutants
from equivalent import EQUIVALENT
from executors import of_c, of_python
from tqdm import tqdm

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Draw the mutants of each folder, run their tests, print the survivors and the rates."""
    options = _parser().parse_args()
    rows = [_measure(folder, options) for folder in options.folders]
    print("\n".join(["| room | noticed | of all | seed |", "|---|---|---|---|", *rows]))


def _measure(name: str, options: argparse.Namespace) -> str:
    """The row of a folder."""
    folder = ROOT / name
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    paths = [path for path in paths if path.suffix in (".py", ".c", ".h", ".inc")]
    if not paths:
        sys.exit(f"{name} has no file of Python or C; name a folder of the project")
    every = [m for path in paths for m in mutants(path) if _name(m) not in EQUIVALENT]
    drawn = random.Random(options.seed).sample(every, min(options.n, len(every)))
    survivors = []
    executors = {".py": of_python(ROOT, options.tests), ".c": of_c(ROOT, name)}
    for mutant in (bar := tqdm(drawn, unit="mutant", disable=None)):
        notices = executors[".py" if mutant.path.suffix == ".py" else ".c"]
        if not notices(mutant):
            survivors.append(mutant)
            bar.write(_describe(mutant))
    killed = len(drawn) - len(survivors)
    rate = f"{killed} of {len(drawn)}, {100 * killed / len(drawn):.0f} %"
    return f"| `{name}` | {rate} | {len(every):,} | {options.seed} |"


def _name(mutant: Mutant) -> str:
    """The file, the line before and after: without the number of the line, which moves."""
    return f"{mutant.path.relative_to(ROOT)}: {mutant.describe()}"


def _describe(mutant: Mutant) -> str:
    return f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {mutant.describe()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make mutate",
        description=__doc__,
        epilog='example: make mutate ARGS="pybridge/drypoint/program tools 20"',
    )
    parser.add_argument(
        "folders", metavar="FOLDER", nargs="+", help="a folder of the project, or a file"
    )
    parser.add_argument("n", metavar="N", type=int, help="how many mutants to draw of each")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing; default 0")
    parser.add_argument(
        "--tests", default="tests", help="the tests that may notice a fault in Python; default all"
    )
    return parser


if __name__ == "__main__":
    main()
