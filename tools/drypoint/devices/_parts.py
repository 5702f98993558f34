"""The parts that exported programs are linked from, by target and level: a recorded table.

A program links the functions that its kernels reach, so the bytes of any set of kernels follow from
the sections of the engine's object files, and no set is linked to know its bytes.
"""

import contextlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np

from drypoint.common import progress, read_bytes, sha256, write_atomic
from drypoint.engine import engine_files, export_c
from drypoint.program import LIMITS, Dense, Output, Program, Shape, Tensor, packing

from ._cost import LEVELS, compiler_version
from ._emulate import DeviceError, check_tools, compile_flags, linker_script
from ._exported import NAME, called_functions, exported_engine, link_options, run_tool
from ._objects import Section, join_objects, read_object
from ._targets import Board, Target, with_kernels
from ._targets import target as find_target

FILE = Path(str(files(__package__))) / "parts.json"
RECORDED = ("cortex-m0+", "cortex-m4")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What is linked to the C file of a model, for a target at a level.

    Attributes:
        compiler: name and version.
        engine: SHA-256 of the engine's sources.
        model: bytes and alignment of what each model's file has: "op", "model", "kernels",
            "available", "labels", and "dispatch2" or "dispatch3", which chooses among two or three
            kernels by the bits of weights.
        sections: the engine's and the libraries', in the order of the link.
    """

    compiler: str
    engine: str
    model: Mapping[str, tuple[int, int]]
    sections: tuple[Section, ...]


def parts_of(target: Target, optimize: str) -> Parts:
    """The recorded parts; where the engine or the compiler is another one, the parts of a build,
    which the cache folder keeps.

    Raises:
        DeviceError: the target is no bare board, or the parts are not known and a tool is missing.
    """
    if not isinstance(target.runs_on, Board):
        raise DeviceError(f"flash on {target.name} is not estimated: drypoint export measures it")
    compiler = compiler_version(target) if which(target.compiler) else ""
    return _find_parts(target, optimize, compiler)


@lru_cache(maxsize=32)
def _find_parts(target: Target, optimize: str, compiler: str) -> Parts:
    engine, key = engine_digest(target), _key(target, optimize)
    recorded = read_parts(FILE).get(key)
    if recorded and recorded.engine == engine and compiler in ("", recorded.compiler):
        return recorded
    check_tools(target)
    from drypoint.data import cache_folder  # noqa: PLC0415 ; slow to import, and seldom needed

    file = cache_folder() / "parts" / f"{sha256(f'{key} {engine} {compiler}'.encode())[:32]}.json"
    kept = None
    with contextlib.suppress(
        OSError, ValueError, LookupError, TypeError
    ):  # none, or a damaged file
        kept = read_parts(file)[key]
    if kept is None:
        kept = measure_parts(target, optimize)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_parts({key: kept}, file)
    return kept


def _key(target: Target, optimize: str) -> str:
    """The name of a target's parts, with its kernels where they are not the target's own."""
    own = find_target(target.name).kernels
    return " ".join([target.name, *([target.kernels] if target.kernels != own else []), optimize])


def engine_digest(target: Target) -> str:
    """The SHA-256 of the engine's files that a target's exports have."""
    paths = engine_files(packing.kernel_set(target.kernels))
    return sha256(b"\0".join(read_bytes(path) for path in paths))


def read_parts(file: Path) -> dict[str, Parts]:
    """The parts of a file, by target and level."""
    rows: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return {
        key: Parts(
            compiler=row["compiler"],
            engine=row["engine"],
            model={name: (size, align) for name, (size, align) in row["model"].items()},
            sections=tuple(
                Section(name, size, align, tuple(needs), tuple(symbols), is_engine)
                for name, size, align, needs, symbols, is_engine in row["sections"]
            ),
        )
        for key, row in rows.items()
    }


def write_parts(rows: Mapping[str, Parts], file: Path = FILE) -> None:
    """Write parts as JSON, a section a line."""
    texts = []
    for key, row in rows.items():
        sections = ",\n  ".join(json.dumps(section) for section in row.sections)
        head = json.dumps({"compiler": row.compiler, "engine": row.engine, "model": row.model})
        texts.append(f'{json.dumps(key)}: {head[:-1]}, "sections": [\n  {sections}]}}')
    write_atomic(file, "{\n" + ",\n".join(texts) + "\n}\n")


def record_parts(names: Sequence[str] = RECORDED) -> None:
    """Measure the parts of some targets and write the package's table.

    Raises:
        DeviceError: a tool is missing or fails.
    """
    rows = [row for name in names for row in with_kernels(find_target(name))]
    levels = (LEVELS[0], LEVELS[-1])
    write_parts({_key(row, level): measure_parts(row, level) for row in rows for level in levels})


def measure_parts(target: Target, optimize: str) -> Parts:
    """Compile the engine and a model that shows each part of a model's file.

    Raises:
        DeviceError: a tool is missing.
        SizeError: a compiler fails.
    """
    check_tools(target)
    assert isinstance(target.runs_on, Board)
    kernels = packing.kernel_set(target.kernels)
    program = _sample((8, 4, 2) if kernels.few_bits else (8,))
    pair = _sample((8, 4)) if kernels.few_bits else program
    with progress(f"parts of {target.name} {optimize}"), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = [_compile_model(target, optimize, each, folder) for each in (pair, program)]
        sources = exported_engine(folder)
        compiler = [target.compiler, *compile_flags(target), optimize, f"-I{folder}"]
        objects = [source.with_suffix(".o") for source in sources]
        for source, out in zip(sources, objects, strict=True):
            run_tool(*compiler, "-c", source, "-o", out)
        (folder / f"{NAME}.ld").write_text(linker_script(target.runs_on), "utf-8")
        _, options = link_options(target, folder, called_functions(program))
        link = [*compiler, folder / f"{NAME}.o", *objects, "-nostartfiles", *options]
        run_tool(*link, f"-Wl,-Map={folder / 'map'}", "-o", folder / "whole.elf")
        found = [read_object(out.read_bytes()) for out in objects]
        libraries = _members(target, (folder / "map").read_text("utf-8"))
        found += [read_object(member, is_engine=False) for member in libraries]
    sizes = _model_sizes(models[1], len(program.ops))
    if "dispatch" in sizes:  # plain kernels read weights of any bits
        sizes["dispatch2"] = _model_sizes(models[0], 1)["dispatch"]
        sizes["dispatch3"] = sizes.pop("dispatch")
    return Parts(
        compiler=compiler_version(target),
        engine=engine_digest(target),
        model=sizes,
        sections=tuple(join_objects(found)),
    )


def _sample(bits: Sequence[int]) -> Program:
    """A program with a dense op for each number of bits of its weights."""
    source, ops = Tensor(Shape(1, 1, 4), "u8"), list[Dense]()
    for i, each in enumerate(bits, 1):
        output = source._replace(type="i32") if i == len(bits) else source
        low, high = LIMITS[output.type]
        ops.append(
            Dense(
                name=f"op{i}",
                inputs=(source,),
                output=output,
                weight=np.ones((4, 4), np.int8),
                weight_bits=each,
                bias=np.zeros(4, np.int32),
                shift=0,
                mult=np.full(4, 2, np.int32),
                lo=low,
                hi=high,
            )
        )
    outputs = (Output("output", 1.0),)
    return Program(name="sample", ops=tuple(ops), input_scale=1.0, outputs=outputs)


def _compile_model(target: Target, optimize: str, program: Program, folder: Path) -> list[Section]:
    """The sections of a model's C file, which are written to a folder with its engine."""
    inputs = np.zeros((1, *program.input_shape), np.uint8)
    export_c(program, inputs, folder, name=NAME, kernels=target.kernels)
    out = folder / f"{NAME}.o"
    flags = [*compile_flags(target), optimize, f"-I{folder}"]
    run_tool(target.compiler, *flags, "-c", folder / f"{NAME}.c", "-o", out)
    return read_object(out.read_bytes())


def _model_sizes(sections: Iterable[Section], n_ops: int) -> dict[str, tuple[int, int]]:
    """Bytes and alignment of the parts of a model's file with so many ops."""
    names = {
        ".rodata.model": "model",
        ".rodata.kernels": "kernels",
        ".rodata.ops": "op",
        ".rodata.labels": "labels",
        ".text.available": "available",
        ".text.kernel_dense": "dispatch",
    }
    found = {names[s.name]: (s.size, s.align) for s in sections if s.name in names}
    size, align = found["op"]
    return {**found, "op": (size // n_ops, align)}


def _members(target: Target, text: str) -> list[bytes]:
    """The members of libraries that a link took, by its map, in order."""
    ar = target.compiler.replace("gcc", "ar")
    head, _, _ = text.partition("Discarded input sections")
    found = re.findall(r"^(/.*\.a)\((.+)\)$", head, re.MULTILINE)
    return [
        subprocess.run([ar, "p", *member], capture_output=True, check=True).stdout
        for member in found
    ]
