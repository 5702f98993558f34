"""Parts that need a package which is not always installed."""

from ._errors import DrypointError


def how_to_install(extra: str) -> str:
    """The commands, for a message, that install the packages of an extra: for an installed
    drypoint, and for a clone.
    """
    return f"pip install 'drypoint[{extra}]' (in a clone: .venv/bin/pip install '.[{extra}]')"


class MissingPackageError(DrypointError, ImportError):
    """A package of an extra is not installed; the message names the extra and how to install it."""
