"""The gate of public functions: arguments of another kind are refused in one line."""

from ._errors import DrypointError


def check_kind(
    value: object,
    kinds: type | tuple[type, ...],
    *,
    name: str,
    wanted: str,
    error: type[DrypointError] = DrypointError,
) -> None:
    """Refuse an argument that is of none of these types.

    Args:
        value: the argument.
        kinds: the types that are taken; a protocol must be ``runtime_checkable``.
        name: what the line calls the argument: its name.
        wanted: what the line says is wanted, and how to get it: "a Program, as quantize() gives".
        error: what is raised.

    Raises:
        DrypointError: ``error``, in fact: "<name> is <what came>; wanted: <wanted>".
    """
    if not isinstance(value, kinds):
        raise error(f"{name} is {kind_of(value)}; wanted: {wanted}")


def kind_of(value: object) -> str:
    """What a value is, for a message: "a Dataset", "an array float32 (3, 8)", "None"."""
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
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
