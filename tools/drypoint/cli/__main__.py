"""``drypoint COMMAND``: runs a command, and prints an error as one line."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from drypoint.common import DrypointError

from . import (
    _bench,
    _diff,
    _export,
    _import,
    _info,
    _lenet,
    _measure,
    _models,
    _page,
    _quantize,
    _recipes,
    _run,
    _train,
    _verify,
)
from ._output import INTERRUPTED

COMMANDS = (
    _lenet,
    _train,
    _measure,
    _quantize,
    _export,
    _verify,
    _diff,
    _run,
    _info,
    _page,
    _import,
    _models,
    _bench,
    _recipes,
)
PROBLEM = 2  # exit code


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows an option's default, except for None and False."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        shown = action.default not in (None, False, argparse.SUPPRESS)
        return super()._get_help_string(action) if shown else action.help


class _Parser(argparse.ArgumentParser):
    """Prints an error in one line, with the command for help."""

    def error(self, message: str) -> NoReturn:
        self.exit(PROBLEM, f"{self.prog}: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog="drypoint",
        description="Train a small net, make it integers, get a C library with every byte known.",
        epilog="example: drypoint lenet --out build/lenet",
    )
    parser.add_argument("--version", action="version", version=f"drypoint {version('drypoint')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(
            command.NAME,
            help=command.HELP,
            description=command.HELP[0].upper() + command.HELP[1:] + ".",
            epilog=f"example: {command.EXAMPLE}",
            formatter_class=_Help,
        )
        command.add_arguments(sub)
        sub.add_argument("--json", action="store_true", help="print the result as JSON")
        sub.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; exit code 0: success, 1: a check failed, 2: bad input."""
    args = build_parser().parse_args(arguments)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except DrypointError as error:
        print(f"drypoint: {error}", file=sys.stderr)
        return PROBLEM
    except KeyboardInterrupt:
        print("drypoint: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        _forget_output()
        return PROBLEM
    except OSError as error:  # a disk that is full, under the output or the folder for temporaries
        _forget_output()
        where = error.filename or "the output, or a temporary file"
        print(f"drypoint: {where}: {error.strerror or error}", file=sys.stderr)
        return PROBLEM


def _forget_output() -> None:
    """Python flushes standard output once more at its end, and would complain then."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
