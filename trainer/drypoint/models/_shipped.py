"""The model files in the package, read and checked."""

from importlib.resources import files

from drypoint.common import DrypointError, kind_of, sha256
from drypoint.nn import Model, loads
from drypoint.program import Program, blob

from ._card import ModelCard

_FOLDER = files(__package__) / "shipped"


class UnknownModelError(DrypointError):
    """No shipped model has the name; the message lists the shipped models."""


def names() -> tuple[str, ...]:
    """The names of the shipped models, in alphabetical order."""
    suffix = ".json"
    found = (file.name for file in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(suffix) for name in found if name.endswith(suffix)))


def load(name: str) -> Model:
    """A shipped float model, with its encoder and decoder.

    Args:
        name: one of `names`.

    Raises:
        UnknownModelError: no shipped model has the name.
        DrypointError: the file differs from the shipped file.
    """
    return loads(_content(name, ".npz"))


def load_program(name: str) -> Program:
    """The integer program of a shipped model: for an ``Engine``, or to be exported as C.

    Raises:
        UnknownModelError: no shipped model has the name.
        DrypointError: the file differs from the shipped file.
    """
    return blob.loads(_content(name, ".dpt"))


def card(name: str) -> ModelCard:
    """The card of a shipped model: data, recipe, sizes, accuracy, licence.

    Raises:
        UnknownModelError: no shipped model has the name.
    """
    if not isinstance(name, str) or name not in names():
        known = ", ".join(names())
        shown = repr(name) if isinstance(name, str) else kind_of(name)
        raise UnknownModelError(f"no shipped model is called {shown}; there are: {known}")
    return ModelCard.from_json((_FOLDER / f"{name}.json").read_text("utf-8"))


def _content(name: str, suffix: str) -> bytes:
    """The bytes of a file, checked against the SHA-256 in the card."""
    wanted = card(name).sha256[suffix]
    content = (_FOLDER / f"{name}{suffix}").read_bytes()
    if sha256(content) != wanted:
        raise DrypointError(
            f"the shipped {name}{suffix} has SHA-256 {sha256(content)}, not {wanted}: "
            "install drypoint again"
        )
    return content
