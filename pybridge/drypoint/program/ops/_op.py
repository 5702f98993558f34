"""What all ops of an integer program have: tensors, requantization, windows, padding values.

The fields have the names of ``dpt_op``'s fields in ``engine_c/include/drypoint.h``; section 3 of
``NUMERICS.md`` specifies the arithmetic. ``__post_init__`` of an op checks every rule, so every op
is valid. An op answers what others ask of it: what it computes, the interval of its output, the
rows that it reads, its tables in a blob, its line of a listing.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._tensors import LIMITS, NUMPY_TYPE, DType, Pair, ProgramError, Shape, Sides, Tensor
from ._arithmetic import Plane, requantize, surround
from ._interval import Integers, Interval

MAX_ACCUMULATOR = 2**31 - 1

TableShapes = dict[str, tuple[np.dtype[Any], tuple[int, ...]]]


class RowMap(NamedTuple):
    """Row y of an op's output reads ``reach`` rows, from row (y * stride - pad) // grow on."""

    stride: int
    reach: int
    pad: int
    grow: int = 1  # the kernel's height of an upsample and a resize


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BaseOp:
    """What every op has: a name for people, the tensors that it reads, and the one it writes.

    An op does not say where its inputs come from: ``Program.reads`` does.

    Attributes:
        number: the kind's number in a blob, BLOB.md section 3.
        kind: the kind's name in C: ``conv`` for ``DPT_CONV`` and ``dpt_scalar_conv``.
        arity: how many tensors the op reads.
        in_place: whether the op may write over an input of the output's shape: it reads a value
            before it writes at its place.
        copies: whether the op writes values of its inputs: type and zero point stay, or zero point
            0 widens to i32.
    """

    number: ClassVar[int]
    kind: ClassVar[str]
    arity: ClassVar[int] = 1
    in_place: ClassVar[bool] = False
    copies: ClassVar[bool] = False

    name: str
    inputs: tuple[Tensor, ...]
    output: Tensor

    def compute(self, *inputs: Plane) -> Plane:
        """The specification: the output, in any integer type, of planes [N, h, w, c], one for each
        tensor that the op reads.
        """
        raise NotImplementedError

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """The interval of the output, from the intervals of the tensors that the op reads."""
        raise NotImplementedError

    @classmethod
    def table_shapes(cls, of: Any) -> TableShapes:  # noqa: ARG003 - most ops have tables
        """The types and shapes of the op's tables by field; ``of`` is an op, or its record in a
        blob. Among the fields are ``weight`` or ``table``, ``bias``, ``mult``, ``pad``.
        """
        return {}

    def record_fields(self) -> Mapping[str, Any]:
        """The op's fields by the names of a record, which some kinds call otherwise."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @classmethod
    def fields_of_record(cls, record: Any) -> dict[str, Any]:
        """The op's fields of the numbers of its record; refuses a number that means nothing."""
        names = (field.name for field in dataclasses.fields(cls))
        return {name: getattr(record, name) for name in names if hasattr(record, name)}

    def describe(self) -> str:
        """What the op does, in some words of a listing."""
        return self.kind

    @property
    def row_map(self) -> RowMap:
        """Which rows of its input the op reads."""
        return RowMap(1, 1, 0)

    @property
    def runs_by_rows(self) -> bool:
        """Whether the op may run row by row: a row of its output reads some rows of its input."""
        return True

    @property
    def in_shape(self) -> Shape:
        """The shape of the first input."""
        return self.inputs[0].shape

    @property
    def in_type(self) -> DType:
        """The type of the first input."""
        return self.inputs[0].type

    @property
    def out_shape(self) -> Shape:
        """The output's shape."""
        return self.output.shape

    @property
    def out_type(self) -> DType:
        """The output's type."""
        return self.output.type

    def reads_pixel(self, side: int) -> bool:  # noqa: ARG002 - a binary op says more
        """Whether input ``side`` is one pixel that every row of the output reads."""
        return False

    @property
    def macs(self) -> int:
        """Multiply-accumulates of weights, padding counted."""
        return 0

    @property
    def work(self) -> int:
        """Work of the op, as NUMERICS.md section 7 counts them."""
        return self.out_shape.size

    def __repr__(self) -> str:
        planes = f"{', '.join(map(str, self.inputs))} -> {self.output}"
        return f"{type(self).__name__}({self.name!r}: {planes})"

    def need(self, condition: bool, problem: str) -> None:
        """Raise a ProgramError that names the op unless ``condition`` holds."""
        if not condition:
            raise ProgramError(f"op {self.name!r}: {problem}")

    def check_tensors(self) -> None:
        """Check the number of inputs and every descriptor."""
        came = len(self.inputs)
        self.need(came == self.arity, f"{came} inputs, but the op reads {self.arity}")
        for tensor in self.inputs:
            self.need(not tensor.problem(), f"the input {tensor.problem()}")
            self.need(tensor.type != "i32", "reads u8 or i8, not i32")
        self.need(not self.output.problem(), f"the output {self.output.problem()}")

    def check_shape(self, wanted: Shape) -> None:
        """Check the output's shape against the one that the op makes."""
        self.need(self.out_shape == wanted, f"output {self.out_shape}, but it makes {wanted}")

    def check_same_values(self, *sources: Tensor) -> None:
        """Check that an op which copies values keeps type and zero point, or widens to i32."""
        for source in sources:
            kept = (self.output.type, self.output.zero) == (source.type, source.zero)
            widened = self.output.type == "i32" and source.zero == 0
            self.need(
                kept or widened,
                f"copies values, so {source} cannot become {self.output}: type and zero point "
                "stay, or zero point 0 widens to i32",
            )

    def freeze(self, field: str) -> None:
        """Replace a table by a read-only contiguous copy, after checking its type and shape."""
        dtype, shape = self.table_shapes(self)[field]
        array = getattr(self, field)
        shown = isinstance(array, np.ndarray)
        ok = shown and array.dtype == dtype and array.shape == shape
        came = f"{array.dtype}{list(array.shape)}" if shown else repr(array)
        self.need(ok, f"{field} is {came}, not {dtype}{list(shape)}")
        array = np.array(array, order="C")
        array.setflags(write=False)
        object.__setattr__(self, field, array)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class RequantizedOp(BaseOp):
    """An op whose accumulators are requantized: bias, multiplier, one shift, one clamp.

    ``bias`` and ``mult`` have one entry for each output channel, or one for all of them.
    """

    shift: int
    lo: int
    hi: int
    bias: NDArray[np.int32]
    mult: NDArray[np.int32]

    @classmethod
    def biases(cls, of: Any) -> int:  # noqa: ARG003 - an op with weights says more
        """How many biases and multipliers an op or a record has."""
        return 1

    @classmethod
    def table_shapes(cls, of: Any) -> TableShapes:
        """Biases and multipliers."""
        each = np.dtype(np.int32), (cls.biases(of),)
        return {"bias": each, "mult": each} | super().table_shapes(of)

    def check_requantization(self) -> None:
        """Check shift, clamp, biases, multipliers, and that no accumulator overflows."""
        self.need(0 <= self.shift <= 30, f"shift {self.shift} is not within 0 to 30")
        low, high = LIMITS[self.out_type]
        ok = low <= self.lo <= self.hi <= high
        self.need(ok, f"clamp {self.lo}..{self.hi} does not lie in {self.out_type}")
        self.freeze("bias")
        self.freeze("mult")
        ok = bool((self.mult >= 2).all() and (self.mult % 2 == 0).all())
        self.need(ok, "a multiplier is not an even number of at least 2")
        worst = int(self.acc_bound.max()) << self.shift
        self.need(
            worst <= MAX_ACCUMULATOR, f"an accumulator could reach {worst}, above {MAX_ACCUMULATOR}"
        )

    def requantize(self, sums: NDArray[np.integer]) -> NDArray[np.int64]:
        """Sums of products, bias added, as integers of the output's type."""
        acc = sums.astype(np.int32, copy=False) + self.bias
        clamp = (self.lo, self.hi)
        return requantize(acc, self.mult, shift=self.shift, zero=self.output.zero, clamp=clamp)

    def interval(self, sources: Sequence[Interval]) -> Interval:
        """The ends of the sums requantized, which is monotone; int32 holds them: section 4."""
        return Interval(*(self.requantize(end) for end in self.sums(sources)))

    def sums(self, sources: Sequence[Interval]) -> Interval:
        """The interval of the accumulator, the bias not added, in each output channel."""
        raise NotImplementedError

    def accumulators(self, sources: Sequence[Interval]) -> Interval:
        """The interval of the accumulator, the bias added, in each output channel."""
        return Interval(*(end + self.bias for end in self.sums(sources)))

    @property
    def acc_bound(self) -> NDArray[np.int64]:
        """The proven bound of each accumulator, before the shift: int64, as many as biases."""
        return np.abs(self.bias.astype(np.int64)) + self.input_bound

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """What the inputs add to the bound at most: int64, as many as biases, or one."""
        raise NotImplementedError

    def describe(self) -> str:
        """The kind and the clamp."""
        return super().describe() + self.describe_clamp()

    def describe_clamp(self) -> str:
        """A clamp that begins at real zero is a ReLU."""
        return " + relu" if self.lo == self.output.zero else ""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class WindowedOp(BaseOp):
    """An op that reads windows of its input: kernel, stride, and padding around the plane.

    ``kernel`` and ``stride`` are (height, width), 1 to 65535; ``padding`` is top, left, bottom,
    right, 0 to 65535.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)

    def describe_windows(self) -> str:
        """Kernel, stride and padding in words of a listing."""
        stride = describe_stride(self.stride, usual=self.kernel)
        return f"{describe_pair(self.kernel)}{stride}{describe_padding(self.padding)}"

    def check_windows(self, **more: Pair) -> None:
        """Check the ranges of kernel, stride, padding and other pairs that begin at 1."""
        for what, pair in {"kernel": self.kernel, "stride": self.stride, **more}.items():
            ok = all(1 <= n <= 0xFFFF for n in pair)
            self.need(ok, f"{what} {pair} is not within 1 to 65535")
        ok = all(0 <= n <= 0xFFFF for n in self.padding)
        self.need(ok, f"padding {self.padding} is not within 0 to 65535")

    def check_pool(self) -> None:
        """Check tensors and windows of an op on each channel by itself: every window has a place of
        the input.
        """
        self.check_tensors()
        self.check_windows()
        top, left, bottom, right = self.padding
        ok = max(top, bottom) < self.kernel[0] and max(left, right) < self.kernel[1]
        self.need(ok, f"padding {self.padding} is not less than the kernel {self.kernel}")
        self.check_shape(Shape(*self.plane, self.in_shape.c))

    @property
    def reach(self) -> Pair:
        """Rows and columns from the first to the last tap of a window."""
        return self.kernel

    @property
    def plane(self) -> Pair:
        """Height and width of the plane of windows; 0 or less where no window fits."""
        top, left, bottom, right = self.padding
        return (
            (self.in_shape.h + top + bottom - self.reach[0]) // self.stride[0] + 1,
            (self.in_shape.w + left + right - self.reach[1]) // self.stride[1] + 1,
        )

    @property
    def outside(self) -> NDArray[np.integer] | None:
        """What a padded place of each channel reads, as stored; None: 0."""
        return None

    @property
    def row_map(self) -> RowMap:
        """A window's rows."""
        return RowMap(self.stride[0], self.reach[0], self.padding[0])

    @property
    def runs_by_rows(self) -> bool:
        """Whether no window has rows of padding alone."""
        return max(self.padding[0], self.padding[2]) < self.row_map.reach

    @property
    def work(self) -> int:
        """Values that the windows read."""
        return self.out_shape.size * self.kernel[0] * self.kernel[1]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PaddedOp(WindowedOp):
    """A windowed op that computes with its padding.

    A padded place of channel c reads ``pad[c]``: the integer that real zero is in the input, u8 or
    i8 [in.c] as the input's type. None: 0 for all channels.
    """

    pad: NDArray[np.integer] | None = None

    @classmethod
    def table_shapes(cls, of: Any) -> TableShapes:
        """The padding values, which an op may lack."""
        (_, _, channels), dtype, _ = of.inputs[0]
        return super().table_shapes(of) | {"pad": (np.dtype(NUMPY_TYPE[dtype]), (channels,))}

    def check_pad(self) -> None:
        """Check the padding values."""
        if self.pad is not None:
            self.need(any(self.padding), "has padding values, but no padding")
            self.freeze("pad")

    @property
    def outside(self) -> NDArray[np.integer] | None:
        """The padding values."""
        return self.pad

    @property
    def padding_values(self) -> Integers:
        """What a padded place of each input channel reads, int64[in.c]."""
        return (
            np.zeros(self.in_shape.c, np.int64) if self.pad is None else self.pad.astype(np.int64)
        )

    def pad_plane(self, x: Plane) -> Plane:
        """The plane with its padding: what real zero is in each channel."""
        surrounded = surround(x, self.padding, 0)
        if self.pad is not None:
            top, left, _, _ = self.padding
            outside = np.ones(surrounded.shape[1:3], bool)
            outside[top : top + x.shape[1], left : left + x.shape[2]] = False
            surrounded[:, outside] = self.pad
        return surrounded

    def inside(self, axis: int, *, dilation: int = 1, pool: int = 1) -> list[slice]:
        """The different ranges of a kernel's rows (axis 0) or columns (1) inside of the plane.

        Args:
            axis: 0 or 1.
            dilation: from a tap to the next.
            pool: windows for each row or column of the output.
        """
        count = self.out_shape[axis] * pool
        begin = np.arange(count) * self.stride[axis] - self.padding[axis]  # of the first tap
        ends = [
            np.clip(-((begin - edge) // dilation), 0, self.kernel[axis])
            for edge in (0, self.in_shape[axis])
        ]
        return [slice(*pair) for pair in np.unique(np.stack(ends, axis=1), axis=0).tolist()]


def describe_pair(pair: Pair) -> str:
    """A height and a width in words of a listing."""
    return f"{pair[0]}x{pair[1]}"


def describe_stride(stride: Pair, *, usual: Pair = (1, 1), what: str = "/") -> str:
    """A stride or dilation in words of a listing, or nothing where it is the usual one."""
    return "" if stride == usual else f" {what}{_equal_or(describe_pair(stride), stride)}"


def describe_padding(padding: Sides, what: str = "pad") -> str:
    """Some padding in words of a listing, or nothing; one number where all sides have it."""
    sides = ",".join(map(str, padding))
    return f" {what} {_equal_or(sides, padding)}" if any(padding) else ""


def _equal_or(text: str, numbers: Sequence[int]) -> str:
    """The number that all are, or else a text."""
    return str(numbers[0]) if len(set(numbers)) == 1 else text
