"""What all ops of an integer program have: tensors, what is known before integers, requantization.

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

from .._tensors import LIMITS, DType, Pair, ProgramError, Shape, Sides, Tensor
from ..lowering import Fields, Given, Lowered, Nature, QuantParams
from ._arithmetic import Plane, requantize
from ._interval import Integers, Interval, Mask

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
        nature: whether the op moves values of its inputs, chooses among them, or computes others.
            Where it computes none, type and zero point stay, or zero point 0 widens to i32.
        keeps_pixels: whether the output of an encoder's pixels is pixels, so that the arithmetic of
            the encoder may follow.
        resamples: whether a row of the output may lie between rows of the input, or repeat one.
        reads_i16, writes_i16: whether the op may read or write 16-bit values.
        remembers: whether the op has bytes of the state of a streaming program.
    """

    number: ClassVar[int]
    kind: ClassVar[str]
    arity: ClassVar[int] = 1
    in_place: ClassVar[bool] = False
    nature: ClassVar[Nature] = "computes"
    keeps_pixels: ClassVar[bool] = False
    resamples: ClassVar[bool] = False
    reads_i16: ClassVar[bool] = False
    writes_i16: ClassVar[bool] = False
    remembers: ClassVar[bool] = False

    name: str
    inputs: tuple[Tensor, ...]
    output: Tensor

    @classmethod
    def is_idle(cls, before: Shape, after: Shape, fields: Fields) -> bool:  # noqa: ARG003
        """Whether a planned op would copy its input."""
        return False

    @classmethod
    def absorb_padding(
        cls,
        fields: Fields,  # noqa: ARG003 - an op on windows says more
        sides: Sides,  # noqa: ARG003
        fill: float,  # noqa: ARG003
        source: QuantParams | None,  # noqa: ARG003
    ) -> Fields | None:
        """The fields of a planned op that has a padding before it as its own; None: it cannot.
        ``fill`` is the real value around the plane, ``source`` of the plane, where a file has it.
        """
        return None

    @classmethod
    def lower(cls, of: Given) -> Lowered | None:  # noqa: ARG003
        """The numbers of an op that computes accumulators; None: it writes values of its input."""
        if cls.nature == "computes":
            raise NotImplementedError(f"{cls.__name__}.lower")
        return None

    @classmethod
    def error(cls, of: Given, errors: Sequence[float]) -> float:  # noqa: ARG003
        """The largest difference of the real accumulator from the exact function, in real units;
        ``errors`` are the error bounds of the inputs.
        """
        return max(errors)

    @classmethod
    def stored_fields(cls, of: Given, channels: int) -> Fields:  # noqa: ARG003
        """The fields of the op: integers in place of real numbers, of an input with channels."""
        return of.fields

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
    def is_wide(self) -> bool:
        """Whether the op reads or writes 16-bit values."""
        return any(tensor.type == "i16" for tensor in (*self.inputs, self.output))

    @property
    def state_bytes(self) -> int:
        """Bytes of the state of a streaming program that the op has."""
        return 0

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

    @property
    def stream_problem(self) -> str:
        """Why no stream, which has one row in a step, can run the op; "": it can."""
        return ""

    def written_channels(self, side: int) -> Integers | None:
        """The output channel that each channel of input ``side`` goes to, -1: to none; None: each
        channel of the output reads them all.
        """
        return np.arange(self.inputs[side].shape.c)

    def narrow_fields(self, source: Mask, output: Mask) -> dict[str, Any]:  # noqa: ARG002
        """The fields that change where only some channels of the first input and of the output
        stay.
        """
        return {}

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
            self.need(
                tensor.type in ("u8", "i8") or (tensor.type == "i16" and self.reads_i16),
                f"reads u8 or i8{' or i16' * self.reads_i16}, not {tensor.type}",
            )
        self.need(not self.output.problem(), f"the output {self.output.problem()}")
        wide = self.out_type == "i16" and not self.writes_i16
        self.need(not wide, "writes i16: wanted: a Lookup, an Add, a Mul or a Delay")

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


def describe_pair(pair: Pair) -> str:
    """A height and a width in words of a listing."""
    return f"{pair[0]}x{pair[1]}"


def describe_stride(
    stride: tuple[int, int], *, usual: tuple[int, int] = (1, 1), what: str = "/"
) -> str:
    """A stride or dilation in words of a listing, or nothing where it is the usual one."""
    return "" if stride == usual else f" {what}{_equal_or(describe_pair(stride), stride)}"


def describe_padding(padding: Sides, what: str = "pad") -> str:
    """Some padding in words of a listing, or nothing; one number where all sides have it."""
    sides = ",".join(map(str, padding))
    return f" {what} {_equal_or(sides, padding)}" if any(padding) else ""


def _equal_or(text: str, numbers: Sequence[int]) -> str:
    """The number that all are, or else a text."""
    return str(numbers[0]) if len(set(numbers)) == 1 else text
