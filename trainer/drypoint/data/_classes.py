"""Classes: the labels that a classifier tells apart, and their place in its output."""

from collections.abc import Iterable

import numpy as np

from ._errors import CoderError

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


def plain_label(label: object) -> object:
    """A NumPy scalar as the Python value it holds, anything else unchanged."""
    return label.item() if isinstance(label, np.generic) else label
