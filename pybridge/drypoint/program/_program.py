"""The program: a graph of ops, its two borders and its memory plan. Valid by construction."""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import detection, sound
from drypoint.common import (
    attribute_hints,
    check_suffix,
    count_of,
    html_text,
    read_bytes,
    write_atomic,
)

from ._aliases import PROGRAM_HINTS
from ._anomaly import FRACTION, ErrorScale, check_threshold, error_scale, reconstruction_errors
from ._boxes import check_boxes, decode_boxes, describe_boxes
from ._detector import Detector, check_detector
from ._history import Clock, check_delays, clocks, is_streaming, state_offsets
from ._inputs import InputPart, Inputs, check_parts
from ._listing import listing
from ._outputs import Output, SoftmaxForm, Values, by_output, check_outputs, is_output
from ._plan import NO_PLAN, Plan, Reads, check_plan, last_readers
from ._planner import lower_bound, make_plan
from ._program_input import ProgramInput
from ._sound import AUDIO, is_audio
from ._tensors import DType, ProgramError, Shape, Tensor, check_text
from .ops import Op
from .ops._weighted import WeightedOp

MAX_COUNT = 0xFFFF  # of ops and of labels: 16 bits in the blob
MAX_WORK = 2**64 - 1  # dpt_work has 64 bits


