"""Writes the engine as an Arduino library that can be published as a repository.

    python packaging/arduino/build.py OUT

trains the nets of two sketches (`pip install --no-deps aeon` for the motions of a watch), copies
engine and sketches, and measures flash and RAM of each sketch with the cross compilers of
`make device-tools`; a core whose compiler is missing has no row.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import metadata, version
from pathlib import Path
from string import Template

import numpy as np

from drypoint import data, devices, engine, nn, quant, train
from drypoint.common import write_all
from drypoint.nn import Layer
from drypoint.program import Program, codegen, streaming

HERE = Path(__file__).parent
SKETCHES = HERE / "examples"
CORES = ("cortex-m0+", "cortex-m4", "riscv32")
COMMAND = "python packaging/arduino/build.py OUT"


def quantize(net: Layer, name: str, **training: object) -> tuple[Program, str, np.ndarray]:
    """A net trained on a data set: its program, its accuracy in words, an encoded test input."""
    learned, test = data.load(name, "train"), data.load(name, "test")
    model = train.fit(net, learned, seed=1, **training).model
    program = quant.quantize(model, quant.calibrate(model, learned.x[:1000]))
    said = engine.Engine(program).predict_proba(test.x).argmax(axis=1)
    right = np.mean(said == test.y)
    words = f"{100 * right:.1f} % of {len(test):,} test examples are right"
    return program, words, program.encode(test.take([0]).inputs)


def digit() -> tuple[Program, str, np.ndarray]:
    """A net of 5 KB for MNIST's digits."""
    layers = [nn.Conv2d(8, 5, stride=2), nn.ReLU(), nn.Conv2d(16, 3, stride=2), nn.ReLU()]
    net = nn.Sequential([*layers, nn.Flatten(), nn.Linear(10), nn.Softmax()])
    return quantize(net, "mnist", epochs=6)


def gesture() -> tuple[Program, str, np.ndarray]:
    """A net of 3 KB that reads motions of a watch step by step."""
    layers: list[Layer] = []
    for _ in range(2):
        layers += [nn.Conv1d(16, 5, stride=4), nn.BatchNorm1d(), nn.ReLU()]
    net = nn.Sequential([*layers, nn.Flatten(), nn.Linear(4), nn.Softmax()])
    augment = data.augment.Signals(shift=20, gain=0.2, noise=0.1)
    program, words, sample = quantize(
        net, "basic-motions", epochs=60, batch_size=8, augment=augment
    )
    return streaming(program), words, sample.reshape(-1, 1, 1, sample.shape[-1])


def sketch_files(name: str, program: Program, sample: np.ndarray) -> dict[str, str]:
    """The generated files beside a sketch: the model, and an input."""
    texts = codegen.generate(program, name, sample, kernels="blocks")
    numbers = ", ".join(map(str, sample.view(np.uint8).ravel()))
    sample_h = f"/* An input of the test set. */\nstatic const uint8_t SAMPLE[] = {{{numbers}}};\n"
    return {f"{name}.h": texts[f"{name}.h"], f"{name}.c": texts[f"{name}.c"], "sample.h": sample_h}


def keywords() -> str:
    """The words that the editor colours: types, functions and constants of the public header."""
    text = (engine.include_dir() / "drypoint.h").read_text("utf-8")
    types = re.findall(r"^typedef struct (dpt_\w+)", text, re.MULTILINE)
    types += re.findall(r"^typedef enum (dpt_\w+)", text, re.MULTILINE)
    functions = re.findall(r"^(?:[\w ]+ \*?)(dpt_\w+)\(", text, re.MULTILINE)
    constants = re.findall(r"^ +(DPT_\w+) = -?\d+", text, re.MULTILINE)
    rows = [(name, "KEYWORD1") for name in types]
    rows += [(name, "KEYWORD2") for name in dict.fromkeys(functions)]
    rows += [(name, "LITERAL1") for name in constants]
    return "".join(f"{name}\t{kind}\n" for name, kind in rows)


def properties() -> str:
    """The manifest at the root of the library."""
    facts = metadata("drypoint")
    person = facts["Author"] or "the authors of drypoint"
    urls = dict(row.split(", ", 1) for row in facts.get_all("Project-URL") or [])
    rows = {
        "name": "drypoint",
        "version": version("drypoint"),
        "author": person,
        "maintainer": person,
        "sentence": "Runs small quantized neural nets in integers",
        "paragraph": "No malloc, no floating point, every output byte known. Nets are trained in "
        "Python; examples for pictures, signals and a model read over the serial port.",
        "category": "Data Processing",
        "url": urls["Repository"],
        "architectures": "*",
        "includes": "drypoint.h",
        "dot_a_linkage": "true",
    }
    return "".join(f"{key}={value}\n" for key, value in rows.items())


