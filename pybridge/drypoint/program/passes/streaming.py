"""Makes a streaming program from a program that reads windows: NUMERICS.md section 11."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from numpy.typing import NDArray

from .._border import is_signal
from .._history import Clock, clock_of_writes, is_streaming
from .._outputs import output_offsets
from .._plan import NO_PLAN
from .._program import Program
from .._sound import is_audio
from .._tensors import ProgramError, Shape, Tensor
from ..ops import Conv, Dense, DepthwiseConv, History, MaxPool, Op, Slice, Transpose, Upsample
from ..ops._op import RowMap
from ..ops._weighted import ConvolutionOp
from ..ops._windows import PaddedOp, WindowedOp

PAIRS = {"kernel", "stride", "dilation", "pool", "parts", "offset"}  # of rows and columns


def streaming(program: Program) -> Program:
    """The program that reads a signal row by row and writes the outputs of the windows.

    The input of the streaming program is one row of the input of ``program``: one time step. Where
    all planes are one row high, time lies along the width, and the input is one column. Each row of
    each op is computed once, and histories keep the rows that later rows need. The outputs are the
    bytes that ``program`` gives for windows of the signal; NUMERICS.md section 11 says for which. A
    net whose last op writes several rows gives one row in a step. All outputs are written in one
    step: histories delay outputs that would be ready earlier.

    Returns:
        The streaming program; without labels where ``program`` has a label for each of several
        rows. Its encoder, if it is a `SignalEncoder`'s, reads single steps. If no op reads several
        rows, there is nothing to keep: the program has no state, and each run is for one row.

    Raises:
        ProgramError: the program streams already, an op looks at later steps (padding at the
            bottom, a factor for all rows), branches or outputs do not meet at equal steps, or it
            has a threshold: the reconstruction error is of a whole window.
    """
    if is_streaming(program.ops):
        raise ProgramError(f"the program {program.name!r} is a streaming program already")
    if any(output.threshold is not None for output in program.outputs):
        raise ProgramError(
            f"the program {program.name!r} is an autoencoder with a threshold: the reconstruction "
            "error is computed of a whole window, so run whole windows"
        )
    program = _upright(program)
    stream = _Stream(program, {})
    delays = stream.delays()
    if any(delays.values()):
        stream = _Stream(program, delays)
    last = stream.ops[-1].out_shape
    return replace(
        program,
        ops=tuple(stream.ops),
        reads=tuple(stream.reads),
        plan=NO_PLAN,
        labels=program.labels if last.size == program.output_shape.size else (),
        encoder=step_encoder(program.encoder),
    )


def step_encoder(encoder: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The config of the encoder that makes single steps, of one that makes windows of a signal."""
    if encoder is not None and is_signal(encoder):
        return {**encoder, "window": 1, "hop": 1}
    if encoder is not None and is_audio(encoder):
        return {**encoder, "rows": 1}
    return encoder


def _upright(program: Program) -> Program:
    """The program with time along the height: 1 x W x C and W x 1 x C planes have equal bytes."""
    high = any(tensor.shape.h > 1 for op in program.ops for tensor in (*op.inputs, op.output))
    if high or any(isinstance(op, Transpose) for op in program.ops):
        return program
    return replace(program, ops=tuple(map(_turn, program.ops)), plan=NO_PLAN)


def _turn(op: Op) -> Op:
    """The op with height and width exchanged."""
    names = {field.name for field in fields(op)}
    turned: dict[str, Any] = {name: getattr(op, name)[::-1] for name in names & PAIRS}
    turned |= {"inputs": tuple(map(_swap, op.inputs)), "output": _swap(op.output)}
    if isinstance(op, WindowedOp | Upsample):
        top, left, bottom, right = op.padding
        turned["padding"] = (left, top, right, bottom)
    if isinstance(op, Slice):
        turned["first"] = (*op.first[1::-1], op.first[2])
    if isinstance(op, ConvolutionOp):
        axes = (1, 0, 2) if isinstance(op, DepthwiseConv) else (0, 2, 1, 3)
        turned["weight"] = op.weight.transpose(axes)
    return replace(op, **turned)


