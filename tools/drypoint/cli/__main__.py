"""``drypoint COMMAND``: runs a command, and prints an error as one line.

Only the module of the named command is imported, ``_<command>.py`` with its ``EXAMPLE``,
``add_arguments`` and ``run``: ``drypoint --help`` loads neither NumPy nor a part of drypoint.
"""

import argparse
import itertools
import os
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

from ._aliases import COMMAND_HINTS, OPTION_HINTS, replace_alias

COMMANDS = {
    "lenet": "train, quantize, export and verify LeNet on MNIST",
    "train": "train a net on your own data, or LeNet on MNIST, and save the float model",
    "measure": "measure a float model or an integer program on test examples",
    "quantize": "calibrate a float model on training images and write the integer program",
    "export": "write a program as C: tables, self-test and engine in one folder",
    "verify": "compare reference, C engine and generated C on test images, every byte",
    "diff": "name the first op that differs between a program and C code, a "
    "device's log or a float model",
    "run": "classify pictures (PNG, JPEG, any size) or recordings with a float "
    "net or the integer engine",
    "info": "print a float model or an integer program as a listing",
    "report": "write one HTML page about a model: accuracy, errors by layer, costs, what is proven",
    "serve": "serve a page to draw on, or write it: the C engine answers in the browser, as "
    "WebAssembly",
    "import": "read an ONNX or TensorFlow Lite file: a float net as a model, a "
    "quantized one as a program",
    "models": "print the cards of the models that come with the package, or retrain the models",
    "bench": "time every backend on this machine, layer by layer, against the machine's limit",
    "completion": "print a script that completes commands, options and models in a shell",
    "search": "search the best net that keeps a budget of RAM and flash on a chip",
    "recipes": "print accuracy against seconds of the ways to train, over several seeds",
}
"""Name of a command -> what it does, in the list of ``drypoint --help``."""

# Negative numbers that argparse takes for options, unless a space is in them: -1e-05, -0.1,0.2
_NEGATIVE = re.compile(
    r"-\.?\d[\d.]*(e[+-]?\d+)?(,[\d.e+-]+)+|-\.?\d[\d.]*e[+-]?\d+", re.IGNORECASE
)
PROBLEM = 2  # exit code


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows an option's default unless it is None, False or []; keeps the lines of a help text, and
    names with hyphens whole."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        lines = text.split("\n")
        return [line for x in lines for line in textwrap.wrap(x, width, break_on_hyphens=False)]

    def _get_help_string(self, action: argparse.Action) -> str | None:
        hidden = action.default is False or action.default in (None, [], argparse.SUPPRESS)
        return action.help if hidden else super()._get_help_string(action)


class _List(argparse.HelpFormatter):
    """Leaves room for the longest command, which argparse would print on a line of its own."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self._action_max_length = 4 + max(map(len, COMMANDS))


class _Parser(argparse.ArgumentParser):
    """Prints an error in one line, with the closest known word, and the command for help."""

    _mixes = False  # inside `parse_known_intermixed_args`, which calls `parse_known_args` twice

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Take options between the files of a command. Refuse what is not known, here, where the
        options of its command are known: an unknown option before a required one that it may stand
        for."""
        if self._mixes:
            return super().parse_known_args(args, namespace)
        words = args or ()
        if self._subparsers is None:
            self._check_options(words)
        if self._subparsers is None and "--" not in words:
            self._mixes = True
            found, rest = self.parse_known_intermixed_args(args, namespace)
            self._mixes = False
        else:
            found, rest = super().parse_known_args(args, namespace)
        if rest:
            data = "; data is named by --data" if "--data" in self._option_string_actions else ""
            self.error(f"{rest[0]!r} is one argument too many{data}")
        return found, rest

    def _check_options(self, words: Sequence[str]) -> None:
        known = self._option_string_actions
        for word in itertools.takewhile(lambda word: word != "--", words):
            option = word.partition("=")[0]
            if re.match("--?[A-Za-z]", word) and not any(n.startswith(option) for n in known):
                options = [name for name in known if name.startswith("--")]
                self.error(_unknown("there is no option", option, options, OPTION_HINTS))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = [*map(str, action.choices)]
        if isinstance(action, argparse._SubParsersAction):
            others = {**_target_hints(), **COMMAND_HINTS}
            self.error(_unknown("there is no command", value, known, others))
        hints = _target_hints() if action.dest == "target" else {}
        raise argparse.ArgumentError(action, _unknown("there is no", str(value), known, hints))

    def error(self, message: str) -> NoReturn:
        self.exit(PROBLEM, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _unknown(
    start: str, word: str, known: list[str], hints: Mapping[str, str] | None = None
) -> str:
    from drypoint.common import unknown  # noqa: PLC0415

    return unknown(start, word, known, hints or {})


def _target_hints() -> Mapping[str, str]:
    from drypoint.devices import target_hints  # noqa: PLC0415

    return target_hints()


class _Version(argparse.Action):
    """Looks the version up only when it is printed: the package's metadata take 30 ms to load."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415

        print(f"drypoint {version('drypoint')}", flush=True)
        parser.exit()


def build_parser(*chosen: str) -> argparse.ArgumentParser:
    """The parser of all commands; only the chosen commands' parsers know their options."""
    parser = _Parser(
        prog="drypoint",
        description="Train a small net, make it integers, get a C library with every byte known.",
        epilog="example: drypoint lenet --out build/lenet",
        formatter_class=_List,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        if name not in chosen:
            commands.add_parser(name, help=text)
            continue
        command = import_module(f"._{name}", __package__)
        sub = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"example: {command.EXAMPLE}",
            formatter_class=_Help,
        )
        command.add_arguments(sub)
        sub.add_argument("--json", action="store_true", help="print the result as JSON")
        sub.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; exit code 0: success, 1: a check failed, 2: bad input."""
    words = replace_alias(sys.argv[1:] if arguments is None else arguments)
    words = [f" {word}" if _NEGATIVE.fullmatch(word) else word for word in words]
    chosen = [word for word in words if not word.startswith("-")][:1]
    if not words:
        build_parser().print_help(sys.stderr)
        return PROBLEM
    try:
        return _run(build_parser(*chosen).parse_args(words))
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        _forget_output()
        return PROBLEM
    except OSError as error:  # a disk that is full, under the output or the folder for temporaries
        _forget_output()
        from ._output import fail  # noqa: PLC0415

        where = error.filename or "the output, or a temporary file"
        fail(f"{where}: {error.strerror or error}")
        return PROBLEM


def _run(args: argparse.Namespace) -> int:
    """Run the parsed command, whose module has imported what is imported here."""
    from drypoint.common import DrypointError, show_progress  # noqa: PLC0415

    from ._output import INTERRUPTED, fail  # noqa: PLC0415

    try:
        with show_progress():
            code: int = args.run(args)
        sys.stdout.flush()
        return code
    except DrypointError as error:
        fail(str(error))
        return PROBLEM
    except MemoryError as error:
        fail(f"out of memory: {error}")
        return PROBLEM
    except KeyboardInterrupt:
        fail("interrupted")
        return INTERRUPTED


def _forget_output() -> None:
    """Python flushes standard output once more at its end, and would complain then."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
