"""`Splits`: the parts of a data set, as its source names them."""

from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import DatasetError
from .dataset import Dataset

PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
    "t10k": "test",
}
"""A word in the name of a folder, file or array -> the part that it names."""


ALL = "all"
"""The part of a source that names no parts."""


@dataclass(frozen=True)
class Splits:
    """The parts of a data set: ``splits["train"]``, ``splits["test"]``.

    Attributes:
        parts: "train", "val" and "test", as far as the source names them; else "all".
        where: the source, for messages.
        notes: a line for each choice that reading made for the caller.
    """

    parts: Mapping[str, Dataset]
    where: str
    notes: tuple[str, ...] = ()

    def __getitem__(self, part: str) -> Dataset:
        """The part of a name.

        Raises:
            DatasetError: the source has no such part.
        """
        if part not in self.parts:
            names = ", ".join(self.parts)
            raise DatasetError(f"{self.where} has no part {part!r}; its parts: {names}")
        return self.parts[part]

    def __contains__(self, part: object) -> bool:
        return part in self.parts
