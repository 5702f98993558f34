"""Where the engine's C files are: in the installed package, or in the checkout."""

from pathlib import Path

HERE = Path(__file__).parent


def _root() -> Path:
    """The folder with ``include`` and ``src``."""
    checkout = HERE.parents[2] / "engine_c"
    return checkout if checkout.is_dir() else HERE / "c"


def include_dir() -> Path:
    """The folder that holds ``drypoint.h``."""
    return _root() / "include"


def headers() -> list[Path]:
    """The public headers: for C and for C++."""
    return sorted(include_dir().glob("drypoint.h*"))


def c_sources() -> list[Path]:
    """The C files of the engine and their internal header, sorted by name."""
    return sorted((_root() / "src").glob("dpt_*.[ch]"))
