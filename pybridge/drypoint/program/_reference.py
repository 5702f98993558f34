"""Runs programs by the specification, which the ops' ``compute`` and ``ops/_arithmetic.py`` are.

Every backend, every compiler and every target must give these very integers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._history import Clock
from ._inputs import Inputs
from ._program import Program
from ._tensors import NUMPY_TYPE
from .ops import Delay, History, Op
from .ops._arithmetic import Plane, requantize

__all__ = ["apply", "requantize", "run", "trace", "trace_last", "trace_signals"]


def run(program: Program, x: Inputs) -> NDArray[np.int32] | Any:
    """The program's outputs for one input or a batch.

    Args:
        program: what to run.
        x: uint8 or int8 (``program.input_type``), (h, w, c) or (N, h, w, c).

    Returns:
        int32 (N, values): the plane that the last op writes, flattened; of several outputs a dict
        of such arrays by name. Of a streaming program, the outputs of the M steps that have one,
        int32 (M, values).

    Raises:
        ProgramError: ``x`` has another type or shape.
    """
    planes = trace(program, x)
    steps = program.output_steps(len(planes[0]))
    return program.output_values(plane[steps.start :: steps.step] for plane in planes)


def trace(program: Program, x: Inputs) -> list[Plane]:
    """The output of every op, in order, each (N, h, w, c) in its op's type.

    The N inputs of a streaming program are N steps after a reset; what an op writes is 0 in steps
    in which it does not run.
    """
    inputs: Plane = program.check_input(x)
    if any(isinstance(op, Delay) for op in program.ops):
        return [plane[0] for plane in trace_signals(program, inputs[None])]
    if program.is_streaming:
        return _trace_stream(program, inputs)
    parts = [_trace_part(program, inputs[i : i + 256]) for i in range(0, max(1, len(inputs)), 256)]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _trace_part(program: Program, inputs: Plane) -> list[Plane]:
    """The trace of some inputs: few at a time, so that planes before pooling stay small."""
    tensors = [inputs]
    for op, reads in zip(program.ops, program.reads, strict=True):
        tensors.append(apply(op, *(tensors[number] for number in reads)))
    return tensors[1:]


def _trace_stream(program: Program, inputs: Plane) -> list[Plane]:
    """The trace of a streaming program, each op in all of its steps at once."""
    steps = len(inputs)
    tensors = [inputs]  # of each tensor, what is written in the steps in which its op runs
    clocks = (Clock(1, 1), *program.clocks)  # of these steps
    for op, reads, clock in zip(program.ops, program.reads, program.clocks, strict=True):
        runs = np.arange(clock.first, steps + 1, clock.period)
        read = [
            tensors[number][(runs - clocks[number].first) // clocks[number].period]
            for number in reads
        ]
        tensors.append(apply(op, *read))
    planes = []
    for op, clock, written in zip(program.ops, program.clocks, tensors[1:], strict=True):
        plane = np.zeros((steps, *op.out_shape), written.dtype)
        plane[clock.first - 1 :: clock.period] = written
        planes.append(plane)
    return planes


def trace_last(program: Program, inputs: Plane) -> list[Plane]:
    """The output of every op, in order, each (N, h, w, c): as `trace` gives it; of a streaming
    program, whose inputs are as for `trace_signals`, in the last step."""
    if not program.is_streaming:
        return trace(program, inputs)
    return [plane[:, -1] for plane in trace_signals(program, inputs)]


def trace_signals(program: Program, signals: Plane) -> list[Plane]:
    """The trace of a streaming program for signals of equal length, each after a reset.

    Args:
        program: a streaming program.
        signals: (N, steps, h, w, c), of the program's input type.

    Returns:
        The output of every op, in order, each (N, steps, h, w, c) in its op's type; 0 in steps in
        which the op does not run.
    """
    count, steps = signals.shape[:2]
    planes = [
        np.zeros((count, steps, *op.out_shape), NUMPY_TYPE[op.out_type]) for op in program.ops
    ]
    ops = list(zip(program.ops, program.reads, program.clocks, planes, strict=True))
    now, rows = dict[int, Plane](), dict[int, Plane]()  # tensors, and what histories keep
    for step in range(steps):
        now[0] = signals[:, step]
        for i, (op, reads, clock, plane) in enumerate(ops, 1):
            if step + 1 < clock.first or (step + 1 - clock.first) % clock.period:
                continue
            if isinstance(op, Delay):
                now[i] = now[op.carries] if op.carries in now else op.first_values(count)
            elif isinstance(op, History):
                kept = rows[i] if i in rows else op.first_rows(count)
                rows[i] = np.concatenate([kept[:, 1:], now[reads[0]]], axis=1)
                now[i] = rows[i][:, : op.out_shape.h]
            else:
                now[i] = apply(op, *(now[number] for number in reads))
            plane[:, step] = now[i]
    return planes


def apply(op: Op, *inputs: Plane) -> Plane:
    """One op on a batch of planes, one batch for each tensor that the op reads; of a history, a
    batch is the planes of steps, the first step after a reset first.
    """
    return op.compute(*inputs).astype(NUMPY_TYPE[op.out_type])
