"""``--package``: what the manifest of an exported library states, by options and a TOML file."""

import argparse
import tomllib
from collections.abc import Sequence
from pathlib import Path

from drypoint.common import DrypointError, read_bytes
from drypoint.forms import Package, package_keys

_LARGEST = 1 << 13  # bytes of a TOML file: six texts of 200 characters


def add_package_argument(parser: argparse.ArgumentParser) -> None:
    """``--package``, which may be given several times."""
    parser.add_argument(
        "--package",
        action="append",
        metavar="KEY=VALUE|FILE",
        help=f"a fact that the library's manifest states about your model, of "
        f"{', '.join(package_keys())}; or a TOML file with these keys; may be given again",
    )


def package_of(given: Sequence[str] | None) -> Package:
    """The facts of all ``--package`` options; a later one replaces an earlier one."""
    facts: dict[str, object] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        facts |= {key: value} if equals else _read(Path(text))
    unknown = [key for key in facts if key not in package_keys()]
    if unknown:
        raise DrypointError(
            f"--package knows no {unknown[0]!r}; there are: {', '.join(package_keys())} "
            "(--name names the library)"
        )
    return Package(**facts)  # type: ignore[arg-type]  # Package checks the types


def _read(path: Path) -> dict[str, object]:
    content = read_bytes(path)
    if len(content) > _LARGEST:
        raise DrypointError(f"{path} has {len(content):,} bytes; wanted: at most {_LARGEST:,}")
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise DrypointError(
            f'{path} is no TOML file with lines like version = "1.2.3": {error}'
        ) from error
