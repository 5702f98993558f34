"""``--chip``, ``--budget`` and ``--optimize``, of every command that knows a device's costs."""

import argparse

from drypoint import devices

from ._pieces import as_option


def add_chip_arguments(
    parser: argparse.ArgumentParser, *, over: str, default: str = devices.LEVELS[0]
) -> None:
    """The three options; ``over`` is what the command does with a model that costs more."""
    parser.add_argument(
        "--chip",
        type=as_option(devices.chip),
        metavar="NAME",
        help="the target of this chip, with its RAM and flash as the budget unless --budget says: "
        + ", ".join(row.name for row in devices.CHIPS),
    )
    parser.add_argument(
        "--budget",
        type=as_option(devices.parse_budget),
        metavar="ram=8K,flash=512K,stack=2K",
        help=f"with --target: {over}; ram is all RAM of the model, its stack too, arena=8K the "
        "arena alone",
    )
    add_optimize_argument(parser, default=default)


def add_optimize_argument(
    parser: argparse.ArgumentParser, *, default: str = devices.LEVELS[0]
) -> None:
    """``--optimize``."""
    parser.add_argument(
        "--optimize",
        choices=[level.removeprefix("-") for level in devices.LEVELS],
        help="with --target: the compiler's level of what is measured and of the printed command; "
        f"{default.removeprefix('-')} if left out",
    )


def level(args: argparse.Namespace, default: str = devices.LEVELS[0]) -> str:
    """The compiler's level of ``--optimize``, as an option of the compiler."""
    return f"-{args.optimize}" if args.optimize else default
