"""``--chip`` and ``--budget``, of every command that knows the costs of a device."""

import argparse

from drypoint import devices

from ._pieces import as_option


def add_chip_arguments(parser: argparse.ArgumentParser, *, over: str) -> None:
    """The two options; ``over`` is what the command does with a model that costs more."""
    parser.add_argument(
        "--chip",
        type=as_option(devices.chip),
        metavar="NAME",
        help="the target of this chip, with its RAM and flash as the budget unless --budget says: "
        + ", ".join(row.name for row in devices.CHIPS if row.target),
    )
    parser.add_argument(
        "--budget",
        type=as_option(devices.parse_budget),
        metavar="ram=8K,flash=512K,stack=2K",
        help=f"with --target: {over}; ram is arena, input, output and stack together, arena=8K the "
        "arena alone",
    )
