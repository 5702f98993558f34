"""``drypoint verify``: reference, engine and generated C, byte by byte."""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint.common import count_of
from drypoint.engine import Compiled, Engine, Runner, Verification, find_compiler, verify
from drypoint.program import Program, codegen, random_inputs, simplify, to_export

from ._data import add_data_arguments, examples, read_or_none
from ._foreign import add_foreign_arguments, foreign_options
from ._output import GREEN, RED, result, table
from ._pieces import load_program, model_file

Integers = NDArray[np.integer] | list[NDArray[np.integer]]
"""Inputs of a program, or the steps of each recording."""
EXAMPLE = "drypoint verify build/lenet/lenet.dpt --limit 1000"
GENERATED = "generated C"
RANDOM, MOST_RANDOM = 200, 10_000  # inputs, where there are no data
COLORS = {r"\bequal$": GREEN, r"[\w.]+: [\d,]+ bytes\b.*": RED}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "program",
        type=model_file,
        help="a program (.dpt), a quantized ONNX or TensorFlow Lite file, or lenet-mnist",
    )
    add_foreign_arguments(parser)
    parser.add_argument("--cc", metavar="COMPILER", help="C compiler; cc, gcc or clang if left out")
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Compare; the exit code is 1 if any byte differs."""
    program, compiler = load_program(args.program, foreign_options(args)), find_compiler(args.cc)
    x = inputs(program, args)
    found = compare(program, x, compiler=compiler)
    unit = "step" if program.is_streaming else "example"
    text, facts = describe(found, unit), found.to_json()
    differing, simplified = found.differing_bytes, simplify(program)
    as_exported = to_export(simplified)
    if as_exported is not program:
        exported = compare(as_exported, x, compiler=compiler)
        ends = (verification.outputs["reference"] for verification in (found, exported))
        changed = int(np.count_nonzero(np.not_equal(*ends)))
        text += f"\nas exported, arena {as_exported.arena_size:,} bytes, "
        text += f"left out: {simplified.left_out}\n{describe(exported, unit)}"
        text += f"\n{count_of(changed, 'output')} of the two references differ"
        facts["exported"] = {**exported.to_json(), "differing_outputs": changed}
        differing += exported.differing_bytes + changed
    result(text, facts, as_json=args.json, colors=COLORS)
    return 1 if differing else 0


def inputs(program: Program, args: argparse.Namespace) -> Integers:
    """Examples of ``--data``; else of the data that the net was trained on, where they are known;
    else random integers, by which bytes can be compared as well.
    """
    count = min(args.limit or RANDOM, MOST_RANDOM)
    x = read_or_none(
        lambda: program.encode_examples(examples("test", args, program).inputs),
        f"no --data: {count} random inputs",
        required=args.data is not None,
    )
    return random_inputs(program, max(count, program.clocks[-1].first)) if x is None else x


def describe(found: Verification, unit: str = "example") -> str:
    """A line of totals, then a line for each runner."""
    total = found.examples * found.bytes_per_example
    rows = [
        (name, "equal" if not ops else ", ".join(f"{op}: {n:,} bytes" for op, n in ops.items()))
        for name, ops in found.differing.items()
    ]
    examples = count_of(found.examples, unit)
    return f"{examples}, {total:,} bytes against the reference\n{table(rows)}"


def compare(program: Program, x: Integers, *, compiler: str) -> Verification:
    """All backends of the engine and freshly generated C against the reference."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        golden = x if isinstance(x, np.ndarray) else np.concatenate(x)
        golden = golden[: program.clocks[-1].first]
        for file, text in codegen.generate(program, "model", golden).items():
            (folder / file).write_text(text, "utf-8")
        return compare_with(program, x, folder, name="model", compiler=compiler)


def compare_with(
    program: Program, x: Integers, folder: Path, *, name: str, compiler: str
) -> Verification:
    """All backends of the engine, and the generated C in ``folder``, against the reference."""
    with tempfile.TemporaryDirectory() as workdir:
        runners: dict[str, Runner] = {
            f"engine ({backend})": Engine(program, backend=backend) for backend in Engine.backends()
        }
        runners[GENERATED] = Compiled(
            program, folder, name=name, workdir=Path(workdir), compiler=compiler
        )
        return verify(program, runners, x)
