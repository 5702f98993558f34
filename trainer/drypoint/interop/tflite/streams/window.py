"""Writes the operators of a streaming file over a whole window."""

from dataclasses import replace

import numpy as np

from ..._errors import TfliteError
from ..file import File, FileTensor, Operator
from ..walk import MAX_SHARED
from .mixed import extend
from .signals import Signals
from .views import CHANNELS, Step, View, by_row, pace, rows_of

MAX_ROWS = 0xFFFF  # of a program's plane
_PLAIN = {
    "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1, "Padding": "VALID",
    "FusedActivationFunction": "NONE", "DepthMultiplier": 1,
}  # fmt: skip


def whole_window(file: File) -> File:
    """The file of a whole window of a streaming file, without variables; other files as they are.

    It reads the rows that the last output depends on, in whole runs: its output is the streaming
    file's after so many runs from any state. Its operators keep their names.
    """
    if all(op.kind != "READ_VARIABLE" for op in file.operators):
        return file
    return _Window(Signals(file)).file()


class _Window:
    """The rows that each tensor needs in the window, and the operators so far."""

    def __init__(self, signals: Signals) -> None:
        self.signals, self.streaming = signals, signals.file
        self.tensors = list(signals.tensors)
        self.operators: list[Operator] = []
        self.need: dict[int, int] = {}
        self.rows_read: dict[tuple[int, int], int] = {}  # output and position -> rows that are read
        self.left = MAX_SHARED * self.streaming.size  # bytes of constants that may be made
        self._count_rows()

    def _count_rows(self) -> None:
        """Count the rows from the outputs back."""
        read = {*self.streaming.outputs.values()}
        self.need |= {number: rows_of(self.streaming, number) or 0 for number in read}
        for step in reversed(self.signals.steps):
            if not read.intersection(step.op.outputs):
                continue
            read.update(step.op.inputs, (view.of for view in step.reads.values()))
            number = step.op.outputs[0]
            file_rows = rows_of(self.streaming, number)
            rows = self.need[number] = max(self.need.get(number, 0), 1 if file_rows else 0)
            moves = pace(self.tensors, step, number)
            if file_rows is not None and (moves is None or self.signals.new.get(number) is None):
                if rows > file_rows:
                    raise TfliteError(
                        f"{step.op.title} writes {file_rows} rows, and {rows} are read"
                    )
                rows = self.need[number] = file_rows
            for position, view in step.reads.items():
                count = view.rows if moves is None else (rows - 1) * moves[1] + moves[0]
                self.rows_read[number, position] = count
                self.need[view.of] = max(self.need.get(view.of, 0), count - view.stop)
                if self.need[view.of] > MAX_ROWS:
                    raise TfliteError(f"{step.op.title} needs a window above {MAX_ROWS} rows")
        self._fill_runs()

    def _fill_runs(self) -> None:
        """Let the window be whole runs, so that its outputs come when the file's do: rows before
        the first that is needed, which the first windows leave out.
        """
        first = self.streaming.input
        more = -self.need.get(first, 0) % (rows_of(self.streaming, first) or 1)
        longer = {first}
        for step in self.signals.steps:
            number, reads = step.op.outputs[0], {view.of for view in step.reads.values()}
            moves = pace(self.tensors, step, number) if by_row(step.op) else None
            if moves is not None and reads <= longer and number in self.need:
                longer.add(number)
                self.rows_read |= {
                    (number, i): self.rows_read[number, i] + more for i in step.reads
                }
        self.need |= {number: self.need[number] + more for number in longer & self.need.keys()}

    def file(self) -> File:
        """The file of the window."""
        for number, rows in self.need.items():
            tensor = self.tensors[number]
            if rows_of(self.streaming, number) is not None:
                shape = (tensor.shape[0], rows, *tensor.shape[2:])
                self.tensors[number] = replace(tensor, shape=shape)
        for step in self.signals.steps:
            if step.op.outputs[0] in self.need:
                self._write(step)
        return replace(self.streaming, tensors=tuple(self.tensors), operators=tuple(self.operators))

    def _write(self, step: Step) -> None:
        """Write an operator that reads the signals' tensors over the window."""
        inputs = list(step.op.inputs)
        for position, view in step.reads.items():
            rows = self.rows_read[step.op.outputs[0], position]
            around = self.need[view.of] - rows + view.stop, -view.stop
            inputs[position] = view.of
            every_channel = (view.low, view.high) == (0, self.tensors[view.of].shape[CHANNELS])
            if every_channel and around == (0, 0):
                continue
            if every_channel and self._can_be_longer(step.op):
                inputs[1] = self._add(extend(self.tensors[inputs[1]], around))
            else:
                inputs[position] = self._cut(step.op, position, view, around)
        self._append(replace(step.op, inputs=tuple(inputs)))

    def _can_be_longer(self, op: Operator) -> bool:
        """Whether rows of zeros before and after the kernel leave rows out."""
        return (
            op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D")
            and op.options["DilationHFactor"] == 1
            and op.options["Padding"] == "VALID"
            and self.tensors[op.inputs[1]].constant is not None
            and len(self.tensors[op.inputs[1]].shape) == 4
        )

    def _cut(self, op: Operator, position: int, view: View, around: tuple[int, int]) -> int:
        """The tensor of a part of a signal, which a convolution with weights 1 and 0 copies."""
        source = self.tensors[view.of]
        channels, written = source.shape[CHANNELS], view.high - view.low
        by_channel = channels == written
        shape = (1, 1, 1, channels) if by_channel else (written, 1, 1, channels)
        ones = np.ones((1, channels)) if by_channel else np.eye(written, channels, view.low)
        floats = source.type == "FLOAT32"
        kernel = FileTensor(
            shape=shape, type="FLOAT32" if floats else "INT8", problem="", axis=0,
            constant=ones.reshape(shape).astype(np.float32 if floats else np.int8),
            scales=np.ones(0 if floats else 1), zeros=np.zeros(0 if floats else 1, np.int64),
        )  # fmt: skip
        weight = self._add(extend(kernel, around))
        rows = self.need[view.of] - sum(around)
        output = self._add(replace(source, shape=(1, rows, *source.shape[2:-1], written)))
        self._append(
            Operator(
                index=0,
                kind="DEPTHWISE_CONV_2D" if by_channel else "CONV_2D",
                inputs=(view.of, weight),
                outputs=(output,),
                options=_PLAIN,
                name=f"{op.name}.{position}",
                title=op.title,
            )
        )
        return output

    def _add(self, tensor: FileTensor) -> int:
        self.left -= 0 if tensor.constant is None else tensor.constant.nbytes
        if self.left < 0:
            raise TfliteError("leaves out more rows of its signals than its size explains")
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _append(self, op: Operator) -> None:
        self.operators.append(replace(op, index=len(self.operators)))
