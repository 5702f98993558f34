"""Compares every runner of a program with the reference, byte by byte, layer by layer."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drypoint.common import (
    accept,
    check_kind,
    count_of,
    html_table,
    json_of,
    kind_of,
    one_blas_thread,
    progress,
)
from drypoint.program import Program, ProgramError, Values, reference

from ._aliases import VERIFY

_BUDGET = 1 << 26  # bytes of a batch's outputs of all ops, by the reference and all runners
_MOST = 500  # inputs of a batch; steps of a stream, whose state starts at zero in each batch


class Runner(Protocol):
    """Something that runs a program: an `Engine`, a `Compiled`, a device."""

    def trace(self, x: NDArray[np.integer], /) -> list[NDArray[np.integer]]:
        """The output of every op, in order."""
        ...


@dataclass(frozen=True, kw_only=True, repr=False)
class Verification:
    """The result of `verify`.

    Attributes:
        examples: the number of inputs of every runner.
        bytes_per_example: bytes compared for each input and runner: the outputs of all ops.
        differing: runner -> op -> bytes that differ; ops without a difference are left out.
        outputs: "reference" and runner -> the program's output, int32 (examples, values), or of
            several outputs a dict of such arrays by name.
    """

    examples: int
    bytes_per_example: int
    differing: Mapping[str, Mapping[str, int]]
    outputs: Mapping[str, Any]

    @property
    def differing_bytes(self) -> int:
        """Bytes that differ, over all runners and ops."""
        return sum(sum(ops.values()) for ops in self.differing.values())

    def __repr__(self) -> str:
        found = [
            f"{name}: {sum(ops.values()):,} bytes differ, first in {next(iter(ops))}"
            if ops
            else f"{name}: equal"
            for name, ops in self.differing.items()
        ]
        size = f"{count_of(self.examples, 'example')} of {self.bytes_per_example:,} bytes"
        return f"Verification({'; '.join([size, *found])})"

    def _repr_html_(self) -> str:
        """For notebooks: a row for each runner."""
        rows = [
            (name, f"{sum(ops.values()):,}", ", ".join(ops) or "equal")
            for name, ops in self.differing.items()
        ]
        size = f"{count_of(self.examples, 'example')} of {self.bytes_per_example:,} bytes"
        caption = f"{size} against the reference"
        return html_table(
            ("runner", "bytes that differ", "ops"), rows, left=(0, 2), caption=caption
        )

    def to_json(self) -> dict[str, object]:
        """The verification as JSON-able values, without the outputs."""
        sizes, found = ("examples", "bytes_per_example"), ("differing_bytes", "differing")
        runners = {"runners": list(self.differing)}
        return {**json_of(self, *sizes), **runners, **json_of(self, *found)}


@accept(VERIFY)
def verify(
    program: Program,
    runners: Mapping[str, Runner],
    inputs: NDArray[Any] | Sequence[NDArray[Any]],
    *,
    batch_size: int | None = None,
) -> Verification:
    """Run the reference and every runner on all inputs and count the bytes that differ.

    Batches run in parallel, so a runner's ``trace`` must be safe to call from several threads.

    Args:
        program: the program of all runners.
        runners: name in the result -> runner.
        inputs: (N, h, w, c) or (N, h, w), of the program's input type; or what the float model
            took, for `Program.integers`. Of a streaming program N steps, or a list of recordings,
            each (steps, h, w, c) and begun with a reset.
        batch_size: inputs at a time; None: as many as take 64 MB of outputs of ops, at most 500.

    Raises:
        ProgramError: ``runners`` is empty or holds an object without ``trace``, the inputs are of
            another type or shape, or there are no inputs.
    """
    wanted = "a Program, as quant.quantize gives it"
    check_kind(program, Program, name="program", wanted=wanted, error=ProgramError)
    wanted = "a mapping from names to runners, such as {'C': Engine(program)}"
    check_kind(runners, Mapping, name="runners", wanted=wanted, error=ProgramError)
    if not runners:
        raise ProgramError("runners is empty; wanted: at least one, such as {'C': Engine(program)}")
    for runner in runners.values():
        if isinstance(runner, type) or not hasattr(runner, "trace"):
            raise ProgramError(f"a runner is {kind_of(runner)}; wanted: an Engine or a Compiled")
    batches = _batches(program, inputs, batch_size, runners=len(runners))
    examples = sum(map(len, batches))
    if not examples:
        raise ProgramError("verification needs at least one input, and got none")
    differing: dict[str, dict[str, int]] = {name: {} for name in runners}
    outputs: dict[str, list[Values]] = {name: [] for name in ("reference", *runners)}

    def traces(batch: NDArray[np.integer]) -> dict[str, list[NDArray[np.integer]]]:
        wanted = {"reference": reference.trace(program, batch)}
        return wanted | {name: runner.trace(batch) for name, runner in runners.items()}

    # Threads pay: BLAS, the engine and the compiled process all run without the GIL.
    with (
        progress("verification, every layer", total=examples, unit="examples") as done,
        one_blas_thread(),
        ThreadPoolExecutor(max_workers=os.cpu_count()) as pool,
    ):
        for found in pool.map(traces, batches):
            for name, planes in found.items():
                outputs[name].append(program.output_values(planes))
            for name, counts in differing.items():
                for op, right, came in zip(
                    program.ops, found["reference"], found[name], strict=True
                ):
                    if count := _differing_bytes(right, came):
                        counts[op.name] = counts.get(op.name, 0) + count
            done(len(found["reference"][0]))
    return Verification(
        examples=examples,
        bytes_per_example=sum(op.output.bytes for op in program.ops),
        differing=differing,
        outputs={name: _join_batches(batches) for name, batches in outputs.items()},
    )


def _batches(
    program: Program, inputs: Any, batch_size: int | None, *, runners: int
) -> list[NDArray[np.integer]]:
    """The integers that are run at a time; of a streaming program after a reset."""
    if program.is_streaming and isinstance(inputs, Sequence) and np.ndim(inputs[0]) > 3:
        return [program.encode(recording) for recording in inputs]
    integers = program.encode(inputs)
    traced = (1 + runners) * sum(op.output.bytes for op in program.ops)
    fitting = _MOST if program.is_streaming else max(1, min(_MOST, _BUDGET // traced))
    size = batch_size or fitting
    return [integers[start : start + size] for start in range(0, len(integers), size)]


def _join_batches(batches: list[Any]) -> Values:
    """The outputs of all batches."""
    if isinstance(batches[0], dict):
        return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
    return np.concatenate(batches)


def _differing_bytes(right: NDArray[np.integer], came: NDArray[np.integer]) -> int:
    if right.dtype != came.dtype or right.shape != came.shape:
        return right.nbytes
    a, b = (np.ascontiguousarray(v).view(np.uint8) for v in (right, came))
    return int(np.count_nonzero(a != b))
