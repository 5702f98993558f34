"""``python -m drypoint.devices packages|bench|record``: what targets need, what LeNet costs there.

``packages`` prints the Debian packages of all targets, one a line. ``bench`` measures the shipped
LeNet on the targets that are named, or on all, and prints its bytes and its instructions, op by op.
``record`` also keeps them: in ``costs.json`` beside this file and, in a checkout, in the table of
``engine_c/README.md``. Both run compilers and emulators, some seconds a target.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from drypoint.common import DrypointError, write_atomic
from drypoint.models import load_program

from ._record import FILE, record
from ._table import cost_table, op_table, with_cost_table
from ._targets import TARGETS, debian_packages, target

PAGE = FILE.parents[3] / "engine_c/README.md"


def main() -> int:
    """Run a subcommand; exit code 2: a tool is missing or fails."""
    parser = argparse.ArgumentParser(prog="python -m drypoint.devices", description=__doc__)
    parser.add_argument("what", choices=["packages", "bench", "record"])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="rows; all, if none is named")
    args = parser.parse_args()
    if args.what == "packages":
        print("\n".join(debian_packages()))
        return 0
    program = load_program("lenet-mnist")
    try:
        rows = [target(name) for name in args.targets] or TARGETS
        with tempfile.TemporaryDirectory() as name:
            file = FILE if args.what == "record" else Path(name) / FILE.name
            found = record(program, rows, file=file, on_row=lambda t: print(t, file=sys.stderr))
    except DrypointError as error:
        print(f"drypoint: {error}", file=sys.stderr)
        return 2
    if args.what == "record" and PAGE.exists():
        write_atomic(PAGE, with_cost_table(PAGE.read_text("utf-8"), found))
    print(f"{cost_table(found)}\n\n{op_table(found, program)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
