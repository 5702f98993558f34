"""Lets Python import a mutant in the place of its file: in the tests, and in what they start."""

import os
from importlib.machinery import SourceFileLoader
from pathlib import Path

_unchanged = SourceFileLoader.get_code


def _get_code(loader, name):
    if Path(loader.path) != Path(os.environ["DRYPOINT_MUTATED"]):
        return _unchanged(loader, name)
    mutant = Path(os.environ["DRYPOINT_MUTANT"]).read_text("utf-8")
    return compile(mutant, loader.path, "exec", dont_inherit=True)


if "DRYPOINT_MUTANT" in os.environ:
    SourceFileLoader.get_code = _get_code
