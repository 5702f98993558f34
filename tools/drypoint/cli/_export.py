"""``drypoint export``: a program as C, without what its outputs do not depend on, in little RAM."""

import argparse
import math
import re
import shlex
from pathlib import Path
from textwrap import indent

import numpy as np

from drypoint import devices
from drypoint.common import DrypointError, known_word
from drypoint.data import Dataset
from drypoint.engine import ExportModel, export_models
from drypoint.forms import FORMS, LISTENING_FORMS
from drypoint.program import (
    Program,
    ProgramError,
    c_name,
    check_c_name,
    fuse_rows,
    memory_chart,
    random_inputs,
    simplify,
    streaming,
)

from ._chip import add_chip_arguments
from ._data import examples, read_known
from ._output import GREEN, columns, command_text, result, say, table
from ._package import add_package_argument, package_of
from ._pieces import add_labels_argument, load_file, model_file, number, ram_text
from ._quantize import EXAMPLES, to_integers

EXAMPLE = "drypoint export build/lenet/lenet.dpt --target cortex-m4 --out firmware/lenet"

_MOST = 32  # inputs of a self-test
_EVERY_FORM = (*FORMS, *LISTENING_FORMS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    names = [row.name for row in devices.TARGETS]
    parser.add_argument(
        "program",
        type=model_file,
        nargs="+",
        help="a program (.dpt, or lenet-mnist), a float model (.npz), which is quantized first, or "
        "ONNX or TensorFlow Lite; several become one library with one engine",
    )
    add_labels_argument(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write into"
    )
    parser.add_argument(
        "--form",
        type=lambda text: known_word(text, _EVERY_FORM) or text,
        choices=_EVERY_FORM,
        default="plain",
        metavar="FORM",
        help="layout of the folder: plain C files, or a library of a build system: "
        + ", ".join(FORMS),
    )
    parser.add_argument(
        "--target",
        type=str.lower,
        choices=names,
        metavar="NAME",
        help="lay the weights out for this device and measure the cost there in an emulator: "
        + ", ".join(names),
    )
    add_chip_arguments(parser, over="write nothing when the model costs more")
    parser.add_argument(
        "--streaming",
        action="store_true",
        help="for a signal: the C reads one row in each step, and keeps what later rows need",
    )
    parser.add_argument(
        "--clock",
        type=number("clock; write it in MHz: 80 or 32.768", below=math.inf),
        metavar="MHZ",
        help="with --target: estimate the time at this clock; a usual one of the core if left out",
    )
    parser.add_argument(
        "--name",
        help="C name of the model; the program's own if left out; of several, that of the library",
    )
    parser.add_argument(
        "--names",
        metavar="A,B",
        help="C names of several models; if left out, the programs' names, or the files' names if "
        "two programs have one name",
    )
    add_package_argument(parser)
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="examples for the self-test, one of each class, as for drypoint train; if left out, "
        "of the data that the net was trained on, as its file names them, else random values",
    )


def run(args: argparse.Namespace) -> int:
    """Write the folder and say how to build it."""
    if args.chip is not None:
        args = use_chip(args)
    row = devices.target(args.target) if args.target else None
    if row is None and (args.budget or args.clock):
        option = "--budget" if args.budget else "--clock"
        raise DrypointError(f"{option} is about a device: name one with --target")
    package = package_of(args.package)
    simplified = {name: simplify(program) for name, program in named_programs(args).items()}
    exported = {
        name: make_streaming(simpler.program) if args.streaming else simpler.program
        for name, simpler in simplified.items()
    }
    programs = {
        name: fuse_rows(
            program,
            arena=None if row is None else devices.arena_limit(args.budget or {}, program, row),
        )
        for name, program in exported.items()
    }
    chosen: dict[str, ExportModel] = {}
    texts, costs = "", dict[str, object]()
    for name, simpler in simplified.items():
        program = programs[name]
        golden = golden_inputs(simpler.program, args)
        if program.is_streaming:
            golden = first_steps(program, golden)
        section = f"Left out of the program: {simpler.left_out}.\n\n" if simpler.changes else ""
        texts += f"  {name}\n" if len(programs) > 1 else ""
        texts += f"  left out of the program: {simpler.left_out}\n"
        texts += f"  arena: {arena_text(exported[name], program)}\n"
        texts += f"  RAM: {ram_text(program)}\n\n"
        if row:
            text, costs[name], more = measure_cost(row, program, args, golden)
            texts, section = texts + text, section + more
        chosen[name] = ExportModel(program=program, golden=golden, cost=section)
    shared = "models" if args.name is None else args.name
    library = shared if len(programs) > 1 else next(iter(programs))
    files = export_models(
        chosen,
        args.out,
        name=library,
        form=args.form,
        kernels=row.kernels if row else None,
        target=row.name if row else "",
        package=package,
    )
    if others := other_engines(args.out, files):
        say(
            f"{args.out} also has the engine of another export: {', '.join(map(str, others[:4]))}; "
            "delete the folder and export again, or export to another"
        )
    sizes = {str(path): path.stat().st_size for path in files}
    text = f"{list_files(files)}\n\n{texts}{next_step(args, list(programs), row)}"
    facts: dict[str, object] = {"form": args.form, "files": sizes}
    models = {
        name: {
            "arena_bytes": programs[name].arena_size,
            "arena_bytes_of_whole_outputs": exported[name].arena_size,
            "state_bytes": programs[name].state_size,
            "left_out": simpler.to_json(),
        }
        for name, simpler in simplified.items()
    }
    if len(programs) > 1:
        facts |= {"library": library, "models": models}
        facts |= {"target": row.name, "costs": costs} if row else {}
    else:
        facts |= {"name": library, **models[library]}
        facts |= {"target": row.name, "cost": costs[library]} if row else {}
    result(text, facts, as_json=args.json, colors={"passed(?=, .* inputs)": GREEN})
    return 0


