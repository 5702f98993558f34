"""The public names of drypoint, by surface: Python, command line, C, generated C.

``tests/api`` holds the names of the last release; before the first one, of the day on which the
changelog was begun. CHANGELOG.md names every name that is new or gone since: `unexplained_names`
finds the others. A release records the names again: ``python tests/support/public_names.py``.
docs/project.md says what a version number promises for each surface.
"""

import argparse
import importlib
import inspect
import re
from pathlib import Path

import numpy as np

import drypoint
from drypoint import models
from drypoint.cli.__main__ import COMMANDS, build_parser
from drypoint.program import codegen

ROOT = Path(__file__).parents[2]
API = ROOT / "tests/api"
INNER = {"bench", "cli", "common", "devices", "graph"}
"""Parts without a promise: they serve the command line and the other parts."""
_WORD = re.compile(r"--[\w-]+|\w+\.[ch]\b|\w+")  # an option, a C file, an identifier


def python_names() -> list[str]:
    """Every name that a part's ``__init__.py`` gives, and the names of the modules among them.

    A submodule with a public file name (`drypoint.autodiff.trace`) is plumbing of other parts.
    """
    found = ["drypoint.__version__"]
    for part in sorted(set(drypoint._PARTS) - INNER):
        module = importlib.import_module(f"drypoint.{part}")
        for name, thing in vars(module).items():
            if name.startswith("_") or name == "annotations":
                continue
            if not inspect.ismodule(thing):
                found.append(f"drypoint.{part}.{name}")
            elif thing.__name__ == f"{module.__name__}._{name}":  # `blob`, made of `_blob`
                inner = getattr(thing, "__all__", None) or _definitions(thing)
                found += [f"drypoint.{part}.{name}.{attribute}" for attribute in inner]
    return sorted(set(found))


def _definitions(module: object) -> list[str]:
    """The public functions and classes that a module defines itself."""
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", "") == module.__name__
    ]


def command_line_names() -> list[str]:
    """Every command with its positional arguments and options."""
    found = ["drypoint --help", "drypoint --version", "python -m drypoint"]
    for command in COMMANDS:
        choices = next(
            action.choices
            for action in build_parser(command)._actions
            if isinstance(action, argparse._SubParsersAction)
        )
        for action in choices[command]._actions:
            found += [
                f"drypoint {command} {word}" for word in action.option_strings or [action.dest]
            ]
    return sorted(found)


def c_names() -> list[str]:
    """Every macro, type, constant and function of the public headers."""
    folder = ROOT / "engine_c/include"
    text = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.h")))
    code = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    return sorted(set(re.findall(r"\b(?:DPT|dpt)_\w+", code)) - {"DRYPOINT_H"})


def generated_names() -> list[str]:
    """The files of the plain form of a model called NAME, and the names that they define; of a
    streaming model too."""
    program = models.load_program("lenet-mnist")
    found = {"name_selftest()"}
    for variant in (program, program.streaming()):
        texts = codegen.generate(variant, "name", np.zeros((28, *variant.input_shape), np.uint8))
        macros = re.findall(r"#define (NAME_\w+)", texts["name.h"])
        externs = re.findall(r"\b(name\w*)(?=[;(])", texts["name.h"])
        found |= {*texts, *macros, *externs}
    return sorted(found - {"NAME_H"})


def unexplained_names(before: list[str], after: list[str], changelog: str) -> list[str]:
    """The names that are in one list only, and that no code of *Unreleased* in CHANGELOG.md names.

    The code names `drypoint.nn.Conv2d` by its last part, `Conv2d`; code is what stands between
    backticks.
    """
    section = changelog.partition("\n## Unreleased\n")[2].partition("\n## ")[0]
    named = set(_WORD.findall(" ".join(re.findall(r"`([^`]+)`", section))))
    changed = sorted(set(before) ^ set(after))
    return [name for name in changed if _WORD.findall(name)[-1] not in named]


SURFACES = {
    "python": python_names,
    "command-line": command_line_names,
    "c": c_names,
    "generated-c": generated_names,
}


if __name__ == "__main__":
    API.mkdir(exist_ok=True)
    for surface, names in SURFACES.items():
        (API / f"{surface}.txt").write_text("\n".join(names()) + "\n", "utf-8")
        print(f"wrote {API / surface}.txt: {len(names())} names")
