"""Type checks of public functions' arguments, with errors of one line."""

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