@attribute_hints(PROGRAM_HINTS)
@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Program(ProgramInput):
    """What the engine runs; the Python twin of ``dpt_model``.

    Tensor 0 is the program's input, tensor i + 1 the output of op i. ``reads[i]`` holds the numbers
    of the tensors that op i reads, each at most i; without ``reads`` every op reads the output of
    the op before it. ``plan`` is where outputs lie in the arena; without one the planner makes it.

    Each op that writes ``i32`` writes an output; the last op does. ``outputs`` says what they are,
    in the order of the ops; the only output of a program is named "output". ``labels`` has a name
    for each value of the last output, or for each channel (classes of a pixel).

    ``input_scale`` and the scales of outputs are the only floating-point numbers: the real value of
    an input is its scale times the integer less its zero point, the real value of an output its
    scale times the integer. A program with an ``encoder`` (a config that
    ``drypoint.data.encoder_from_config`` reads) takes the encoder's uint8 pixels. ``provenance``
    has facts of JSON types. ``front`` makes features of samples, where the encoder is an
    `AudioEncoder`; ``detector`` finds keywords in its decisions. A program of several inputs reads
    one vector, whose parts ``input_parts`` are; ``input_scale`` is the first part's. ``boxes``
    makes boxes of the last output, a map of cells.
    """

    name: str
    ops: tuple[Op, ...]
    input_scale: float
    outputs: tuple[Output, ...]
    reads: Reads = ()
    plan: Plan = NO_PLAN
    labels: tuple[str, ...] = ()
    encoder: Mapping[str, Any] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    front: sound.FrontEnd | None = None
    detector: Detector | None = None
    input_parts: tuple[InputPart, ...] = ()
    boxes: detection.Decoder | None = None

    def __post_init__(self) -> None:
        if not self.ops:
            raise ProgramError(f"program {self.name!r} has no ops")
        if len(self.ops) > MAX_COUNT:
            raise ProgramError(f"{len(self.ops)} ops; a program has at most {MAX_COUNT}")
        if not self.reads:
            object.__setattr__(self, "reads", tuple((i,) for i in range(len(self.ops))))
        self._check_edges()
        check_outputs(self.outputs, self.ops)
        _ = self.clocks
        if not self.plan.offsets:
            object.__setattr__(self, "plan", make_plan(self.ops, self.reads))
        check_plan(self.ops, self.reads, self.plan)
        if len(self.labels) not in (0, self.output_shape.size, self.output_shape.c):
            raise ProgramError(f"{len(self.labels)} labels for {self.output_shape.size} outputs")
        if len(self.labels) > MAX_COUNT:
            raise ProgramError(f"{len(self.labels)} labels; a program has at most {MAX_COUNT}")
        for output in self.outputs:
            if output.threshold is not None:
                check_threshold(output.threshold)
                self.error_scale_of(output)
        for text in (self.name, *(op.name for op in self.ops), *self.labels):
            check_text(text)
        if not isinstance(self.encoder, Mapping | None):
            raise ProgramError(f"the encoder is {self.encoder!r}, neither a mapping nor None")
        if not isinstance(self.provenance, Mapping):
            raise ProgramError(f"the provenance is {self.provenance!r}, not a mapping")
        if not (np.isfinite(self.input_scale) and self.input_scale > 0):
            raise ProgramError(f"the input scale is {self.input_scale}, not a positive number")
        if (self.front is not None) != is_audio(self.encoder):
            raise ProgramError(f"a front end and an encoder of type {AUDIO!r} belong together")
        if self.front is not None and self.sound_border.rows != 1 and self.is_streaming:
            raise ProgramError(
                f"the streaming program reads {self.sound_border.rows} rows of "
                f"{self.front.channels} features in a step; wanted: one, since each frame is a step"
            )
        check_detector(self.detector, self.front, self.outputs[-1], self.output_shape)
        check_boxes(self.boxes, self.outputs[-1], self.output_shape)
        if self.boxes is not None and (self.front is not None or self.is_streaming):
            raise ProgramError("a decoder of boxes is for a program that reads whole pictures")
        check_parts(self.input_parts, self.input)
        if self.input_parts and (self.encoder is not None or self.is_streaming):
            raise ProgramError("a program of several inputs has no encoder and reads no signal")

    def _check_edges(self) -> None:
        """Every op reads earlier tensors as they are, and every output in the arena is read."""
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
        if self.input_type == "i16":
            raise ProgramError("the program reads i16; wanted: u8 or i8")
        if not is_output(self.ops[-1]):
            raise ProgramError(f"the last op, {self.ops[-1].name!r}, must write i32")
        check_delays(self.ops, self.reads)
        for op, reader in zip(self.ops, last_readers(self.ops, self.reads), strict=True):
            if reader == 0 and not is_output(op):
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
    def input_type(self) -> DType:
        """``u8`` or ``i8``."""
        return self.input.type

    @property
    def output_shape(self) -> Shape:
        """The plane of int32 that the last op writes."""
        return self.ops[-1].out_shape

    @property
    def output_scale(self) -> float:
        """The scale of the last output."""
        return self.outputs[-1].scale

    @property
    def softmax(self) -> SoftmaxForm:
        """Whether the last output's values are logits of a distribution; "channels": each pixel's
        are.
        """
        return self.outputs[-1].softmax

    @property
    def decoder(self) -> Mapping[str, Any] | None:
        """The config of the decoder of the model's last output."""
        return self.outputs[-1].decoder

    @property
    def threshold(self) -> int | None:
        """The `reconstruction_error` of the last output above which an input is an anomaly."""
        return self.outputs[-1].threshold

    @property
    def output_ops(self) -> tuple[Op, ...]:
        """The op that writes each of the outputs."""
        return tuple(filter(is_output, self.ops))

    @property
    def output_count(self) -> int:
        """Number of values of all outputs."""
        return sum(op.out_shape.size for op in self.output_ops)

    def output_values(self, planes: Iterable[NDArray[np.integer]]) -> Values:
        """The outputs among the planes (N, h, w, c) of all ops, as `Engine.run` gives them."""
        pairs = zip(self.ops, planes, strict=True)
        return by_output(self.outputs, [plane for op, plane in pairs if is_output(op)])

    def split_outputs(self, rows: NDArray[np.int32]) -> Values:
        """The outputs of runs whose values lie together, int32 (N, values of all outputs), as
        `Engine.run` gives them."""
        ends = np.cumsum([op.out_shape.size for op in self.output_ops])
        return by_output(self.outputs, np.split(rows, ends[:-1], axis=1))

    @property
    def arena_size(self) -> int:
        """Bytes of working memory that a run needs, exactly."""
        return self.plan.arena_size

    @property
    def input_size(self) -> int:
        """Bytes of the caller's input of a run."""
        return self.input_shape.size

    @property
    def output_size(self) -> int:
        """Bytes of the caller's output of a run: the int32 of all outputs."""
        return 4 * self.output_count

    @property
    def ram_size(self) -> int:
        """Bytes of RAM of this program but the stack, which depends on the target: the sum of its
        `drypoint.program.account`."""
        total: int = _part().account(self).ram_bytes
        return total

    @property
    def is_streaming(self) -> bool:
        """Whether a run is a step that reads one row of a signal: NUMERICS.md section 11."""
        return is_streaming(self.ops)

    def encode_examples(self, x: Inputs) -> NDArray[np.integer] | list[NDArray[np.integer]]:
        """Examples by `encode`; of a streaming program a list of each by `encode_recording`."""
        recordings: Any = x
        return [*map(self.encode_recording, recordings)] if self.is_streaming else self.encode(x)

    @property
    def state_size(self) -> int:
        """Bytes that a streaming program keeps from step to step; 0 for any other program."""
        return state_offsets(self.ops)[-1]

    @property
    def clocks(self) -> tuple[Clock, ...]:
        """The steps in which each op of a streaming program runs; (1, 1), every step, for each op
        of any other program."""
        return clocks(self.ops, self.reads)

    def output_steps(self, steps: int) -> range:
        """Which of the first ``steps`` steps after a reset have an output, counted from 0."""
        first, period = self.clocks[-1]
        return range(first - 1, steps, period)

    def streaming(self) -> "Program":
        """The streaming program of a program that reads windows; see `drypoint.program.streaming`.

        Raises:
            ProgramError: an op looks at later rows, or branches do not meet.
        """
        found: Program = _part().streaming(self)
        return found

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
    def work(self) -> int:
        """Work of one run, at most 2**64 - 1, as NUMERICS.md section 7 counts them: the
        multiply-accumulates at positions that pooling reads, and the values that pools read."""
        return min(sum(op.work for op in self.ops), MAX_WORK)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights of all ops, as the blob and generated C hold them."""
        return sum(op.weight_bytes for op in self.ops if isinstance(op, WeightedOp))

    def real(self, outputs: Values) -> NDArray[np.float64] | Any:
        """int32 values (N, values) of `Engine.run` as float64 of this shape, of several outputs as
        a dict by name: probabilities if the output ends in a softmax, else the values times its
        scale.
        """
        if not isinstance(outputs, dict):
            return self.outputs[-1].real(outputs, self.output_shape.c)
        pairs = zip(self.outputs, self.output_ops, strict=True)
        return {out.name: out.real(outputs[out.name], op.out_shape.c) for out, op in pairs}

    @property
    def reconstructions(self) -> tuple[str, ...]:
        """The names of the outputs that can be the input's reconstruction: as many values, in the
        order of the input's plane or of the flattened (C, H, W) of the float net; no softmax. None
        where the program reads pixels, samples, several inputs or a signal row by row.
        """
        other = self.is_streaming or self.reads_pixels or self.front is not None
        shapes = () if other or self.input_parts else (self.input_shape, (1, 1, self.input_size))
        pairs = zip(self.outputs, self.output_ops, strict=True)
        return tuple(
            output.name for output, op in pairs if op.out_shape in shapes and not output.softmax
        )

    @property
    def is_autoencoder(self) -> bool:
        """Whether the only output is one of `reconstructions`."""
        return bool(self.reconstructions) and len(self.outputs) == 1

    @property
    def error_scale(self) -> ErrorScale:
        """`error_scale_of` the last output."""
        return self.error_scale_of(self.outputs[-1])

    def error_scale_of(self, output: Output) -> ErrorScale:
        """What brings an output to sixteenths of the input's step.

        Raises:
            ProgramError: the output is no reconstruction, or the scales of input and output are too
                far from each other.
        """
        if output.name not in self.reconstructions:
            what = f"the output {output.name}" if len(self.outputs) > 1 else "the program"
            raise ProgramError(
                f"{what} is no autoencoder of real inputs: it reads {self.input} and writes "
                f"{self._plane_of(output)}"
            )
        return error_scale(self.input_scale, output.scale)

    def reconstruction_error(self, inputs: Inputs, outputs: Values) -> NDArray[np.uint64] | Any:
        """How far the outputs of an autoencoder are from its inputs; the exported header's
        ``NAME_reconstruction_error()`` gives equal numbers.

        Args:
            inputs: (N, ...), as `encode` takes them.
            outputs: int32 (N, values), what the program gives for them; of several outputs a dict
                of these by name.

        Returns:
            uint64 (N,): sums of squares, in squared sixteenths of the input's step;
            `mean_squared_error` makes real numbers of them. Of several outputs a dict of these by
            name, of each of the `reconstructions`.

        Raises:
            ProgramError: as `error_scale_of` and `encode`, or another number of outputs.
        """
        integers = self.encode(inputs)
        if isinstance(outputs, dict) and self.reconstructions:
            return {
                output.name: self._errors(integers, outputs[output.name], output)
                for output in self.outputs
                if output.name in self.reconstructions
            }
        last = self.outputs[-1]
        rows = outputs[last.name] if isinstance(outputs, dict) else outputs
        return self._errors(integers, rows, last)

    def _errors(
        self, integers: NDArray[np.integer], outputs: NDArray[np.int32], output: Output
    ) -> NDArray[np.uint64]:
        """The reconstruction errors of one output."""
        scale, (h, w, c) = self.error_scale_of(output), self.input_shape
        found = np.asarray(outputs).reshape(len(outputs), -1)
        if found.shape != (len(integers), self.input_size):
            raise ProgramError(f"{len(integers)} inputs, but outputs of shape {np.shape(outputs)}")
        if self._plane_of(output) != self.input_shape:  # the order of a flattened (C, H, W)
            found = found.reshape(-1, c, h, w).transpose(0, 2, 3, 1).reshape(len(found), -1)
        return reconstruction_errors(integers, found, self.input, scale)

    def _plane_of(self, output: Output) -> Shape:
        """The plane of an output."""
        names = [each.name for each in self.outputs]
        return self.output_ops[names.index(output.name)].out_shape

    def mean_squared_error(self, errors: ArrayLike) -> NDArray[np.float64]:
        """Reconstruction errors as means of squared differences of real numbers, as the float net
        has them."""
        unit = (self.input_scale / FRACTION) ** 2 / self.input_shape.size
        return np.asarray(errors).astype(np.float64) * unit

    def with_threshold(self, threshold: int, output: str = "") -> "Program":
        """The program of an autoencoder with another `threshold`.

        Args:
            threshold: from 0 below 2^64.
            output: the name of the output; "": the last.

        Raises:
            ProgramError: no whole number of 64 bits, no output of that name, or the output is no
                reconstruction.
        """
        names = [each.name for each in self.outputs]
        name = output or names[-1]
        if name not in names:
            raise ProgramError(f"there is no output {output!r}; there are {', '.join(names)}")
        outputs = (
            replace(each, threshold=threshold) if each.name == name else each
            for each in self.outputs
        )
        return replace(self, outputs=tuple(outputs))

    def find_boxes(
        self, outputs: Values, decoder: detection.Decoder | None = None, output: str = ""
    ) -> list[list[detection.Box]]:
        """The boxes of runs, best first; ``NAME_boxes()`` of an export gives equal ones.

        Args:
            outputs: what `Engine.run` gives for N inputs.
            decoder: with other settings than the program's; None: the program's.
            output: of several the name of the map of cells; "": the last, as the program's decoder
                reads it.

        Returns:
            A list of boxes for each of N inputs.

        Raises:
            ProgramError: the program has no decoder of boxes.
        """
        chosen = decoder or self.boxes
        if chosen is None:
            raise ProgramError(f"the program {self.name!r} has no decoder of boxes")
        known = {each.name: each for each in self.outputs}
        read = known.get(output, self.outputs[-1])
        rows = outputs[read.name] if isinstance(outputs, dict) else outputs
        return decode_boxes(chosen, rows, read, self._plane_of(read))

    def save(self, path: str | Path) -> None:
        """Write the blob, ``program.blob.dumps``, to a file, whole or not at all.

        Args:
            path: of the file; its name mostly ends in .dpt.

        Raises:
            ProgramError: as ``program.blob.dumps``.
            DrypointError: the file cannot be written, or its name is of another format (".tflite").
        """
        check_suffix(path, ".dpt")
        write_atomic(path, _part().blob.dumps(self))

    @staticmethod
    def load(path: str | Path) -> "Program":
        """The program that `save` wrote to a file, which may be untrusted.

        Raises:
            BlobError: the file is no blob; see ``program.blob.loads``.
            DrypointError: the file cannot be read.
        """
        blob, content = _part().blob, read_bytes(path)
        try:
            program: Program = blob.loads(content)
        except blob.BlobError as error:
            raise blob.BlobError(f"{path}: {error}") from error
        return program

    def __repr__(self) -> str:
        work = f"{count_of(len(self.ops), 'op')}, {self.macs:,} MACs, arena {self.arena_size:,}"
        return f"Program({self.name!r}: {self.input_type} {self.input_shape}; {work})"

    def __str__(self) -> str:
        return self.listing()

    def listing(self, width: int | None = None) -> str:
        """A line for each op, and its edges where some skip an op.

        Args:
            width: columns of a terminal; where a line would have more, weights, what an op reads,
                and MACs are left out. None: lines are as long as they are.
        """
        names = [output.name for output in self.outputs]
        least, state = self.arena_lower_bound, self.state_size
        sizes = {"arena": self.arena_size, "least": least, "state": state}
        parts = [f"{part.name} {part.tensor}" for part in self.input_parts]
        return listing(
            self.name,
            self.input,
            self.ops,
            self.reads,
            inputs=parts,
            outputs=names,
            boxes=describe_boxes(self.boxes, self.outputs[-1]),
            width=width,
            **sizes,
        )

    def _repr_html_(self) -> str:
        """For notebooks: the listing."""
        return f"<pre>{html_text(self)}</pre>"


def _part() -> Any:
    """This part of drypoint: its modules of blobs and of streaming import this one."""
    return importlib.import_module("drypoint.program")