def use_chip(args: argparse.Namespace) -> argparse.Namespace:
    """The options with the target and the budget of ``--chip``.

    Raises:
        DrypointError: `--target` names another core.
    """
    found: devices.Chip = args.chip
    if args.target not in (None, found.target):
        raise DrypointError(
            f"--chip {found.name} has the target {found.target}, not {args.target}: leave one out"
        )
    say(f"{found.name}: {found.core}, {found.ram:,} bytes of RAM, {found.flash:,} of flash")
    limits = found.budget | (args.budget or {})
    return argparse.Namespace(**{**vars(args), "target": found.target, "budget": limits})


def make_streaming(program: Program) -> Program:
    """The program that reads a signal row by row.

    Raises:
        DrypointError: it has none, as its padding looks ahead, for example.
    """
    try:
        return streaming(program)
    except ProgramError as error:
        causal = "; drypoint train --net tcn makes such a net" if "causal" in str(error) else ""
        raise DrypointError(f"{error}{causal}") from error


def other_engines(folder: Path, files: list[Path]) -> list[Path]:
    """Files of an engine, in a folder or one below it, that this export did not write: another
    form, or an older release, has left them there, and a build would compile them too."""
    names = ("dpt_*.c", "drypoint.h", "drypoint.c")
    engine = (path for name in names for at in (name, f"*/{name}") for path in folder.glob(at))
    return sorted({*engine} - {*files})


def list_files(files: list[Path]) -> str:
    """The written files with their sizes; the engine's in one line."""
    engine = [path for path in files if re.match(r"dpt_|drypoint[._]", path.name)]
    rows = [(path, path.stat().st_size) for path in files if path not in engine]
    lines = [(str(path), f"{size:,} bytes") for path, size in rows]
    of_engine = sum(path.stat().st_size for path in engine)
    count = f"the engine, {len(engine)} source files"
    places = ", ".join(str(place) for place in dict.fromkeys(path.parent for path in engine))
    return table([*lines, (places, f"{of_engine:,} bytes: {count}")])


def arena_text(whole: Program, program: Program) -> str:
    """The bytes of the arena, and what running ops row by row saves."""
    if program is whole:
        state = f", {program.state_size:,} of them state" if program.is_streaming else ""
        return f"{program.arena_size:,} bytes{state}"
    by_rows = sum(n > 0 for n in program.plan.rows)
    without = f"{whole.arena_size:,} if no op ran row by row, as {by_rows} do"
    return f"{program.arena_size:,} bytes; {without}"


def named_programs(args: argparse.Namespace) -> dict[str, Program]:
    """C name -> program; the names are distinct.

    Raises:
        DrypointError: a file is no program; names that are not distinct, not as many as files, or
            no names of C.
    """
    loaded = [integers_of(path, args) for path in args.program]
    names = [c_name(program.name) for program in loaded]
    if len(loaded) == 1:
        if args.names:
            raise DrypointError("--names is for several programs; one is named by --name")
        names = [names[0] if args.name is None else args.name]
    elif args.names:
        names = args.names.split(",")
    elif len(set(names)) < len(names):
        names = [c_name(path.stem) for path in args.program]
    if len(names) != len(loaded) or len(set(names)) < len(names):
        raise DrypointError(
            f"{len(loaded)} programs are called {', '.join(names)}: give each a name of its own, "
            "--names a,b"
        )
    for name in [*names, *([] if args.name is None else [args.name])]:  # before the work
        check_c_name(name)
    return dict(zip(names, loaded, strict=True))


def integers_of(path: Path, args: argparse.Namespace) -> Program:
    """The program of a file; a float model becomes one, calibrated on training examples.

    Raises:
        DrypointError: the file is neither; a model's training examples are not known.
    """
    loaded = load_file(path, args.labels)
    if isinstance(loaded, Program):
        return loaded
    if loaded.is_integer:
        return to_integers(loaded, None, name=path.stem)
    dataset = examples("train", argparse.Namespace(data=args.data, limit=EXAMPLES), loaded)
    say(f"{path} is a float model: it is quantized first, as drypoint quantize {path} does")
    return to_integers(loaded, dataset, name=path.stem)


