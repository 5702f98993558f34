"""The cost of a model on a device, measured with the target's compiler and emulator."""

import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import progress
from drypoint.program import Account, Op, Program, account, bytes_in_use, packing

from ._count import Instructions, count_instructions, why_not_counted
from ._emulate import DeviceError
from ._exported import build_exported, linked_sizes, run_exported
from ._targets import Target

LEVELS = ("-O3", "-O2", "-Os")
"""The compiler's levels that the bounds of the stack hold for; the first is the default."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Bytes and instructions of one model on one target.

    Attributes:
        built_with: name and version of the compiler, and its flags.
        account: RAM and flash, part by part. The stack is the bound in the generated header where
            there is one, else what was measured; a budget is compared with it.
        stack: bytes of stack, found by painting it: of a run, or of a model that listens, of
            ``NAME_listen`` up to its second decision.
        op_stacks: bytes of stack of each op run alone.
        instructions: executed instructions of a run; None where they are not counted.
    """

    built_with: str
    account: Account
    stack: int
    op_stacks: tuple[int, ...]
    instructions: Instructions | None


def measure_cost(
    target: Target,
    program: Program,
    *,
    golden: NDArray[np.integer] | None = None,
    optimize: str = LEVELS[0],
    count: bool = True,
) -> Cost:
    """Compile a model for a target and run it, and its self-test, in the target's emulator.

    Args:
        target: a row of the table.
        program: the model.
        golden: the inputs (N, h, w, c) of the self-test; None: zeros, up to the first output.
        optimize: the compiler's level, one of `LEVELS`.
        count: whether to count instructions, if the counting tools are installed.

    Raises:
        DeviceError: a tool is missing, a step failed, or a byte of the self-test is wrong.
        SizeError: the engine would need writable data.
    """
    if golden is None:
        zeros = np.zeros((program.clocks[-1].first, *program.input_shape), np.uint8)
        golden = zeros if program.input_type == "u8" else zeros.view(np.int8)
    with progress(f"costs on {target.name}"), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        binary = build_exported(target, program, golden, folder, optimize=optimize)
        answer = run_exported(target, program, binary)
        if answer.selftest != 0:
            raise DeviceError(
                f"the self-test of {program.name} on {target.name} gives {answer.selftest}, not 0: "
                "please report it"
            )
        counted = None
        if count and not why_not_counted(target):
            counted = count_instructions(
                target, answer.marks, binary, listens=program.front is not None
            )
        flash = linked_sizes(target, program, folder, optimize)
    stack, stack_is = answer.stack, "measured"
    if bound := packing.stack_bound(packing.kernel_set(target.kernels), program):
        stack = max(bound, answer.stack)
        stack_is = f"bound for any model, {answer.stack:,} bytes measured"
    on_target = replace(flash, stack=stack, stack_is=stack_is)
    return Cost(
        built_with=f"{compiler_version(target)}, {' '.join((*target.flags, optimize))}",
        account=account(program, on_target),
        stack=answer.stack,
        op_stacks=answer.op_stacks,
        instructions=counted,
    )


def compiler_version(target: Target) -> str:
    """Name and version of a target's compiler, ``gcc 14.2.0``."""
    kind = "gcc" if target.compiler.endswith("gcc") else "clang"
    option = "-dumpfullversion" if kind == "gcc" else "-dumpversion"
    done = subprocess.run([target.compiler, option], capture_output=True, text=True, check=True)
    return f"{kind} {done.stdout.strip()}"


def table_bytes(op: Op, target: Target) -> int:
    """Flash for the tables of an op, in the layout of the target's kernels."""
    return sum(table_sizes(op, packing.kernel_set(target.kernels)).values())


def table_sizes(op: Op, kernels: packing.KernelSet) -> dict[str, int]:
    """Bytes of each C array of an op, in the order of the generated file; "packed" has words."""
    exported = packing.exported_op(op, kernels)
    packed = packing.pack(exported, kernels)
    names = ("pad",) if packed else ("weight", "table", "bias", "mult", "pad")
    arrays = {name: getattr(exported, name, None) for name in names}
    sizes = {"packed": len(packed)} if packed else {}
    sizes |= {name: int(array.nbytes) for name, array in arrays.items() if array is not None}
    if "weight" in sizes:
        sizes["weight"] = getattr(exported, "weight_bytes", sizes["weight"])
    return sizes


def plane_bytes(program: Program) -> list[int]:
    """For each op, the bytes of RAM in use while it runs: the arena's bytes, and the program's
    input until its last reader. The program's output does not count.
    """
    last = max(i for i, tensors in enumerate(program.reads) if 0 in tensors)
    sizes = bytes_in_use(program)
    return [n + (program.input.bytes if i <= last else 0) for i, n in enumerate(sizes)]
