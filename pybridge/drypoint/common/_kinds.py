"""Type checks of public functions' arguments, with errors of one line."""

import inspect
from collections.abc import Callable

from ._errors import DrypointError

_READERS = {  # the module of a framework's base class -> what makes a net of it
    "torch.nn.modules.module": "interop.from_torch(module, example)",
    "keras.src.layers.layer": "interop.from_keras(model)",
}


def check_kind(
    value: object,
    kinds: type | tuple[type, ...],
    *,
    name: str,
    wanted: str,
    error: type[DrypointError] = DrypointError,
) -> None:
    """Refuse an argument that has none of the types ``kinds``.

    Args:
        value: the argument.
        kinds: the accepted types; a protocol must be ``runtime_checkable``.
        name: the argument's name in the message.
        wanted: the accepted values in the message: "a Program, as quantize() gives".
        error: the class of the error.

    Raises:
        DrypointError: of the class ``error``: "<name> is <what came>; wanted: <wanted>".
    """
    if not isinstance(value, kinds):
        raise error(f"{name} is {kind_of(value)}; wanted: {wanted}")


def check_arguments(
    function: Callable[..., object],
    arguments: str,
    *,
    name: str,
    error: type[DrypointError] = DrypointError,
) -> None:
    """Refuse a function that cannot be called with some arguments, before it is called.

    Args:
        function: a user's; one in C whose arguments Python does not know is not checked.
        arguments: "step, total"; behind a star by keyword: "images, *, seed".
        name: the function's name in the message.
        error: the class of the error.

    Raises:
        DrypointError: of the class ``error``; it names the arguments that came and were wanted.
    """
    try:
        takes = inspect.signature(function)
    except ValueError:
        return
    by_place, _, by_keyword = arguments.partition(", *, ")
    keywords = by_keyword.split(", ") if by_keyword else []
    try:
        takes.bind(*by_place.split(", "), **dict.fromkeys(keywords))
    except TypeError:
        raise error(f"{name} takes {takes}; wanted: a function of ({arguments})") from None


def kind_of(value: object) -> str:
    """The kind of a value, for a message: "a Dataset", "an array float32 (3, 8)", "None"."""
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, type):
        return f"the class {value.__name__}, not one of its instances"
    name = type(value).__name__
    if name == "ndarray":
        return f"an array {value.dtype} {value.shape}"  # type: ignore[attr-defined]
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, tuple | list):
        return f"a {name} of {len(value)}"
    bases = (base.__module__ for base in type(value).__mro__)
    reader = next((_READERS[base] for base in bases if base in _READERS), "")
    of_framework = f" ({reader} makes a net of it)" if reader else ""
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}{of_framework}"
