"""Parts that need a package which is not always installed."""


def how_to_install(extra: str) -> str:
    """The command that brings the packages of an extra, for a message: where drypoint is installed,
    and in a clone, which no package index has.
    """
    return f"pip install 'drypoint[{extra}]' (in a clone: .venv/bin/pip install '.[{extra}]')"
