"""What all ops of an integer program have: tensors, requantization, and the checks of both.

The fields have the names of ``dpt_op``'s fields in ``engine_c/include/drypoint.h``; section 3 of
``NUMERICS.md`` specifies the arithmetic. ``__post_init__`` of an op checks every rule, so every op
is valid.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ._tensors import LIMITS, NUMPY_TYPE, DType, Pair, ProgramError, Shape, Tensor

MAX_ACCUMULATOR = 2**31 - 1


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
    """

    number: ClassVar[int]
    kind: ClassVar[str]
    arity: ClassVar[int] = 1
    in_place: ClassVar[bool] = False

    name: str
    inputs: tuple[Tensor, ...]
    output: Tensor

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
    def steps(self) -> int:
        """Steps of the op, as NUMERICS.md section 7 counts them."""
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

    def freeze(self, field: str, dtype: type[np.integer], shape: tuple[int, ...]) -> None:
        """Replace an array field by a read-only contiguous copy, after checking type and shape."""
        array = getattr(self, field)
        ok = isinstance(array, np.ndarray) and array.dtype == dtype and array.shape == shape
        shown = isinstance(array, np.ndarray)
        came = f"{array.dtype}{list(array.shape)}" if shown else repr(array)
        self.need(ok, f"{field} is {came}, not {np.dtype(dtype)}{list(shape)}")
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

    def check_requantization(self, channels: int) -> None:
        """Check shift, clamp, biases, multipliers, and that no accumulator overflows."""
        self.need(0 <= self.shift <= 30, f"shift {self.shift} is not within 0 to 30")
        low, high = LIMITS[self.out_type]
        ok = low <= self.lo <= self.hi <= high
        self.need(ok, f"clamp {self.lo}..{self.hi} does not lie in {self.out_type}")
        self.freeze("bias", np.int32, (channels,))
        self.freeze("mult", np.int32, (channels,))
        ok = bool((self.mult >= 2).all() and (self.mult % 2 == 0).all())
        self.need(ok, "a multiplier is not an even number of at least 2")
        worst = int(self.acc_bound.max()) << self.shift
        self.need(
            worst <= MAX_ACCUMULATOR, f"an accumulator could reach {worst}, above {MAX_ACCUMULATOR}"
        )

    @property
    def acc_bound(self) -> NDArray[np.int64]:
        """The proven bound of each accumulator, before the shift: int64, as many as biases."""
        return np.abs(self.bias.astype(np.int64)) + self.input_bound

    @property
    def input_bound(self) -> NDArray[np.int64]:
        """What the inputs add to the bound at most: int64, as many as biases, or one."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class WindowedOp(BaseOp):
    """An op that reads windows of its input: kernel, stride, and padding around the plane.

    ``kernel`` and ``stride`` are (height, width), 1 to 65535; ``padding`` is top, left, bottom,
    right, 0 to 65535.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def check_windows(self, **more: Pair) -> None:
        """Check the ranges of kernel, stride, padding and other pairs that begin at 1."""
        for what, pair in {"kernel": self.kernel, "stride": self.stride, **more}.items():
            ok = all(1 <= n <= 0xFFFF for n in pair)
            self.need(ok, f"{what} {pair} is not within 1 to 65535")
        ok = all(0 <= n <= 0xFFFF for n in self.padding)
        self.need(ok, f"padding {self.padding} is not within 0 to 65535")

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


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PaddedOp(WindowedOp):
    """A windowed op that computes with its padding.

    A padded place of channel c reads ``pad[c]``: the integer that real zero is in the input, u8 or
    i8 [in.c] as the input's type. None: 0 for all channels.
    """

    pad: NDArray[np.integer] | None = None

    def check_pad(self) -> None:
        """Check the padding values."""
        if self.pad is not None:
            self.need(any(self.padding), "has padding values, but no padding")
            self.freeze("pad", NUMPY_TYPE[self.in_type], (self.in_shape.c,))
