"""Builds the native modules of MicroPython, one for cameras and one for microphones.

    python packaging/micropython/build.py MICROPYTHON OUT [ARCHITECTURE ...]

MICROPYTHON is an unpacked source of MicroPython whose version of .mpy is the firmware's (Debian:
`apt-get source micropython`); its linker needs `pip install pyelftools ar`. Writes
OUT/camera/ARCHITECTURE/drypoint.mpy and OUT/microphone/ARCHITECTURE/drypoint.mpy, beside each
package.json for `mip`, and prints the sizes.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from drypoint import engine

HERE = Path(__file__).parent

# The compiler's prefix, and flags, as MicroPython's dynruntime.mk has them. xtensawin, the ESP32's,
# is not here: no package has its compiler, so it would be untested.
ARCHITECTURES: dict[str, tuple[str, tuple[str, ...]]] = {
    "x64": ("", ("-fno-stack-protector",)),
    "armv6m": ("arm-none-eabi-", ("-mthumb", "-mcpu=cortex-m0")),
    "armv7emsp": (
        "arm-none-eabi-",
        ("-mthumb", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    ),
}
SOURCES = ("model", "plan", "bounds", "run", "rows", "stream", "scalar", "softmax", "sound_load")
# A module lies in RAM, and a board with a camera needs no front end of sound.
MODULES = {
    "camera": ("candidates", "boxes", "cells"),
    "microphone": ("sound", "listen", "keywords"),
}
# Passes of gcc that make code longer and faster: a module has little room.
SMALLER = (
    "-fno-tree-loop-optimize",
    "-fno-inline-functions-called-once",
    "-fno-move-loop-invariants",
    "-fno-schedule-insns2",
    "-fno-tree-dominator-opts",
)


def build(micropython: Path, architecture: str, module: str, folder: Path) -> Path:
    """Compile and link a module for an architecture; the path of its drypoint.mpy."""
    prefix, flags = ARCHITECTURES[architecture]
    folder.mkdir(parents=True, exist_ok=True)
    files = {path.stem: path for path in engine.c_sources() if path.suffix == ".c"}
    sources = [HERE / "drypoint.c", *(files[f"dpt_{name}"] for name in SOURCES + MODULES[module])]
    linker = [sys.executable, micropython / "tools/mpy_ld.py", "--arch", architecture]
    config, program = folder / "config.h", folder / "program.o"
    define = f"-D{module.upper()}"
    _run([*linker, "--preprocess", "-o", config, HERE / "drypoint.c"])
    cflags = ["-std=c99", "-Os", "-Wall", "-Wextra", "-Werror", "-Wno-sign-compare", "-DNDEBUG"]
    cflags += ["-fpic", "-fno-common", "-U_FORTIFY_SOURCE", "-Wno-unused-parameter", *flags]
    cflags += ["-fno-tree-loop-distribute-patterns"]  # makes calls of strlen, which is not there
    cflags += ["-DNO_QSTR", "-DMICROPY_ENABLE_DYNRUNTIME", f"-DMP_CONFIGFILE=<{config}>"]
    cflags += ["-DMICROPY_FLOAT_IMPL=MICROPY_FLOAT_IMPL_NONE", "-DDPT_PLAIN_C", define]
    cflags += [f"-I{path}" for path in (micropython, *engine.include_dirs())]
    # As one program, in which the compiler leaves out what nothing calls: MicroPython's linker
    # takes objects whole.
    cflags += ["-flto", "-fwhole-program", "-fipa-pta", *SMALLER]
    objects = []
    for source in sources:
        objects.append(folder / f"{source.stem}.o")
        _run([f"{prefix}gcc", *cflags, "-c", source, "-o", objects[-1]])
    join = ["-r", "-nostdlib", "-flinker-output=nolto-rel", "-Wl,-e,mpy_init"]
    _run([f"{prefix}gcc", *cflags, *join, *objects, "-o", program])
    mpy = folder / "drypoint.mpy"
    libgcc = _run([f"{prefix}gcc", *flags, "-print-libgcc-file-name"]).strip()
    # The module holds the path of the output as the linker reads it, which takes the functions of
    # libgcc in the order of a set of names.
    _run([*linker, "--qstrs", config, f"-l{libgcc}", "-o", mpy.name, program], cwd=folder)
    return mpy


def _run(command: Sequence[object], cwd: Path | None = None) -> str:
    words = [str(word) for word in command]
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(words, check=False, capture_output=True, text=True, cwd=cwd, env=fixed)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def package() -> str:
    """The file by which `mip.install` of a folder's address finds the module beside it."""
    facts = {"version": version("drypoint"), "urls": [["drypoint.mpy", "drypoint.mpy"]]}
    return json.dumps(facts, indent=2) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Build the modules of the named architectures; without a name of each with a compiler here."""
    micropython, out, *named = arguments
    for name in named or ARCHITECTURES:
        if not named and not shutil.which(f"{ARCHITECTURES[name][0]}gcc"):
            print(f"{name}: no {ARCHITECTURES[name][0]}gcc here")
            continue
        for module in MODULES:
            folder = Path(out).resolve() / module / name
            mpy = build(Path(micropython).resolve(), name, module, folder)
            mpy.with_name("package.json").write_text(package())
            print(f"{module}/{name}: {mpy.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit("wanted: python packaging/micropython/build.py MICROPYTHON OUT")
    main(sys.argv[1:])
