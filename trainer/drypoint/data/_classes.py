"""Classes: the labels that a classifier tells apart, and their place in its output."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ._errors import CoderError, UnknownClassError

Class = str | int


def checked_classes(classes: object) -> tuple[Class, ...]:
    """The classes as a tuple of str and int (NumPy scalars become plain values).

    Raises:
        CoderError: no classes, the same one twice, or one that is neither str nor int.
    """
    if isinstance(classes, str) or not isinstance(classes, Iterable):
        raise CoderError(f"classes must be a list of labels, not {classes!r}")
    plain = tuple(plain_label(label) for label in classes)
    for label in plain:
        if isinstance(label, bool) or not isinstance(label, str | int):
            raise CoderError(f"a class must be a str or an int, not {label!r}")
    if not plain or len(set(plain)) != len(plain):
        raise CoderError(f"classes must be distinct and at least one, not {list(plain)}")
    return plain  # type: ignore[return-value]  # the loop has narrowed each element


def class_names(names: Sequence[str]) -> tuple[Class, ...]:
    """Classes out of names as text: ints if all are whole numbers ("7", not "07"), else as they
    are.
    """
    return tuple(map(int, names)) if all(map(is_whole, names)) else tuple(names)


def is_whole(name: str) -> bool:
    """Whether a name is a number as Python writes it: "7", not "07"."""
    return name.isascii() and name.isdigit() and str(int(name)) == name


def plain_label(label: object) -> object:
    """A NumPy scalar as the Python value it holds, anything else unchanged."""
    return label.item() if isinstance(label, np.generic) else label


def class_places(
    classes: Sequence[Class], known: Sequence[Class], *, owner: str = "the model"
) -> NDArray[np.int64]:
    """The place of each class among other classes, by its name.

    A whole number and its digits name one class: 7 and "7".

    Args:
        classes: the names sought, those of the data.
        known: the names that they are sought among, those of the model.
        owner: what the message calls the side of ``known``.

    Returns:
        int64 (len(classes),): ``known[places[i]]`` names the class ``classes[i]``.

    Raises:
        UnknownClassError: ``known`` lacks some of ``classes``; the line names them.
    """
    exact = {name: place for place, name in enumerate(known)}
    digits = {str(name): place for place, name in reversed(tuple(enumerate(known)))}
    places = [exact.get(name, digits.get(str(name))) for name in classes]
    missing = [name for name, place in zip(classes, places, strict=True) if place is None]
    if missing:
        raise UnknownClassError(
            f"the data have {listed(missing)}, which {owner} lacks; its classes: {listed(known)}"
        )
    if len(set(places)) < len(places):  # 7 and "7" on one side, only one of them on the other
        twice = next(n for n, p in zip(classes, places, strict=True) if places.count(p) > 1)
        raise UnknownClassError(f"the data have {twice!r} and {str(twice)!r}, {owner} only one")
    return np.array(places, dtype=np.int64)


def listed(classes: Sequence[Class]) -> str:
    """At most 20 classes, for a message."""
    return ", ".join(map(repr, classes[:20])) + (", ..." if len(classes) > 20 else "")
