"""The command line: one file for each command, and shared pieces."""

import sys


def main() -> int:
    """What ``drypoint`` runs; Ctrl-C while modules are imported gives no traceback, either."""
    try:
        from .__main__ import main as run  # noqa: PLC0415 - this is what may be interrupted

        return run()
    except KeyboardInterrupt:
        print("drypoint: interrupted", file=sys.stderr)
        return 130
