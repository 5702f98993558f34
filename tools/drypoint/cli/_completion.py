"""``drypoint completion``: a shell's completion of commands, options, choices and shipped models.

The script is made from the parsers of all commands and holds every word, so that a press of Tab
starts no Python.
"""

import argparse
import re
import shlex
from pathlib import Path
from typing import NamedTuple

from drypoint import data, models, nn

from ._output import result
from ._pieces import model_file

EXAMPLE = "drypoint completion bash"


class Values(NamedTuple):
    """What an argument takes.

    Attributes:
        words: the words that are known.
        files: whether paths of files are taken too.
    """

    words: tuple[str, ...]
    files: bool


class Option(NamedTuple):
    """An option of a command: its name, as ``--out``; None for a flag; its help."""

    name: str
    values: Values | None
    text: str


class Command(NamedTuple):
    """A command: what it does, its options, and the values of its positional arguments."""

    text: str
    options: tuple[Option, ...]
    positional: Values


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    places = ", ".join(f"{shell}: {place}" for shell, place in PLACES.items())
    parser.add_argument("shell", choices=SHELLS, help=f"the shell; the script belongs in {places}")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    script = SHELLS[args.shell](all_commands())
    result(script.rstrip("\n"), {"shell": args.shell, "script": script}, as_json=args.json)
    return 0


def all_commands() -> dict[str, Command]:
    """Name -> command, of all parsers."""
    from .__main__ import COMMANDS, build_parser  # noqa: PLC0415 - it imports this module

    found = {}
    for name, text in COMMANDS.items():
        (commands,) = (
            action
            for action in build_parser(name)._actions
            if isinstance(action, argparse._SubParsersAction)
        )
        actions = commands.choices[name]._actions
        options = [
            Option(long, values_of(action), re.split("[;:]", action.help or "")[0])
            for action in actions
            for long in action.option_strings
            if long.startswith("--")
        ]
        taken = [values_of(action) for action in actions if not action.option_strings]
        values = [one for one in taken if one is not None]
        words = dict.fromkeys(word for one in values for word in one.words)
        positional = Values(tuple(words), any(one.files for one in values))
        found[name] = Command(text, tuple(options), positional)
    return found


def values_of(action: argparse.Action) -> Values | None:
    """What an argument takes; None for a flag."""
    if action.nargs == 0:
        return None
    if action.choices is not None:
        return Values(tuple(map(str, action.choices)), files=False)
    if action.type is model_file:
        return Values(models.names(), files=True)
    if action.dest == "data":
        return Values(tuple(data.cards()), files=True)
    if action.dest == "net":
        return Values(tuple(name.split(":")[0] for name in nn.families()), files=True)
    return Values((), files=action.type is Path or str(action.metavar).endswith(("FILE", "DIR")))


def bash(commands: dict[str, Command]) -> str:
    """A script for bash 3.2 and later."""
    return f"""\
# Completion of drypoint in bash. Written by: drypoint completion bash
{_function(commands)}
_drypoint_words() {{
    COMPREPLY+=($(compgen -W "$*" -- "$_drypoint_word"))
}}
_drypoint_files() {{
    local IFS=$'\\n'
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen -f -- "$_drypoint_word"))
}}
_drypoint_bash() {{
    local _drypoint_word=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}}
    COMPREPLY=()
    [ "$COMP_CWORD" -gt 1 ] || command=
    _drypoint_offer "$command" "${{COMP_WORDS[COMP_CWORD - 1]}}" "$_drypoint_word"
}}
complete -F _drypoint_bash drypoint
"""


def zsh(commands: dict[str, Command]) -> str:
    """A script for zsh, to be sourced after ``compinit`` or put into a folder of ``fpath``."""
    return f"""\
#compdef drypoint
# Completion of drypoint in zsh. Written by: drypoint completion zsh
{_function(commands)}
_drypoint_words() {{
    compadd -- "$@"
}}
_drypoint_files() {{
    _files
}}
_drypoint() {{
    local command=$words[2]
    (( CURRENT > 2 )) || command=
    _drypoint_offer "$command" "$words[CURRENT-1]" "$PREFIX"
}}
if [[ $funcstack[1] = _drypoint ]]; then
    _drypoint
else
    compdef _drypoint drypoint
fi
"""


def fish(commands: dict[str, Command]) -> str:
    """A script for fish."""
    lines = ["# Completion of drypoint in fish. Written by: drypoint completion fish"]
    lines.append("complete -c drypoint -f")
    for name, command in commands.items():
        first = f"complete -c drypoint -n __fish_use_subcommand -a {name}"
        lines.append(f"{first} -d {_quoted(command.text)}")
        where = f"complete -c drypoint -n '__fish_seen_subcommand_from {name}'"
        if command.positional.files:
            lines.append(f"{where} -F")
        if command.positional.words:
            lines.append(f"{where} -a {_quoted(' '.join(command.positional.words))}")
        for option in command.options:
            line = f"{where} -l {option.name[2:]} -d {_quoted(option.text)}"
            if option.values is not None:
                line += " -r" if option.values.files else " -x"
                if option.values.files:
                    line += " -F"
                if option.values.words:
                    line += f" -a {_quoted(' '.join(option.values.words))}"
            lines.append(line)
    return "\n".join(lines) + "\n"


PLACES = {
    "bash": "~/.local/share/bash-completion/completions/drypoint",
    "zsh": "a folder of $fpath, as _drypoint",
    "fish": "~/.config/fish/completions/drypoint.fish",
}
SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}


def _function(commands: dict[str, Command]) -> str:
    """The shell function that offers words and files for a command, the word before and a word."""
    lines = [
        "_drypoint_offer() {  # command or nothing, the word before, the word",
        '    case "$1 $2" in',
    ]
    for name, command in commands.items():
        for option in command.options:
            if option.values is not None:
                pattern = shlex.quote(f"{name} {option.name}")
                lines.append(f"    {pattern}) {_offer(option.values)}; return ;;")
    lines += ["    esac", '    case "$1 $3" in']
    first = Values((*commands, "--help", "--version"), files=False)
    lines.append(f"    ' '*) {_offer(first)} ;;")
    for name, command in commands.items():
        names = Values(tuple(option.name for option in command.options), files=False)
        lines.append(f"    '{name} -'*) {_offer(names)} ;;")
        lines.append(f"    '{name} '*) {_offer(command.positional)} ;;")
    return "\n".join([*lines, "    esac", "}"])


def _offer(values: Values) -> str:
    calls = [f"_drypoint_words {shlex.join(values.words)}"] if values.words else []
    calls += ["_drypoint_files"] if values.files else []
    return "; ".join(calls) or ":"


def _quoted(text: str) -> str:
    """Text in single quotes of fish, which escapes by a backslash."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("%%", "%")
    return f"'{escaped}'"
