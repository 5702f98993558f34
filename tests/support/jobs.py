"""Talks with tests/engine_c/driver.c: many blobs and inputs in one process."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from blobs import OUT, TYPE, place

from drypoint.program import NUMPY_TYPE, Program, blob
from tools import run

TOO_LONG = 1  # the driver's own status: the run would take more steps than the job allows
NO_OUTPUT = 1  # DPT_NO_OUTPUT
NO_LIMIT = 2**32 - 1


@dataclass(frozen=True)
class Job:
    """One blob (or the number of a compiled-in model) and the inputs to run on it."""

    inputs: np.ndarray  # [N, ...] of one byte each
    data: bytes = b""
    model: int = 0
    limit: int = NO_LIMIT

    def encode(self) -> bytes:
        inputs = np.ascontiguousarray(self.inputs).view(np.uint8).reshape(len(self.inputs), -1)
        head = (len(self.data), self.model, self.limit, *inputs.shape)
        return struct.pack("=5I", *head) + self.data + inputs.tobytes()


class Answers:
    """Reads the driver's output, in the order of the jobs."""

    def __init__(self, output: bytes) -> None:
        self.output = output
        self.at = 0

    def number(self) -> int:
        (number,) = struct.unpack_from("=i", self.output, self.at)
        self.at += 4
        return number

    def trace(self, program: Program, n: int) -> tuple[int, list[np.ndarray]]:
        """After a DPT_OK: the arena's size, and all ops' outputs as the reference gives them."""
        arena, rows = self.number(), []
        outputs = program.output_steps(n)
        for i in range(n):
            row = []
            for op in program.ops:
                dtype = np.dtype(NUMPY_TYPE[op.out_type])
                plane = np.frombuffer(self.output, dtype, op.out_shape.size, self.at)
                row.append(plane.reshape(op.out_shape))
                self.at += plane.nbytes
            status = self.number()
            wanted = 0 if i in outputs else NO_OUTPUT
            assert status == wanted, f"run {i} answered {status}, not {wanted}"
            rows.append(row)
        return arena, [np.stack(planes) for planes in zip(*rows, strict=True)]

    def skip_trace(self, data: bytes, n: int) -> None:
        """Pass over the answer for a blob that Python refuses; its records hold the sizes."""
        (n_ops,) = struct.unpack_from("<H", data, 20)
        size = 0
        for i in range(n_ops):
            h, w, c = struct.unpack_from("<3H", data, place(i, OUT))
            size += h * w * c * (4 if data[place(i, OUT + TYPE)] == 2 else 1)
        self.at += 4 + n * (size + 4)

    def finished(self) -> bool:
        return self.at == len(self.output)


def answers(driver: Path, jobs: Iterable[Job]) -> Answers:
    return Answers(run([driver], data=b"".join(job.encode() for job in jobs)))


def traces(
    driver: Path, cases: Iterable[tuple[Program, np.ndarray]], *, compiled_in: bool = False
) -> list[tuple[int, list[np.ndarray]]]:
    """Arena size and outputs of all ops for each program, from its blob or as compiled in."""
    cases = list(cases)
    jobs = [
        Job(x, model=i) if compiled_in else Job(x, blob.dumps(program))
        for i, (program, x) in enumerate(cases)
    ]
    read, results = answers(driver, jobs), []
    for program, x in cases:
        assert read.number() == 0
        results.append(read.trace(program, len(x)))
    assert read.finished()
    return results
