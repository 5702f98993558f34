"""``--chip`` and ``--budget``, of every command that knows the costs of a device."""

import argparse

from drypoint import devices


def add_chip_arguments(parser: argparse.ArgumentParser, *, over: str) -> None:
    """The two options.

    Args:
        parser: of the command.
        over: what the command does with a model that costs more than the budget.
    """
    parser.add_argument(
        "--chip",
        type=_chip,
        metavar="NAME",
        help="the target of this chip, with its RAM and flash as the budget unless --budget says: "
        + ", ".join(row.name for row in devices.CHIPS if row.target),
    )
    parser.add_argument(
        "--budget",
        type=_budget,
        metavar="ram=8K,flash=512K,stack=2K",
        help=f"with --target: {over}; ram is arena, input, output and stack together, arena=8K the "
        "arena alone",
    )


def _chip(text: str) -> devices.Chip:
    """A ``--chip``, for argparse."""
    try:
        return devices.chip(text)
    except devices.UnknownTargetError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def size(text: str) -> int:
    """An option that says a number of bytes, for argparse."""
    try:
        return devices.parse_size(text)
    except devices.BudgetError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _budget(text: str) -> dict[str, int]:
    """A ``--budget`` as bytes, for argparse."""
    try:
        return devices.parse_budget(text)
    except devices.BudgetError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