def _swap(tensor: Tensor) -> Tensor:
    h, w, c = tensor.shape
    return tensor._replace(shape=Shape(w, h, c))


class _Stream:
    """The ops of the streaming program so far; ``delays`` holds for ops that write outputs by how
    many rows of what they read they are late.
    """

    def __init__(self, program: Program, delays: Mapping[int, int]) -> None:
        self._program, self._delays = program, delays
        self.ops: list[Op] = []
        self.reads: list[tuple[int, ...]] = []
        self._ready = [Clock(1, 1)]  # when each tensor of the streaming program is ready
        self._rows = {0: 0}  # a tensor of `program` -> the tensor that has its rows
        self._first = Tensor(Shape(1, *program.input_shape[1:]), *program.input[1:])
        self._kept: dict[tuple[object, ...], int] = {}  # histories, taps: what they keep -> tensor
        for i in range(len(program.ops)):
            self._add(i)

    def delays(self) -> dict[int, int]:
        """How many rows late each op that writes an output is, so that all come in one step."""
        program, ops = self._program, [*output_offsets(self._program.ops)]
        clocks = {i: self._ready[self._rows[i + 1]] for i in ops}
        last = max(clocks, key=lambda i: clocks[i])
        latest, found = clocks[last], dict[int, int]()
        for i, clock in clocks.items():
            source = self._ready[self._rows[program.reads[i][0]]]
            rows, rest = divmod(latest.first - clock.first, source.period)
            if clock.period != latest.period or rest:
                raise ProgramError(
                    f"op {program.ops[i].name!r} writes an output every {clock.period} steps from "
                    f"step {clock.first} on, op {program.ops[last].name!r} every {latest.period} "
                    f"from step {latest.first} on; wanted: outputs with equal strides along time"
                )
            found[i] = rows
        return found

    def _add(self, index: int) -> None:
        """Add an op of the program, and the histories that it needs."""
        op, tensors = self._program.ops[index], self._program.reads[index]
        sources = [self._rows[tensor] for tensor in tensors]
        if rows := self._delays.get(index, 0):
            late = RowMap(1, rows + 1, 0)
            sources = [
                self._history(op.name, source, late, height=1, pad=None) for source in sources
            ]
        if op.arity == 1:
            made, source = self._windows(op, sources[0])
            sources = [source]
        else:
            made, sources = self._one_row(op), self._meeting(op, sources)
        self._append(made, tuple(sources))
        self._rows[len(self._rows)] = len(self.ops)

    def _append(self, op: Op, sources: tuple[int, ...]) -> int:
        """Append an op; the number of its tensor."""
        self.ops.append(op)
        self.reads.append(sources)
        clock = max(self._ready[source] for source in sources)
        self._ready.append(clock_of_writes(op, clock) if isinstance(op, History) else clock)
        return len(self.ops)

    def _tensor(self, number: int) -> Tensor:
        return self.ops[number - 1].output if number > 0 else self._first

    def _windows(self, op: Op, source: int) -> tuple[Op, int]:
        """An op that reads windows of rows of one tensor, and the tensor that has such a window."""
        rows = op.row_map
        if isinstance(op, Dense):
            rows = RowMap(1, op.in_shape.h, 0)
        elif op.out_shape.h == 1:
            rows = rows._replace(stride=1)
        pad = None
        if op.stream_problem:
            raise ProgramError(f"op {op.name!r} {op.stream_problem}: run whole windows")
        if isinstance(op, WindowedOp):
            _check_causal(op, rows)
            pad = op.outside
        if rows != RowMap(1, 1, 0):
            source = self._history(op.name, source, rows, height=rows.reach, pad=pad)
        if isinstance(op, Conv) and op.dilation[0] > 1 and op.pool[0] == 1:
            source = self._taps(op, source)
            return _on_window(op, self._tensor(source), dilation=(1, op.dilation[1])), source
        return _on_window(op, self._tensor(source)), source

    def _taps(self, op: Conv, source: int) -> int:
        """The tensor of the rows of a history that the taps of a dilated convolution read: a
        maximum over windows of 1 takes every n-th row. Kernels are fast where no row lies between.
        """
        step, key = op.dilation[0], (source, op.dilation[0], op.kernel[0])
        if key not in self._kept:
            window = self._tensor(source)
            taps = MaxPool(
                name=f"{op.name}.taps",
                inputs=(window,),
                output=window._replace(shape=window.shape._replace(h=op.kernel[0])),
                kernel=(1, 1),
                stride=(step, 1),
            )
            self._kept[key] = self._append(taps, (source,))
        return self._kept[key]

    def _history(
        self, name: str, source: int, rows: RowMap, *, height: int, pad: NDArray[Any] | None
    ) -> int:
        """The tensor of a history, which may exist already."""
        read = self._tensor(source)
        values = pad if pad is not None and rows.pad > 0 else None
        key = (source, rows, height, None if values is None else values.tobytes())
        if key not in self._kept:
            history = History(
                name=f"{name}.history",
                inputs=(read,),
                output=read._replace(shape=read.shape._replace(h=height)),
                kernel=(rows.reach, 1),
                stride=(rows.stride, 1),
                padding=(rows.pad, 0, 0, 0),
                pad=values,
            )
            self._kept[key] = self._append(history, (source,))
        return self._kept[key]

    def _meeting(self, op: Op, sources: list[int]) -> list[int]:
        """The tensors of an op that reads two, the earlier one delayed."""
        heights = [tensor.shape.h for tensor in op.inputs]
        if len(set(heights)) > 1:
            raise ProgramError(
                f"op {op.name!r} multiplies all {max(heights)} rows by one row that depends on "
                "them all; a stream has no last row: run whole windows"
            )
        ready = [self._ready[source] for source in sources]
        if ready[0].period != ready[1].period:
            raise ProgramError(
                f"op {op.name!r} reads rows that come every {ready[0].period} steps and rows that "
                f"come every {ready[1].period}; wanted: branches with equal strides along time"
            )
        late = max(ready).first
        for k, (first, period) in enumerate(ready):
            if first < late:
                delay = RowMap(1, (late - first) // period + 1, 0)
                sources[k] = self._history(op.name, sources[k], delay, height=1, pad=None)
        return sources

    def _one_row(self, op: Op) -> Op:
        """An op on values, for one row."""
        inputs = tuple(_one_row(tensor) for tensor in op.inputs)
        return replace(op, inputs=inputs, output=_one_row(op.output))


def _one_row(tensor: Tensor) -> Tensor:
    return tensor._replace(shape=tensor.shape._replace(h=1))


def _check_causal(op: WindowedOp, rows: RowMap) -> None:
    top, _, bottom, _ = op.padding
    if bottom > 0 or top >= rows.reach:
        raise ProgramError(
            f"op {op.name!r} has padding {top} in front and {bottom} behind along the time; a "
            f"stream allows padding in front alone, less than the {rows.reach} rows of a window: "
            'padding="causal", or 0'
        )


def _on_window(op: Op, window: Tensor, **changes: Any) -> Op:
    """The op, with changes, that makes one row of a window."""
    fields: dict[str, Any] = {"inputs": (window,), "output": _one_row(op.output), **changes}
    if isinstance(op, WindowedOp):
        _, left, _, right = op.padding
        fields["padding"] = (0, left, 0, right)
        if isinstance(op, PaddedOp) and not (left or right):
            fields["pad"] = None
    made = replace(op, **fields)
    if isinstance(made, Conv) and made.pool == (1, 1) and not made.dilated:
        whole = made.kernel == window.shape[:2] and not any(made.padding)
        return _dense(made) if whole else made
    return made


def _dense(op: Conv) -> Dense:
    """A convolution whose one window is the whole plane, as the dense op that it is."""
    return Dense(
        name=op.name,
        inputs=op.inputs,
        output=op.output,
        weight=op.weight.reshape(len(op.weight), -1),
        weight_bits=op.weight_bits,
        bias=op.bias,
        mult=op.mult,
        shift=op.shift,
        lo=op.lo,
        hi=op.hi,
    )
