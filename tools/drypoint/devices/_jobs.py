"""Many programs on a device in one run: the stream that ``harness/jobs.c`` reads and writes."""

import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drypoint.common import progress
from drypoint.program import Program, Values, blob, packing

from ._emulate import DeviceError, build_jobs, emulate
from ._targets import Target

NAME_SIZE = 16
NO_OUTPUT = 1  # DPT_NO_OUTPUT
ORDER: dict[Literal["little", "big"], str] = {"little": "<", "big": ">"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A program, its inputs (N, h, w, c), and how far from alignment its memory lies.

    ``packed`` holds for each op its weights in the layout of the device's own kernels, or no bytes;
    an empty ``packed`` leaves these kernels out.
    """

    program: Program
    inputs: NDArray[np.integer]
    misalignment: int = 0
    packed: Sequence[bytes] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """The outputs of one runner (a backend of the device) for a job.

    Attributes:
        runner: the backend's name.
        crcs: uint32 (N, ops - 1), CRC-32 of the output of every op but the last; 0 where it is
            int32.
        outputs: int32 (N, values), the values of all outputs.
    """

    runner: str
    crcs: NDArray[np.uint32]
    outputs: NDArray[np.int32]


def encode(jobs: Sequence[Job], byte_order: Literal["little", "big"]) -> bytes:
    """The bytes that the device reads from its input."""
    mark = ORDER[byte_order]
    parts = [struct.pack(f"{mark}I", len(jobs))]
    for job in jobs:
        data = blob.dumps(job.program)
        inputs = job.program.check_input(job.inputs)
        head = (len(data), len(inputs), job.misalignment, len(job.packed))
        parts += [struct.pack(f"{mark}4I", *head), data]
        for table in job.packed:
            parts += [struct.pack(f"{mark}I", len(table)), table]
        parts.append(inputs.tobytes())
    return b"".join(parts)


def run_program(target: Target, program: Program, inputs: NDArray[np.integer]) -> Values:
    """The outputs of a program on a target's emulator, by the target's own kernels, as `Engine.run`
    gives them.

    Raises:
        DeviceError: a tool is missing, a step failed, or two kernels of the target differ.
    """
    return program.split_outputs(_run_jobs(target, program, [inputs])[0])


def run_recordings(
    target: Target, program: Program, recordings: Sequence[NDArray[np.integer]]
) -> Values:
    """The last outputs of a streaming program for recordings, each (steps, h, w, c) and begun with
    a reset, on a target's emulator, as `engine.Recordings.run` gives them.

    Raises:
        DeviceError: as `run_program`.
    """
    rows = [found[-1] for found in _run_jobs(target, program, recordings)]
    return program.split_outputs(np.array(rows, np.int32))


def _run_jobs(
    target: Target, program: Program, batches: Sequence[NDArray[np.integer]]
) -> list[NDArray[np.int32]]:
    """The outputs (N, values) of a program for batches of inputs, each after a reset."""
    own = packing.kernel_set(target.kernels)
    packed = [packing.pack(op, own) for op in program.ops] if own.number else []
    jobs = [Job(program=program, inputs=inputs, packed=packed) for inputs in batches]
    with progress(f"running on {target.name}"), tempfile.TemporaryDirectory() as folder:
        binary = build_jobs(target, Path(folder) / "jobs")
        answer = emulate(target, binary, encode(jobs, target.byte_order))
    found = []
    for runs in decode(jobs, answer, target.byte_order):
        if any(not np.array_equal(run.outputs, runs[-1].outputs) for run in runs):
            raise DeviceError(f"the kernels of {target.name} give different outputs: report it")
        found.append(runs[-1].outputs)
    return found


def decode(
    jobs: Sequence[Job], answer: bytes, byte_order: Literal["little", "big"]
) -> list[list[Run]]:
    """The runs of each job, from the device's output.

    Raises:
        DeviceError: the output does not fit the jobs, or a status in it is another than that of the
            program's run or step.
    """
    mark, at, runs = ORDER[byte_order], 0, []

    def numbers(kind: str, n: int) -> NDArray[np.integer]:
        nonlocal at
        if len(answer) < at + 4 * n:
            raise DeviceError(f"the answer of the device ends after {len(answer):,} bytes")
        found: NDArray[np.integer] = np.frombuffer(answer, f"{mark}{kind}4", n, at)
        at += 4 * n
        return found

    for job in jobs:
        n_ops, count = len(job.program.ops), job.program.output_count
        if (status := int(numbers("i", 1)[0])) != 0:
            raise DeviceError(f"the blob of {job.program.name} was refused: {status}")
        job_runs = []
        for _ in range(int(numbers("u", 1)[0])):
            name = answer[at : at + NAME_SIZE].rstrip(b"\0").decode("ascii", "replace")
            at += NAME_SIZE
            crcs, outputs = [], []
            steps = job.program.output_steps(len(job.inputs))
            for i in range(len(job.inputs)):
                wanted = 0 if i in steps else NO_OUTPUT
                if (status := int(numbers("i", 1)[0])) != wanted:
                    raise DeviceError(f"{name} refuses to run {job.program.name}: {status}")
                crcs.append(numbers("u", n_ops - 1))
                outputs.append(numbers("i", count))
            job_runs.append(
                Run(
                    runner=name,
                    crcs=np.array(crcs, np.uint32).reshape(len(job.inputs), n_ops - 1),
                    outputs=np.array(outputs, np.int32),
                )
            )
        runs.append(job_runs)
    if at != len(answer):
        raise DeviceError(f"{len(answer) - at} bytes are left over after the answer")
    return runs
