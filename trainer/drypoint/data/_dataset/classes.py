"""Classes: the labels of a classifier, their indices in its output, which of them are words."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .._errors import CoderError, UnknownClassError

Class = str | int


def check_classes(classes: object) -> tuple[Class, ...]:
    """The classes as a tuple of str and int (NumPy scalars become plain values)."""
    if isinstance(classes, str) or not isinstance(classes, Iterable):
        hint = f": range({classes}) is 0 to {classes - 1}" if type(classes) is int else ""
        raise CoderError(f"classes must be a list of labels, not {classes!r}{hint}")
    plain = tuple(plain_label(label) for label in classes)
    for label in plain:
        if isinstance(label, bool) or not isinstance(label, str | int):
            raise CoderError(f"a class must be a str or an int, not {label!r}")
    if not plain or len(set(plain)) != len(plain):
        raise CoderError(f"classes must be distinct and at least one, not {list(plain)}")
    return plain  # type: ignore[return-value]  # the loop has narrowed each element


def class_names(names: Sequence[str]) -> tuple[Class, ...]:
    """Classes from names: ints if all names are whole numbers ("7", not "07"), else the names."""
    return tuple(map(int, names)) if all(map(is_whole, names)) else tuple(names)


def is_whole(name: str) -> bool:
    """Whether a name is a number as Python writes it: "7", not "07"."""
    return name.isascii() and name.isdigit() and str(int(name)) == name


def plain_label(label: object) -> object:
    """A NumPy scalar as the Python value it holds, anything else unchanged."""
    return label.item() if isinstance(label, np.generic) else label


def class_places(
    classes: Sequence[Class], model_classes: Sequence[Class], *, owner: str = "the model"
) -> NDArray[np.int64]:
    """The index of each class in another list of classes, by name.

    A whole number and its digits are one class: 7 and "7".

    Args:
        classes: the classes to look up (of the data).
        model_classes: the list of classes to look them up in (of the model).
        owner: the owner of ``model_classes``, for the message.

    Returns:
        int64 (len(classes),): ``model_classes[places[i]]`` is the class ``classes[i]``.

    Raises:
        UnknownClassError: ``model_classes`` lacks some of ``classes``; the message names them.
    """
    exact = {name: place for place, name in enumerate(model_classes)}
    digits = {str(name): place for place, name in reversed(tuple(enumerate(model_classes)))}
    places = [exact.get(name, digits.get(str(name))) for name in classes]
    missing = [name for name, place in zip(classes, places, strict=True) if place is None]
    if missing:
        numbers = len(missing) == len(model_classes) and all(isinstance(n, int) for n in missing)
        hint = "; in this order they are np.array(classes)[y]" if numbers else ""
        raise UnknownClassError(
            f"the data have {list_classes(missing)}, which {owner} lacks; its classes: "
            f"{list_classes(model_classes)}{hint}"
        )
    if len(set(places)) < len(places):  # 7 and "7" on one side, only one of them on the other
        twice = next(n for n, p in zip(classes, places, strict=True) if places.count(p) > 1)
        raise UnknownClassError(f"the data have {twice!r} and {str(twice)!r}, {owner} only one")
    return np.array(places, dtype=np.int64)


def list_classes(classes: Sequence[Class]) -> str:
    """At most 20 classes as text, for a message."""
    return ", ".join(map(repr, classes[:20])) + (", ..." if len(classes) > 20 else "")


SILENCE, UNKNOWN = "silence", "unknown"
_OTHERS = {
    **dict.fromkeys(("silence", "noise", "background", "backgroundnoise"), SILENCE),
    **dict.fromkeys(("unknown", "other"), UNKNOWN),
}


def word_class(name: Class) -> Class:
    """The class of a folder of recordings: "silence", "unknown" or its name."""
    return _OTHERS.get(re.sub(r"[\s_-]", "", str(name)).lower(), name)


def is_word(name: Class) -> bool:
    """Whether a class is a keyword, which a net that listens may detect.

    No keywords are the classes called noise, background, background noise or silence, and other or
    unknown: in any case, and with underscores, hyphens or spaces anywhere.
    """
    return word_class(name) not in (SILENCE, UNKNOWN)