def next_step(args: argparse.Namespace, names: list[str], row: devices.Target | None) -> str:
    """The lines that say how to build the self-test and the folder."""
    selftest = ""
    if row:
        calls = " and ".join(f"{name}_selftest()" for name in names)
        selftest = (
            f"the self-test is for {row.name} too and does not link on this computer: build it "
            f"with your firmware and call {calls} there; 0 is right\n"
        )
    if args.form != "plain":
        return f"{selftest}how to add it to a project: {args.out / 'README.md'}"
    line = compiler_line(args.out, names, row)
    what = "compile it" if row else "build and run the self-test"
    return f"{selftest}{what}:\n{command_text(line)}"


def measure_cost(
    row: devices.Target, program: Program, args: argparse.Namespace, golden: np.ndarray
) -> tuple[str, dict[str, object] | None, str]:
    """Measure the cost on a target, as lines, JSON and a section of the README; check the budget.

    Packing weights needs no tools of the target: without the tools only the cost is missing.

    Raises:
        DeviceError: the tools are missing, and a budget is given.
    """
    try:
        devices.check_tools(row)
    except devices.DeviceError as error:
        if args.budget:
            raise
        return f"  cost not measured: {error}\n\n", None, ""
    clock = args.clock or row.clock_mhz
    cost = devices.measure_cost(row, program, golden=golden)
    if args.budget:
        devices.check_budget(args.budget, cost, program, row)
    whole = devices.cost_rows(row, cost, program, clock)
    unit = "steps" if program.is_streaming else "inputs"
    head = f"  on {row.name}, kernels {row.kernels!r}, {cost.built_with}"
    text = f"{head}\n{table(whole, indent='    ')}\n"
    text += f"    self-test in the emulator: passed, {len(golden)} {unit}, every layer\n\n"
    text += f"{table(devices.op_rows(row, cost, program), indent='    ')}\n"
    text += f"    the columns: {devices.OP_COLUMNS}\n\n"
    text += indent(memory_chart(program, columns() - 4), "    ") + "\n\n"
    return text, cost_facts(cost, program, clock), devices.cost_section(row, cost, program, clock)


def cost_facts(cost: devices.Cost, program: Program, clock_mhz: float) -> dict[str, object]:
    """A cost as JSON-able values; microseconds are an estimate at one instruction a cycle."""
    facts: dict[str, object] = {
        "code_bytes": cost.code,
        "table_bytes": cost.tables,
        "arena_bytes": cost.arena,
        "stack_bytes": cost.stack_needed,
        "stack_measured_bytes": cost.stack,
        "ram_bytes": program.ram_size + cost.stack_needed,
    }
    if cost.instructions:
        facts["instructions"] = cost.instructions.total
        if clock_mhz:
            facts["estimated_microseconds"] = round(cost.instructions.total / clock_mhz)
            facts["clock_mhz"] = clock_mhz
    return facts


def golden_inputs(program: Program, args: argparse.Namespace) -> np.ndarray:
    """Inputs for the self-test: of ``--data``; else of the data that the net was trained on, where
    they are known; else random values.

    Raises:
        DrypointError: ``--data`` cannot be read, or the program does not read it.
    """
    options = argparse.Namespace(data=args.data, limit=None)
    known = read_known(
        lambda: one_of_each(examples("test", options, program, several=True), program),
        f"no --data: the self-test of {program.name} has random inputs",
        required=args.data is not None,
    )
    return random_inputs(program, 4) if known is None else known


def first_steps(program: Program, windows: np.ndarray) -> np.ndarray:
    """Steps of a streaming program for its self-test: the rows of windows one after another, as
    often as it takes for a few outputs."""
    rows = windows.reshape(-1, *program.input_shape)
    first, period = program.clocks[-1]
    return np.resize(rows, (first + 4 * period, *program.input_shape))


def one_of_each(dataset: Dataset, program: Program) -> np.ndarray:
    """The first example of each class, of at most `_MOST` classes, as the program reads it.

    Raises:
        ProgramError: the program does not read such images.
    """
    firsts = [int(np.argmax(dataset.y == c)) for c in np.unique(dataset.y)[:_MOST]]
    return program.encode(dataset.take(firsts).inputs)


def compiler_line(folder: Path, names: list[str], row: devices.Target | None = None) -> str:
    """For a shell: what builds and runs the self-test here, or compiles the models for a target."""
    at = shlex.quote(str(folder))
    models = " ".join(f"{at}/{name}.c" for name in names)
    if row:
        flags = shlex.join([row.compiler, *devices.processor_flags(row), "-O2"])
        return f"{flags} -I{at}/drypoint -c {models} {at}/drypoint/*.c"
    selftests = f"{at}/selftest.c"
    if len(names) > 1:
        selftests += "".join(f" {at}/selftest_{name}.c" for name in names)
    parts = f"{models} {selftests} {at}/drypoint/*.c"
    return f"cc -std=c99 -O2 -I{at}/drypoint {parts} -o {at}/selftest && {at}/selftest"
