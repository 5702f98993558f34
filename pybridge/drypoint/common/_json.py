"""JSON of results, and JSON from a file that is not trusted."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ._errors import DrypointError

_DEEPEST = 100  # levels of values; readers of the values may recurse
_LARGEST_INTEGER = 2**63  # in magnitude; what NumPy and every other reader of JSON can hold


def parse_json(content: bytes | str, *, largest: int) -> object:
    """The value of a JSON text that is not trusted.

    The value is a tree of dict, list, str, int, float, bool and None: integers have at most 64
    bits, floats are finite, texts can be encoded as UTF-8, and values are nested at most 100 deep.

    Args:
        content: the text, as UTF-8 or decoded.
        largest: the most bytes (characters of a ``str``) that are parsed.

    Raises:
        DrypointError: the text is longer, is no JSON, or breaks one of these bounds.
    """
    if len(content) > largest:
        raise DrypointError(f"{len(content):,} bytes of JSON, at most {largest:,} are read")
    try:
        text = content if isinstance(content, str) else content.decode()
        value = json.loads(text, parse_constant=_refused_constant, object_pairs_hook=_object)
    except RecursionError as error:
        raise DrypointError(f"JSON nested deeper than {_DEEPEST}") from error
    except ValueError as error:  # no UTF-8, no JSON, or an integer of more than 4,300 digits
        raise DrypointError(f"no JSON: {error}") from error
    _check(value)
    return value


def _refused_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """A JSON object whose names are unique."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has one name twice")
    for name in found:
        _check_text(name)
    return found


def _check(value: object) -> None:
    """Check the bounds of `parse_json` level by level, without recursion."""
    level = [value]
    for _ in range(_DEEPEST):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, str):
                _check_text(item)
            elif isinstance(item, float) and not math.isfinite(item):
                raise DrypointError("JSON with a number beyond float64")
            elif isinstance(item, int) and not -_LARGEST_INTEGER <= item < _LARGEST_INTEGER:
                raise DrypointError("JSON with an integer beyond 64 bits")
        level = inner
    if level:
        raise DrypointError(f"JSON nested deeper than {_DEEPEST}")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DrypointError(f"JSON with a text that is no Unicode: {error.reason}") from error


def json_of(result: object, *names: str) -> dict[str, Any]:
    """Attributes of a result by name, each `as_json`."""
    return {name: as_json(getattr(result, name)) for name in names}


def as_json(value: Any) -> Any:
    """A value as JSON types: None for a number that is not finite, the fields of a dataclass."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "to_json"):
        return value.to_json()
    fields = getattr(value, "__dataclass_fields__", None)
    return value if fields is None else json_of(value, *fields)
