"""Planes of integers: their shapes, types and zero points, as section 1 of NUMERICS.md has them."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError

DType = Literal["u8", "i8", "i32", "i16"]
Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, left, bottom, right

NUMPY_TYPE: dict[DType, type[np.integer]] = {
    "u8": np.uint8,
    "i8": np.int8,
    "i32": np.int32,
    "i16": np.int16,
}
LIMITS: dict[DType, Pair] = {
    dtype: (int(np.iinfo(kind).min), int(np.iinfo(kind).max)) for dtype, kind in NUMPY_TYPE.items()
}
MAX_ELEMENTS = 2**28  # of one tensor: DPT_MAX_ELEMENTS


class ProgramError(DrypointError, ValueError):
    """An op or a program that breaks a rule of NUMERICS.md; the message names the op."""


def check_text(text: str) -> None:
    """Refuse a name or a label that the blob, or C, cannot hold."""
    if "\0" in text:
        raise ProgramError(f"{text!r} holds a zero byte, which no name or label may")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ProgramError(f"{text!r} cannot be written in UTF-8") from error


class Shape(NamedTuple):
    """A plane: height, width, channels, stored in that order with channels innermost."""

    h: int
    w: int
    c: int

    @property
    def size(self) -> int:
        """Number of values."""
        return self.h * self.w * self.c

    def channels_first(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values (..., h * w * c) as planes (..., c, h, w), the order of the float net."""
        return np.moveaxis(values.reshape(*values.shape[:-1], *self), -1, -3)

    def __str__(self) -> str:
        return f"{self.h}x{self.w}x{self.c}"


class Tensor(NamedTuple):
    """What an op reads or writes, the twin of ``dpt_tensor``.

    A stored integer q stands for the real value scale * (q - zero); ``zero`` is 0 but for ``i8``,
    where it is -128 to 127.
    """

    shape: Shape
    type: DType
    zero: int = 0

    @property
    def magnitude(self) -> int:
        """The largest magnitude of a stored integer (A in NUMERICS.md section 4)."""
        return {"u8": 255, "i8": 128}.get(self.type, 2**15)

    @property
    def bytes(self) -> int:
        """Bytes of the plane."""
        return self.shape.size * NUMPY_TYPE[self.type]().itemsize

    def problem(self) -> str:
        """What is wrong with the descriptor, or ""."""
        if self.type not in NUMPY_TYPE:
            return f"is of type {self.type}, not {', '.join(NUMPY_TYPE)}"
        if not all(1 <= n <= 0xFFFF for n in self.shape) or self.shape.size > MAX_ELEMENTS:
            return f"is {self.shape}: 1 to 65535 a side, at most {MAX_ELEMENTS} values"
        low, high = LIMITS["i8"] if self.type == "i8" else (0, 0)
        if not low <= self.zero <= high:
            return f"is {self.type} with zero point {self.zero}, not {low} to {high}"
        return ""

    def __str__(self) -> str:
        return f"{self.type} {self.shape}" + (f" zero {self.zero}" if self.zero else "")
