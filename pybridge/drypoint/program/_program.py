"""The program: a straight line of ops, its two borders and its plan. Valid by construction."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._listing import listing
from ._ops import (
    NUMPY_TYPE,
    AvgPool,
    Conv,
    Dense,
    DType,
    GroupedConv,
    MaxPool,
    Op,
    ProgramError,
    Shape,
    Weighted,
)

MAX_COUNT = 0xFFFF  # of ops and of labels: 16 bits in the blob
MAX_STEPS = 2**64 - 1  # dpt_steps has 64 bits


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Program:
    """What the engine runs; the Python twin of ``dpt_model``.

    ``input_scale`` and ``output_scale`` are the only floating-point numbers: the real value of an
    input (an output) is its scale times the integer. A program with an ``encoder`` (a config that
    ``drypoint.data.encoder_from_config`` reads) takes the encoder's uint8 pixels. ``softmax``
    says that the outputs are logits of a distribution; ``decoder`` is the config of the classes.
    """

    name: str
    ops: tuple[Op, ...]
    input_scale: float
    output_scale: float
    softmax: bool = False
    labels: tuple[str, ...] = ()
    encoder: Mapping[str, Any] | None = None
    decoder: Mapping[str, Any] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.ops:
            raise ProgramError(f"program {self.name!r} has no ops")
        if len(self.ops) > MAX_COUNT:
            raise ProgramError(f"{len(self.ops)} ops; a program has at most {MAX_COUNT}")
        for before, op in itertools.pairwise(self.ops):
            if (before.out_type, before.out_shape) != (op.in_type, op.in_shape):
                raise ProgramError(
                    f"op {op.name!r} reads {op.in_type} {op.in_shape}, but {before.name!r} "
                    f"writes {before.out_type} {before.out_shape}"
                )
            if before.out_type == "i32":
                raise ProgramError(f"op {before.name!r} writes i32, which only the last op may")
        if self.ops[-1].out_type != "i32":
            raise ProgramError(f"the last op, {self.ops[-1].name!r}, must write i32")
        if self.labels and len(self.labels) != self.output_shape.size:
            raise ProgramError(f"{len(self.labels)} labels for {self.output_shape.size} outputs")
        if len(self.labels) > MAX_COUNT:
            raise ProgramError(f"{len(self.labels)} labels; a program has at most {MAX_COUNT}")
        for text in (self.name, *(op.name for op in self.ops), *self.labels):
            _check_text(text)
        for what, config in (("encoder", self.encoder), ("decoder", self.decoder)):
            if not isinstance(config, Mapping | None):
                raise ProgramError(f"the {what} is {config!r}, neither a mapping nor None")
        if not isinstance(self.provenance, Mapping):
            raise ProgramError(f"the provenance is {self.provenance!r}, not a mapping")
        for what, scale in (("input", self.input_scale), ("output", self.output_scale)):
            if not (np.isfinite(scale) and scale > 0):
                raise ProgramError(f"the {what} scale is {scale}, not a positive number")

    @property
    def input_shape(self) -> Shape:
        """The plane that the first op reads."""
        return self.ops[0].in_shape

    @property
    def input_type(self) -> DType:
        """``u8`` or ``i8``."""
        return self.ops[0].in_type

    @property
    def output_shape(self) -> Shape:
        """The plane of int32 that the last op writes."""
        return self.ops[-1].out_shape

    @property
    def out_offsets(self) -> tuple[int, ...]:
        """The offset of each op's output in the arena, in bytes; 0 for the last op, whose output is
        outside the arena.

        In a straight line only an op's input and output are alive at once, so outputs lie at the
        low end and at the high end in turn. This plan is optimal: the arena is the largest sum of
        two neighbouring activations.
        """
        sizes, end = [op.out_bytes for op in self.ops[:-1]], self.arena_size
        return (*(0 if i % 2 == 0 else end - n for i, n in enumerate(sizes)), 0)

    @property
    def arena_size(self) -> int:
        """Bytes of working memory that a run needs, exactly."""
        sizes = [0, *(op.out_bytes for op in self.ops[:-1]), 0]
        return max(a + b for a, b in itertools.pairwise(sizes))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return sum(op.macs for op in self.ops)

    @property
    def steps(self) -> int:
        """Steps of one run, at most 2**64 - 1, as NUMERICS.md section 7 counts them: the
        multiply-accumulates at positions that pooling reads, and the values that pools read."""
        return min(sum(map(_steps, self.ops)), MAX_STEPS)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights of all ops, as the blob and generated C hold them."""
        return sum(op.weight.size for op in self.ops if isinstance(op, Weighted))

    def check_input(self, x: ArrayLike) -> NDArray[np.integer]:
        """``x`` as the batch (N, h, w, c) that the first op reads; never casts values.

        One example, or a batch; the channel axis may be left out when there is one channel.

        Raises:
            ProgramError: wrong type or shape.
        """
        try:
            x = np.asarray(x)
        except ValueError as error:
            raise ProgramError("inputs are rows of different lengths, not an array") from error
        wanted = NUMPY_TYPE[self.input_type]
        shape = tuple(self.input_shape)
        if x.dtype != wanted:
            real = x.dtype.kind == "f" and self.encoder is None
            hint = ": integers(x) of the program makes them" if real else ""
            raise ProgramError(f"inputs are {x.dtype}, the program reads {np.dtype(wanted)}{hint}")
        plain = (shape, shape[:2]) if shape[2] == 1 else (shape,)
        if x.shape in plain:
            return x.reshape(1, *shape)
        if x.shape[1:] in plain:
            return x.reshape(len(x), *shape)
        raise ProgramError(f"inputs are {x.shape}, the program reads {shape} or a batch of them")

    def integers(self, inputs: ArrayLike) -> NDArray[np.integer]:
        """Real inputs as the integers that the first op reads, for a program without an encoder:
        ``input / input_scale`` rounded to the nearest integer (halves to even), clamped to the
        range of the input's type.

        Args:
            inputs: (N, C, H, W) or (N, n), what the float net takes; N = 1 may be left out.

        Returns:
            uint8 or int8 (N, h, w, c).

        Raises:
            ProgramError: another shape, NaN, or the program reads pixels, which are bytes already.
        """
        if self.encoder is not None:
            raise ProgramError("the program reads the pixels of its encoder, which are integers")
        values, (h, w, c) = np.asarray(inputs, np.float64), self.input_shape
        one = (c, h, w) if values.ndim > 2 or (h, w) != (1, 1) else (c,)
        values = values[None] if values.shape == one else values
        if values.shape[1:] != one:
            raise ProgramError(f"inputs are {values.shape}, the float net reads {one} or a batch")
        if np.isnan(values).any():
            raise ProgramError("inputs must not be NaN")
        planes = values.reshape(len(values), c, h, w).transpose(0, 2, 3, 1)
        kind = np.dtype(NUMPY_TYPE[self.input_type])
        limits = np.iinfo(kind)
        nearest = np.rint(planes / self.input_scale).clip(limits.min, limits.max)
        integers: NDArray[np.integer] = nearest.astype(kind)
        return integers

    def real(self, outputs: NDArray[np.int32]) -> NDArray[np.float64]:
        """The outputs as real numbers; probabilities when the program ends in a softmax."""
        values: NDArray[np.float64] = outputs.astype(np.float64) * self.output_scale
        if not self.softmax:
            return values
        powers = np.exp(values - values.max(axis=-1, keepdims=True))
        probabilities: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
        return probabilities

    def __repr__(self) -> str:
        work = f"{len(self.ops)} ops, {self.macs:,} MACs, arena {self.arena_size:,}"
        return f"Program({self.name!r}: {self.input_type} {self.input_shape}; {work})"

    def __str__(self) -> str:
        return listing(self.name, self.ops, self.arena_size)

    def _repr_html_(self) -> str:
        """For notebooks: the listing."""
        return f"<pre>{escape(str(self))}</pre>"


def _steps(op: Op) -> int:
    """Multiply-accumulates of one op, or the values that its windows read."""
    match op:
        case Conv() | GroupedConv():
            positions = op.out_shape.h * op.pool[0] * op.out_shape.w * op.pool[1]
            return int(positions * op.weight.size)
        case Dense():
            return int(op.weight.size)
        case MaxPool() | AvgPool():
            return op.out_shape.size * op.kernel[0] * op.kernel[1]
        case _:
            assert_never(op)


def _check_text(text: str) -> None:
    """Names and labels: what the blob can hold, and C as well."""
    if "\0" in text:
        raise ProgramError(f"{text!r} holds a zero byte, which no name or label may")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ProgramError(f"{text!r} cannot be written in UTF-8") from error
