"""Packages of other frameworks, imported when a function needs them."""

import importlib
from typing import Any

from drypoint.common import MissingPackageError, how_to_install


def package(name: str, *, extra: str) -> Any:
    """A module of another framework."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        top = name.partition(".")[0]
        failed = "" if error.name in (name, top) else f" (its import fails: {error})"
        raise MissingPackageError(
            f"this needs the package {top}: {how_to_install(extra)}{failed}"
        ) from error
