"""``drypoint completion``: a shell's completion of commands, options, choices and shipped models.

shtab writes the script from the parsers of all commands. The script holds every word, so a press of
Tab starts no Python.
"""

import argparse
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import shtab

from drypoint import data, models, nn

from ._output import result
from ._pieces import model_file

EXAMPLE = "drypoint completion bash"
PLACES = {
    "bash": "~/.local/share/bash-completion/completions/drypoint",
    "zsh": "a folder of $fpath, as _drypoint",
    "fish": "~/.config/fish/completions/drypoint.fish",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    places = ", ".join(f"{shell}: {place}" for shell, place in PLACES.items())
    shells = [*PLACES]  # a dict of choices is a list of commands to shtab
    parser.add_argument("shell", choices=shells, help=f"the shell; the script belongs in {places}")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    script = shtab.complete(describe_values(), args.shell)
    facts = {"shell": args.shell, "script": script}
    result(script.rstrip("\n"), facts, as_json=args.json, folded=False)
    return 0


def describe_values() -> argparse.ArgumentParser:
    """The parser of all commands, whose arguments say to shtab what they take."""
    from .__main__ import COMMANDS, build_parser  # noqa: PLC0415 - it imports this module

    parser = build_parser(*COMMANDS)
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for command in commands.choices.values():
        for action in command._actions:
            action.help = re.split("[;:]", action.help or "")[0]
            if (values := values_of(action)) is not None:
                action.complete = values
    return parser


def values_of(action: argparse.Action) -> shtab.CompleteType | None:
    """What an argument takes beside its choices; None for nothing."""
    if action.nargs == 0 or action.choices is not None:
        return None
    if action.type is model_file:
        return words_or_files("models", models.names())
    if action.dest == "data":
        return words_or_files("data", data.cards())
    if action.dest == "net":
        return words_or_files("nets", [name.split(":")[0] for name in nn.families()])
    takes_files = action.type is Path or str(action.metavar).endswith(("FILE", "DIR"))
    return shtab.FILE if takes_files else None


def words_or_files(name: str, words: Iterable[str]) -> shtab.CompleteType:
    """Some words, then the files of the folder."""
    function, joined = f"_drypoint_{name}_or_files", shlex.join(words)
    return {
        "bash": function,
        "zsh": function,
        "fish": f"{joined} (__fish_complete_path (commandline -ct))",
        "preamble": {
            "bash": f'{function}() {{ compgen -W "{joined}" -- "$1"; compgen -f -- "$1"; }}',
            "zsh": f'{function}() {{ _alternative "words::({joined})" "files::_files"; }}',
        },
    }
