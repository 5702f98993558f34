"""The program: a graph of ops, its two borders and its memory plan. Valid by construction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._listing import listing
from ._ops import Op, WeightedOp
from ._plan import Plan, Reads, check_plan, last_readers
from ._planner import lower_bound, make_plan
from ._tensors import NUMPY_TYPE, DType, ProgramError, Shape, Tensor

NO_PLAN = Plan((), (), 0)  # the planner makes one
MAX_COUNT = 0xFFFF  # of ops and of labels: 16 bits in the blob
MAX_STEPS = 2**64 - 1  # dpt_steps has 64 bits


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Program:
    """What the engine runs; the Python twin of ``dpt_model``.

    Tensor 0 is the program's input, tensor i + 1 the output of op i. ``reads[i]`` holds the numbers
    of the tensors that op i reads, each at most i; without ``reads`` every op reads the output of
    the op before it. ``plan`` is where outputs lie in the arena; without one the planner makes it.

    ``input_scale`` and ``output_scale`` are the only floating-point numbers: the real value of an
    input is its scale times the integer less its zero point, the real value of an output its scale
    times the integer. A program with an ``encoder`` (a config that
    ``drypoint.data.encoder_from_config`` reads) takes the encoder's uint8 pixels. ``softmax`` says
    that the outputs are logits of a distribution; ``decoder`` is the config of the classes.
    """

    name: str
    ops: tuple[Op, ...]
    input_scale: float
    output_scale: float
    reads: Reads = ()
    plan: Plan = NO_PLAN
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
        if not self.reads:
            object.__setattr__(self, "reads", tuple((i,) for i in range(len(self.ops))))
        self._check_edges()
        if not self.plan.offsets:
            object.__setattr__(self, "plan", make_plan(self.ops, self.reads))
        check_plan(self.ops, self.reads, self.plan)
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

    def _check_edges(self) -> None:
        """Every op reads earlier tensors as they are, and every output but the last is read."""
        if len(self.reads) != len(self.ops):
            raise ProgramError(f"reads has {len(self.reads)} rows for {len(self.ops)} ops")
        for i, (op, tensors) in enumerate(zip(self.ops, self.reads, strict=True)):
            if len(tensors) != op.arity or not all(0 <= tensor <= i for tensor in tensors):
                raise ProgramError(
                    f"op {op.name!r} reads the tensors {tensors}; wanted: {op.arity} of the "
                    f"tensors 0 to {i}, which are written before it"
                )
            for tensor, read in zip(self.inputs(i), op.inputs, strict=True):
                if tensor != read:
                    raise ProgramError(f"op {op.name!r} reads {read}, but the tensor is {tensor}")
            last = i + 1 == len(self.ops)
            if op.out_type == "i32" and not last:
                raise ProgramError(f"op {op.name!r} writes i32, which only the last op may")
            if op.out_type != "i32" and last:
                raise ProgramError(f"the last op, {op.name!r}, must write i32")
        for op, reader in zip(self.ops[:-1], last_readers(self.reads)[:-1], strict=True):
            if reader == 0:
                raise ProgramError(f"no op reads the output of {op.name!r}")

    def tensor(self, number: int) -> Tensor:
        """The descriptor of a tensor: 0 is the program's input, i + 1 the output of op i."""
        return self.ops[number - 1].output if number > 0 else self.ops[0].inputs[0]

    def inputs(self, index: int) -> tuple[Tensor, ...]:
        """The tensors that an op reads, as the ops that write them describe them."""
        return tuple(map(self.tensor, self.reads[index]))

    @property
    def input(self) -> Tensor:
        """What the program reads."""
        return self.tensor(0)

    @property
    def input_shape(self) -> Shape:
        """The input's plane."""
        return self.input.shape

    @property
    def input_type(self) -> DType:
        """``u8`` or ``i8``."""
        return self.input.type

    @property
    def output_shape(self) -> Shape:
        """The plane of int32 that the last op writes."""
        return self.ops[-1].out_shape

    @property
    def arena_size(self) -> int:
        """Bytes of working memory that a run needs, exactly."""
        return self.plan.arena_size

    @property
    def arena_lower_bound(self) -> int:
        """The largest sum of bytes alive while one op runs: no plan of this program with the same
        groups of ops has a smaller arena."""
        return lower_bound(self.ops, self.reads, self.plan)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run."""
        return sum(op.macs for op in self.ops)

    @property
    def steps(self) -> int:
        """Steps of one run, at most 2**64 - 1, as NUMERICS.md section 7 counts them: the
        multiply-accumulates at positions that pooling reads, and the values that pools read."""
        return min(sum(op.steps for op in self.ops), MAX_STEPS)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights of all ops, as the blob and generated C hold them."""
        return sum(op.weight.size for op in self.ops if isinstance(op, WeightedOp))

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
        ``input / input_scale`` rounded to the nearest integer (halves to even), plus the input's
        zero point, clamped to the range of the input's type.

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
        nearest = np.rint(planes / self.input_scale) + self.input.zero
        integers: NDArray[np.integer] = nearest.clip(limits.min, limits.max).astype(kind)
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
        sizes = {"arena": self.arena_size, "least": self.arena_lower_bound}
        return listing(self.name, self.input, self.ops, self.reads, **sizes)

    def _repr_html_(self) -> str:
        """For notebooks: the listing."""
        return f"<pre>{escape(str(self))}</pre>"


def _check_text(text: str) -> None:
    """Names and labels: what the blob can hold, and C as well."""
    if "\0" in text:
        raise ProgramError(f"{text!r} holds a zero byte, which no name or label may")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ProgramError(f"{text!r} cannot be written in UTF-8") from error