STUB = """
#include <stddef.h>
#include <stdint.h>
struct Port { void begin(long); int read(); void print(const char *); void print(int);
              void println(const char *); void println(int); };
extern Port Serial;
void delay(int);
void setup();
void loop();
"""
STRING = """
#include <stddef.h>
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
"""
CORE = """
Port Serial;
void Port::begin(long) {}
int Port::read() { return -1; }
void Port::print(const char *) {}
void Port::print(int) {}
void Port::println(const char *) {}
void Port::println(int) {}
void delay(int) {}
extern "C" void *memcpy(void *to, const void *, size_t) { return to; }
extern "C" void *memset(void *to, int, size_t) { return to; }
extern "C" int memcmp(const void *, const void *, size_t) { return 0; }
extern "C" void start() { setup(); for (;;) loop(); }
"""
LIBGCC = 'extern "C" unsigned long long __lshrdi3(unsigned long long v, int) { return v; }\n'


def compile_library(library: Path, core: str) -> dict[str, tuple[int, int]]:
    """Flash and RAM in bytes of each sketch on a core; empty without the core's compilers."""
    row = devices.target(core)
    gcc = row.compiler
    gxx, size = gcc.replace("gcc", "g++"), gcc.replace("gcc", "size")
    if not shutil.which(gxx):
        return {}
    c = [*row.flags, "-Os", "-ffreestanding", "-ffunction-sections", "-fdata-sections"]
    c += ["-Wall", "-Wextra", "-Werror", "-I.", f"-I{library / 'src'}"]
    cxx = [*c, "-fno-exceptions", "-fno-rtti", "-include", "Arduino.h", "-x", "c++"]
    libgcc = ["-lgcc"]
    if core == "riscv32":  # Debian's compiler has the library of 64 bits alone
        libgcc = ["-x", "c++", "libgcc.cpp"]
    link = ["-nostdlib", "-static", "-Wl,--gc-sections,-e,start"]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Arduino.h").write_text(STUB)
        (Path(folder) / "string.h").write_text(STRING)
        (Path(folder) / "libgcc.cpp").write_text(LIBGCC)
        (Path(folder) / "core.cpp").write_text(CORE)
        _run([gxx, *cxx, "-c", "core.cpp"], folder)
        _run([gcc, *c, "-c", *(library / "src").glob("*.c")], folder)
        engine_objects = list(Path(folder).glob("dpt_*.o"))
        for at in sorted((library / "examples").iterdir()):
            model = list(at.glob("*.c"))
            if model:
                _run([gcc, *c, "-c", *model], folder)
            _run([gxx, *cxx, "-c", at / f"{at.name}.ino", "-o", "sketch.o"], folder)
            objects = ["sketch.o", "core.o", *(f"{path.stem}.o" for path in model), *engine_objects]
            _run([gcc, *row.flags, *link, *objects, *libgcc, "-o", "sketch.elf"], folder)
            sections = _run([size, "sketch.elf"], folder).splitlines()[1].split()
            text, initialized, zero = map(int, sections[:3])
            found[at.name] = (text + initialized, initialized + zero)
    return found


def _run(command: Sequence[object], folder: str) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def measure(library: Path) -> str:
    """The table of flash and RAM: a row for each sketch and core that has a compiler here."""
    rows = ["| sketch | core | flash, bytes | RAM, bytes |", "|---|---|---|---|"]
    for core in CORES:
        for sketch, (flash, ram) in compile_library(library, core).items():
            rows.append(f"| `{sketch}` | {core} | {flash:,} | {ram:,} |")
    return "\n".join(rows)


def write_library(folder: Path) -> None:
    """Write the whole library into a folder."""
    files = {f"src/{path.name}": path for path in [*engine.headers(), *engine.c_sources()]}
    texts = {name: path.read_text("utf-8") for name, path in files.items()}
    texts["LICENSE"] = (HERE.parents[1] / "engine_c/LICENSE").read_text("utf-8")
    texts |= {"library.properties": properties(), "keywords.txt": keywords()}
    for path in SKETCHES.glob("*/*.ino"):
        texts[f"examples/{path.parent.name}/{path.name}"] = path.read_text("utf-8")
    said = {}
    for sketch, make in (("Digit", digit), ("Gesture", gesture)):
        program, said[sketch.lower()], sample = make()
        for name, text in sketch_files(sketch.lower(), program, sample).items():
            texts[f"examples/{sketch}/{name}"] = text
    write_all({folder / name: text for name, text in texts.items()}, key=folder / "src/drypoint.h")
    template = Template((HERE / "README.md.in").read_text("utf-8"))
    readme = template.substitute(said, command=COMMAND, sizes=measure(folder))
    write_all({folder / "README.md": readme}, key=folder / "README.md")
    print(readme)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(f"wanted: {COMMAND}")
    write_library(Path(sys.argv[1]))
