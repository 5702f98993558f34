"""``python -m drypoint.devices packages|bench|sizes``: what the targets need, what LeNet costs.

``packages`` prints Debian packages, one a line; ``bench`` the instructions of one inference of the
shipped LeNet, op by op; ``sizes`` its bytes. The last two run the emulators.
"""

import argparse
import sys

from drypoint.common import DrypointError
from drypoint.models import load_program

from ._table import instruction_table, size_table
from ._targets import TARGETS, debian_packages


def main() -> int:
    """Print what is asked for; 2 when a tool is missing or fails."""
    parser = argparse.ArgumentParser(prog="python -m drypoint.devices", description=__doc__)
    parser.add_argument("what", choices=["packages", "bench", "sizes"])
    what = parser.parse_args().what
    try:
        if what == "packages":
            print("\n".join(debian_packages()))
        elif what == "bench":
            print(instruction_table(load_program("lenet-mnist"), TARGETS))
        else:
            print(size_table(load_program("lenet-mnist"), TARGETS))
    except DrypointError as error:
        print(f"drypoint: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
