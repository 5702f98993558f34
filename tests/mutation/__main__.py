"""``make mutate ARGS="FOLDER N"``: do the tests notice N random faults in a folder?

Each fault changes one operator, number or condition of a file of Python or C (`changes`). The
command runs the tests that ran the changed line, and prints the faults that no test noticed.
"""

import argparse
import random
import sys
from pathlib import Path

from changes import Mutant, mutants
from executors import of_c, of_python
from tqdm import tqdm

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Draw the mutants, run their tests, print the survivors and the rate."""
    options = _parser().parse_args()
    folder = ROOT / options.folder
    paths = sorted(
        path for ending in ("*.py", "*.c", "*.h", "*.inc") for path in folder.rglob(ending)
    )
    if not paths:
        sys.exit(f"{options.folder} has no file of Python or C; name a folder of the project")
    every = [mutant for path in paths for mutant in mutants(path)]
    drawn = random.Random(options.seed).sample(every, min(options.n, len(every)))
    survivors = []
    executors = {".py": of_python(ROOT), ".c": of_c(ROOT, options.folder)}
    for mutant in (bar := tqdm(drawn, unit="mutant", disable=None)):
        notices = executors[".py" if mutant.path.suffix == ".py" else ".c"]
        if not notices(mutant):
            survivors.append(mutant)
            bar.write(_describe(mutant))
    killed = len(drawn) - len(survivors)
    print(
        f"{options.folder}: tests noticed {killed} of {len(drawn)} mutants, seed {options.seed}, "
        f"of {len(every):,} ({100 * killed / len(drawn):.0f} %)"
    )


def _describe(mutant: Mutant) -> str:
    return f"{mutant.path.relative_to(ROOT)}:{mutant.line}: {mutant.describe()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make mutate",
        description=__doc__,
        epilog='example: make mutate ARGS="pybridge/drypoint/program 20"',
    )
    parser.add_argument("folder", metavar="FOLDER", help="a folder of the project, or a part of it")
    parser.add_argument("n", metavar="N", type=int, help="how many mutants to draw")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing; default 0")
    return parser


if __name__ == "__main__":
    main()
