"""The C engine as a WebAssembly module: ``engine.wasm`` beside this file, and how it is built.

The module is made of `engine.c`, the plain kernels and the loader. clang vectorizes the kernels
(SIMD128): they need a third of the size of the hand-written SIMD kernels, which `-DDPT_NO_WASM`
leaves out, and LeNet takes below a millisecond. -O3 in place of -O2 unrolls them: 19 KB more, and
LeNet is 3 % faster. Everything else is built for size.
"""

import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from drypoint.common import DrypointError, write_atomic
from drypoint.engine import c_sources, include_dirs

COMPILERS = ("clang-19", "clang")  # the first is the one that built the shipped module
LINKERS = ("wasm-ld-19", "wasm-ld")
KERNELS = ("dpt_scalar.c",)
OTHERS = (
    *("dpt_backend.c", "dpt_model.c", "dpt_plan.c", "dpt_rows.c", "dpt_run.c"),
    *("dpt_bounds.c", "dpt_softmax.c", "dpt_work.c", "dpt_stream.c"),
    *("dpt_keywords.c", "dpt_listen.c", "dpt_sound.c", "dpt_sound_load.c"),
)
_FLAGS = (
    *("-std=c99", "--target=wasm32", "-msimd128", "-mbulk-memory", "-DDPT_NO_WASM"),
    *("-ffreestanding", "-ffunction-sections", "-fdata-sections", "-c"),
)
_LINK = ("--no-entry", "--gc-sections", "--strip-all", "--keep-section=producers")
_STACK = ("--stack-first", "-z", "stack-size=65536")  # too deep a stack is a trap


class BuildError(DrypointError, RuntimeError):
    """The module cannot be built: a tool is missing, or the compiler refuses."""


def shipped_engine() -> bytes:
    """The module that comes with the package."""
    return _shipped_path().read_bytes()


def build_engine() -> bytes:
    """The module, compiled now from the engine's C files; equal sources and an equal compiler give
    equal bytes.

    Raises:
        BuildError: clang or its linker for WebAssembly is missing, or clang refuses.
    """
    compiler, linker = _tool(COMPILERS), _tool(LINKERS)
    source = {path.name: path for path in c_sources()}
    here = Path(str(files(__package__)))
    small = [here / "engine.c", *(source[name] for name in OTHERS)]
    folders = [f"-I{path}" for path in (*include_dirs(), here / "libc")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for level, sources in (("-O2", [source[name] for name in KERNELS]), ("-Os", small)):
            _run([compiler, *_FLAGS, level, *folders, *sources], folder)
        objects = sorted(folder.glob("*.o"))
        _run([linker, *_LINK, *_STACK, *objects, "-o", "engine.wasm"], folder)
        return (folder / "engine.wasm").read_bytes()


def update_shipped_engine() -> Path:
    """Build the module, write it where the package has it, and return that path.

    Raises:
        BuildError: as `build_engine`.
    """
    write_atomic(_shipped_path(), build_engine())
    return _shipped_path()


def _shipped_path() -> Path:
    return Path(str(files(__package__))) / "engine.wasm"


def _tool(names: tuple[str, ...]) -> str:
    for name in names:
        if shutil.which(name):
            return name
    raise BuildError(f"{' or '.join(names)} is not installed; on Debian: apt-get install clang lld")


def _run(command: list[str | Path], folder: Path) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.splitlines() or [""]
        first = next((line for line in lines if "error" in line), lines[-1])
        raise BuildError(f"{words[0]} refuses the engine: {first}")
