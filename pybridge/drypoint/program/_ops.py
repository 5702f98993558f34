"""The ops of an integer program: their fields, and the rules that make an op valid.

Names and order of the fields equal ``dpt_op`` in ``engine_c/include/drypoint.h``; section 3 of
``NUMERICS.md`` specifies the arithmetic. ``__post_init__`` checks every rule, so every op is valid.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from drypoint.common import DrypointError

DType = Literal["u8", "i8", "i32"]
Pair = tuple[int, int]

NUMPY_TYPE: dict[DType, type[np.integer]] = {"u8": np.uint8, "i8": np.int8, "i32": np.int32}
LIMITS: dict[DType, Pair] = {"u8": (0, 255), "i8": (-128, 127), "i32": (-(2**31), 2**31 - 1)}
MAX_ELEMENTS = 2**28  # of one activation: DPT_MAX_ELEMENTS
MAX_ACCUMULATOR = 2**31 - 1


class ProgramError(DrypointError, ValueError):
    """An op or a program that breaks a rule of NUMERICS.md; the message names the op."""


class Shape(NamedTuple):
    """A plane: height, width, channels, stored in that order with channels innermost."""

    h: int
    w: int
    c: int

    @property
    def size(self) -> int:
        """Number of values."""
        return self.h * self.w * self.c

    def __str__(self) -> str:
        return f"{self.h}x{self.w}x{self.c}"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Base:
    """What every op has: a name for people, and the planes it reads and writes."""

    name: str
    in_type: DType
    out_type: DType
    in_shape: Shape
    out_shape: Shape

    def __repr__(self) -> str:
        planes = f"{self.in_type} {self.in_shape} -> {self.out_type} {self.out_shape}"
        return f"{type(self).__name__}({self.name!r}: {planes})"

    def _need(self, condition: bool, problem: str) -> None:
        if not condition:
            raise ProgramError(f"op {self.name!r}: {problem}")

    def _check_planes(self) -> None:
        self._need(self.in_type in ("u8", "i8"), f"reads u8 or i8, not {self.in_type}")
        self._need(self.out_type in get_args(DType), f"writes u8, i8 or i32, not {self.out_type}")
        for what, shape in (("input", self.in_shape), ("output", self.out_shape)):
            ok = all(1 <= n <= 0xFFFF for n in shape) and shape.size <= MAX_ELEMENTS
            self._need(ok, f"{what} {shape}: 1 to 65535 a side, at most {MAX_ELEMENTS} values")

    def _check_bytes(self, **fields: Pair) -> None:
        """Small fields are bytes in the blob; all of these start at 1."""
        for what, pair in fields.items():
            self._need(all(1 <= n <= 255 for n in pair), f"{what} {pair} is not within 1 to 255")

    @property
    def input_magnitude(self) -> int:
        """The largest magnitude that an input can have (A in NUMERICS.md section 4)."""
        return 255 if self.in_type == "u8" else 128

    @property
    def out_bytes(self) -> int:
        """Bytes of the output."""
        return self.out_shape.size * NUMPY_TYPE[self.out_type]().itemsize


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Requantized(_Base):
    """An op whose accumulators are requantized: one multiplier a channel, one shift, one clamp."""

    shift: int
    lo: int
    hi: int
    mult: NDArray[np.int32]  # [out.c]; average pool: [1]

    def _check_requantization(self, channels: int) -> None:
        self._need(0 <= self.shift <= 30, f"shift {self.shift} is not within 0 to 30")
        low, high = LIMITS[self.out_type]
        ok = low <= self.lo <= self.hi <= high
        self._need(ok, f"clamp {self.lo}..{self.hi} does not lie in {self.out_type}")
        _freeze(self, "mult", np.int32, (channels,))
        ok = bool((self.mult >= 2).all() and (self.mult % 2 == 0).all())
        self._need(ok, "a multiplier is not an even number of at least 2")

    def _check_bound(self) -> None:
        worst = int(self.acc_bound.max()) << self.shift
        self._need(
            worst <= MAX_ACCUMULATOR, f"an accumulator could reach {worst}, above {MAX_ACCUMULATOR}"
        )

    @property
    def acc_bound(self) -> NDArray[np.int64]:
        """The proven bound of each channel's accumulator, before the shift: int64[channels]."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Weighted(_Requantized):
    """A convolution or a dense op: weights and biases of each output channel."""

    weight: NDArray[np.int8]
    bias: NDArray[np.int32]  # [out.c]

    def _check_weights(self, shape: tuple[int, ...]) -> None:
        _freeze(self, "weight", np.int8, shape)
        _freeze(self, "bias", np.int32, (shape[0],))
        self._need(bool((self.weight != -128).all()), "a weight is -128")
        self._check_requantization(shape[0])
        self._check_bound()

    @property
    def acc_bound(self) -> NDArray[np.int64]:
        """abs(bias) + A * sum of abs(weight): NUMERICS.md section 4. int64[out.c]."""
        rows = np.abs(self.weight.reshape(len(self.weight), -1))  # int8 holds it: none is -128
        magnitude: NDArray[np.int64] = rows.sum(axis=1, dtype=np.int64)
        return np.abs(self.bias.astype(np.int64)) + self.input_magnitude * magnitude


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class _Convolution(_Weighted):
    """Fields of `Conv` and `GroupedConv`: windows, and pooling of the accumulators."""

    kernel: Pair
    stride: Pair = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    pool: Pair = (1, 1)

    def _check_windows(self, channels: int) -> None:
        """Check all fields except groups; ``channels``: input channels that an output reads."""
        self._check_planes()
        self._check_bytes(kernel=self.kernel, stride=self.stride, pool=self.pool)
        ok = all(0 <= n <= 255 for n in self.padding)
        self._need(ok, f"padding {self.padding} is not within 0 to 255")
        plane = self.plane
        wanted = Shape(plane[0] // self.pool[0], plane[1] // self.pool[1], self.out_shape.c)
        self._need(self.out_shape == wanted, f"output {self.out_shape}, but it makes {wanted}")
        self._check_weights((self.out_shape.c, *self.kernel, channels))

    @property
    def plane(self) -> Pair:
        """Height and width before pooling."""
        top, left, bottom, right = self.padding
        return (
            _windows(self.in_shape.h + top + bottom, self.kernel[0], self.stride[0]),
            _windows(self.in_shape.w + left + right, self.kernel[1], self.stride[1]),
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates over the whole plane, padding counted."""
        return self.plane[0] * self.plane[1] * self.weight.size


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Conv(_Convolution):
    """Convolution, bias, maximum over windows of ``pool``, requantization, clamp.

    ``weight`` is int8 [out.c, kernel_h, kernel_w, in.c]; ``padding`` is top, left, bottom, right.
    """

    def __post_init__(self) -> None:
        self._check_windows(self.in_shape.c)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GroupedConv(_Convolution):
    """A convolution of at least 2 ``groups``, which divide the channels of input and output: each
    output reads the channels of its group. With one input channel a group it is depthwise.

    ``weight`` is int8 [out.c, kernel_h, kernel_w, in.c / groups]; the rest is as for `Conv`.
    """

    groups: int

    def __post_init__(self) -> None:
        channels = (self.in_shape.c, self.out_shape.c)
        ok = self.groups >= 2 and all(n % self.groups == 0 for n in channels)
        self._need(
            ok, f"{self.groups} groups do not divide {channels[0]} and {channels[1]} channels"
        )
        self._check_windows(self.in_shape.c // self.groups)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Dense(_Weighted):
    """Every output from every input: ``weight`` is int8 [out.c, in.h * in.w * in.c]."""

    def __post_init__(self) -> None:
        self._check_planes()
        self._need(self.out_shape[:2] == (1, 1), f"output {self.out_shape} is not 1x1xN")
        self._check_weights((self.out_shape.c, self.in_shape.size))

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return int(self.weight.size)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class MaxPool(_Base):
    """The largest value of each window; windows that do not fit are dropped."""

    kernel: Pair
    stride: Pair

    def __post_init__(self) -> None:
        self._check_planes()
        _check_pool(self)
        self._need(self.out_type in (self.in_type, "i32"), "a maximum keeps its type")

    macs = 0


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AvgPool(_Requantized):
    """The mean of each window, as a sum that is requantized; ``mult`` is int32[1]."""

    kernel: Pair
    stride: Pair

    def __post_init__(self) -> None:
        self._check_planes()
        _check_pool(self)
        self._check_requantization(1)
        self._check_bound()

    @property
    def acc_bound(self) -> NDArray[np.int64]:
        """A * window size, int64[1]."""
        return np.array([self.input_magnitude * self.kernel[0] * self.kernel[1]], np.int64)

    macs = 0


Weighted = Conv | GroupedConv | Dense
Op = Weighted | MaxPool | AvgPool


def _check_pool(op: MaxPool | AvgPool) -> None:
    op._check_bytes(kernel=op.kernel, stride=op.stride)
    wanted = Shape(
        _windows(op.in_shape.h, op.kernel[0], op.stride[0]),
        _windows(op.in_shape.w, op.kernel[1], op.stride[1]),
        op.in_shape.c,
    )
    op._need(op.out_shape == wanted, f"output {op.out_shape}, but it makes {wanted}")


def _windows(length: int, kernel: int, stride: int) -> int:
    """How many windows fit along ``length``; 0 or less when none does."""
    return (length - kernel) // stride + 1


def _freeze(op: _Base, field: str, dtype: type[np.integer], shape: tuple[int, ...]) -> None:
    """Replace an array field by a read-only contiguous copy, after checking type and shape."""
    array = getattr(op, field)
    ok = isinstance(array, np.ndarray) and array.dtype == dtype and array.shape == shape
    came = f"{array.dtype}{list(array.shape)}" if isinstance(array, np.ndarray) else repr(array)
    op._need(ok, f"{field} is {came}, not {np.dtype(dtype)}{list(shape)}")
    array = np.array(array, order="C")
    array.setflags(write=False)
    object.__setattr__(op, field, array)
