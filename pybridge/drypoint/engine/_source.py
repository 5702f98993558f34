"""Finds the engine's C files: in the installed package, or in the checkout."""

import re
from collections.abc import Collection
from pathlib import Path

from drypoint.program import packing

HERE = Path(__file__).parent


def _root() -> Path:
    """The folder with ``include`` and ``src``."""
    checkout = HERE.parents[2] / "engine_c"
    return checkout if checkout.is_dir() else HERE / "c"


def include_dir() -> Path:
    """The folder that holds ``drypoint.h``."""
    return _root() / "include"


def include_dirs() -> list[Path]:
    """The folders that a compiler of `c_sources` needs by ``-I``."""
    return [include_dir(), *sorted({path.parent for path in c_sources()})]


def headers() -> list[Path]:
    """The public headers: for C, of models that listen, the kernels of generated code, for C++."""
    return sorted(include_dir().glob("drypoint*.h*"))


def licence() -> Path:
    """The file with the text of the engine's licence."""
    return _root() / "LICENSE"


def c_sources() -> list[Path]:
    """The engine's C files, internal headers and fragments (``.inc``), sorted by name."""
    found = (_root() / "src").rglob("dpt_*")
    kinds = (".c", ".h", ".inc")
    return sorted((path for path in found if path.suffix in kinds), key=lambda path: path.name)


def engine_files(kernels: packing.KernelSet) -> list[Path]:
    """The headers and sources that an export with these kernels has, without sound and boxes."""
    return select_needed([*headers(), *sources_for(kernels)], sound=False, boxes=False)


def select_needed(paths: list[Path], *, sound: bool, boxes: bool) -> list[Path]:
    """The headers or sources that models need, of which some have a front end or find boxes."""
    left_out = [] if sound else ["sound", "listen", "keywords"]
    left_out += [] if boxes else ["boxes", "cells", "candidates"]
    return [path for path in paths if not any(word in path.stem for word in left_out)]


_EVERY_FAMILY = ("core", "scalar", "sound", "detection")  # rooms of src
_ROOMS = {
    "host": ("host", "x86", "neon", "wasm"),
    "small": ("small",),
    "helium": ("helium",),
    "riscv": ("host", "rvv", "small"),
}
FAMILIES = tuple(_ROOMS)
"""Families of processors: SIMD computers, 32-bit cores without SIMD, Cortex-M55, RISC-V."""


def sources_of_family(family: str) -> list[Path]:
    """The engine's C files that every family has, and the kernels of one."""
    rooms = {*_EVERY_FAMILY, *_ROOMS[family]}
    return [path for path in c_sources() if path.parent.name in rooms]


def leave_out_backends(text: str, there: Collection[str]) -> str:
    """The text of ``dpt_backends.h`` for a build without the files of some backends: of a family
    that is not there, ``dpt_backend.c`` names no backend."""
    known = re.findall(r"DPT_NO_(\w+)", text)
    lacking = [name for name in dict.fromkeys(known) if f"dpt_{name.lower()}.c" not in there]
    lines = "".join(f"#ifndef DPT_NO_{name}\n#define DPT_NO_{name}\n#endif\n" for name in lacking)
    guard = "#define DPT_BACKENDS_H\n"
    return text.replace(guard, guard + lines, 1)


def sources_for(
    kernels: packing.KernelSet, *, sound: bool = False, boxes: bool = False
) -> list[Path]:
    """The C files that generated code with these kernels needs, and the files that they include."""
    there = {path.name: path for path in c_sources()}
    own = kernels.backend
    always = ["dpt_run.c", "dpt_rows.c", "dpt_stream.c"]
    always += ["dpt_scalar.c", "dpt_softmax.c", "dpt_log.c"]
    always += ["dpt_listen.c", "dpt_keywords.c", "dpt_sound.c"] if sound else []
    always += ["dpt_boxes.c", "dpt_cells.c", "dpt_candidates.c"] if boxes else []
    wanted = always
    sizes = [""] + [f"_{kernels.size}"] * bool(kernels.size)
    few = [f"{own}{bits}{size}.c" for bits in ("", 4, 2) for size in sizes]
    wanted += [name for name in few if name in there]
    if kernels.quads is not None:
        wanted += ["dpt_driver.c", "dpt_driver_depthwise.c"]
    if "dpt_cpu_has" in there[f"{own}.c"].read_text("utf-8"):
        wanted.append("dpt_cpu.c")
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in there and name not in found:
            found.add(name)
            wanted += re.findall(
                r'^#include "(\w+\.(?:h|inc))"', there[name].read_text("utf-8"), re.M
            )
    return [there[name] for name in sorted(found)]
