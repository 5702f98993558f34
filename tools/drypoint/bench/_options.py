"""What the command lines of both benches share: options, and the nets that they name."""

import argparse
from collections.abc import Callable, Collection

from ._nets import NETS, check_nets


def add_options(
    parser: argparse.ArgumentParser,
    *,
    count: Callable[[str], int],
    rounds: int,
    nets: Collection[str] = NETS,
) -> None:
    """The options of a bench."""
    names = f"some of {','.join(nets)}, or all"
    parser.add_argument("--nets", default="lenet", metavar="NAMES", help=names)
    measurements = f"measurements of each contestant; {rounds} if left out"
    parser.add_argument("--rounds", type=count, metavar="N", help=measurements)
    parser.add_argument("--no-peers", action="store_true", help="only drypoint")
    parser.add_argument("--quick", action="store_true", help="a few seconds, rough figures")
    parser.add_argument("--markdown", action="store_true", help="print tables for a page")
    parser.add_argument("--cc", metavar="COMPILER", help="C compiler; cc, gcc or clang if left out")


def named_nets(args: argparse.Namespace, nets: Collection[str] = NETS) -> list[str]:
    """The names of the nets to time, of ``nets``.

    Raises:
        BenchError: there is no such net.
    """
    return check_nets(list(nets) if args.nets == "all" else args.nets.split(","), nets)
