"""`make_page`: the HTML document, whole in one file; its engine as WebAssembly."""

import json
import shutil
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from drypoint.common import (
    DrypointError,
    check_kind,
    html_text,
    page_style,
    printable,
    write_atomic,
)
from drypoint.data import Dataset
from drypoint.engine import c_sources, include_dirs
from drypoint.nn import Model
from drypoint.program import Op, Program, account, blob, simplify, to_export
from drypoint.sound import int16_samples
from drypoint.tasks import task_of

COMPILERS = ("clang-19", "clang")  # the first is the one that built the shipped module
LINKERS = ("wasm-ld-19", "wasm-ld")
KERNELS = ("dpt_scalar.c",)
OTHERS = (
    *("dpt_backend.c", "dpt_model.c", "dpt_plan.c", "dpt_rows.c", "dpt_run.c"),
    *("dpt_bounds.c", "dpt_softmax.c", "dpt_work.c", "dpt_stream.c"),
    *("dpt_keywords.c", "dpt_listen.c", "dpt_sound.c", "dpt_sound_load.c"),
    *("dpt_boxes.c", "dpt_candidates.c", "dpt_cells.c"),
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
        for level, sources in (("-O2", [source[name] for name in KERNELS]), ("-Oz", small)):
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


_SHARED = ("engine.js", "answer.js")


@dataclass(frozen=True)
class _Kind:
    """A page of what programs read: its words, its files, and the files of what a task adds
    (`Task.page_part`)."""

    title: str
    action: str
    scripts: tuple[str, ...]
    parts: Mapping[str, str] = field(default_factory=dict)


_KINDS = {
    "pictures": _Kind(
        "Show it a picture",
        "Draw",
        ("draw.js", "pictures.js"),
        {"boxes": "boxes.js", "map": "map.js"},
    ),
    "sound": _Kind("Speak to it", "Speak", ("samples.js", "timeline.js", "sound.js")),
    "signals": _Kind(
        "Show it a recording",
        "Drop a recording",
        ("rows.js", "timeline.js", "signals.js"),
        {"error": "error.js"},
    ),
}
_MOST_EXAMPLES = 10
_MOST_STEPS = 1000  # time steps of the examples of a class
_FLOAT_NOTES = {
    "none": "",
    "examples": "The column &ldquo;float net&rdquo; has the answers of the float net that the "
    "program was made of, computed when this page was made, for the test pictures only.",
    "live": "The column &ldquo;float net&rdquo; has the answers of the float net that the program "
    "was made of, computed by the <code>drypoint serve</code> that runs on your machine.",
}


class ServeError(DrypointError, ValueError):
    """A page cannot be made for a program, or a port cannot be opened."""


def make_page(
    program: Program,
    *,
    examples: Dataset | None = None,
    model: Model | None = None,
    live: bool = False,
) -> str:
    """The page of a program that reads pictures, sound or signals: one HTML document that
    requests nothing from a network.

    Args:
        program: reads 8-bit pictures of 1 or 3 channels, samples, or signals by the encoder of its
            meta.
        examples: test examples in the program's size; the page shows the first picture or
            recording of each class, or first windows of signals, of at most 10 classes.
        model: the float net that the program was made of; a page of pictures then has its answers
            too.
        live: the page asks the server that it comes from (`make_server`) for the float net's
            answers; False: it has them for the examples.

    Raises:
        ServeError: the program reads something else.
        ProgramError: the examples do not fit the program.
    """
    check_kind(
        program, (Program,), name="program", wanted="a Program, as quant.quantize gives it",
        error=ServeError,
    )  # fmt: skip
    page = _page_of(program)
    kind, part = _KINDS[page], _KINDS[page].parts.get(task_of(program).page_part)
    if page != "pictures" or part is not None:
        model = None  # the page has no column for its answers
    shown = [] if examples is None else _EXAMPLES[page](program, examples, model)
    floats = "none" if model is None else "live" if live else "examples" if shown else "none"
    engine, digits = shipped_engine(), program.labels == tuple("0123456789")
    main = _template(f"{page}.html.in").substitute(
        engine_bytes=f"{len(engine):,}", float_note=_FLOAT_NOTES[floats]
    )
    chosen = {
        "float": floats,
        "examples": shown,
        "kinds": {op.number: op.kind for op in get_args(Op)},
        "page": page,
        "ram": account(to_export(simplify(program))).ram_text,
    }
    scripts = [*_SHARED, *([] if part is None else [part]), *kind.scripts]
    return _template("page.html.in").substitute(
        title="Draw a digit" if page == "pictures" and digits else kind.title,
        action=kind.action,
        name=html_text(program.name),
        style=page_style() + _text("page.css"),
        worklets=" data:" if page == "sound" else "",
        connect="'self'" if floats == "live" else "'none'",
        place="your machine" if floats == "live" else "this page",
        main=main,
        settings=_script_json(chosen),
        engine=b64encode(engine).decode(),
        program=b64encode(blob.dumps(program)).decode(),
        script="\n".join(map(_text, scripts)),
    )


def _page_of(program: Program) -> str:
    """The kind of page that can feed a program."""
    if program.front is not None:
        return "sound"
    if not program.input_parts and (program.encoder or {}).get("type") == "signal":
        return "signals"
    pictures = program.input_type == "u8" and program.input_shape.c in (1, 3)
    pictures = pictures or program.reads_signed_pixels
    if program.is_streaming or program.input_parts or not pictures:
        raise ServeError(
            f"{program.name} reads {program.input}{', row by row' * program.is_streaming}: the "
            "page is for programs that read samples, signals that an encoder describes, or 8-bit "
            "pictures of 1 or 3 channels (u8 HxWx1, u8 HxWx3)"
        )
    return "pictures"


def _firsts(examples: Dataset, most: int = 1) -> list[tuple[str, NDArray[np.intp]]]:
    """Of at most 10 classes the label and the places of the first examples."""
    found = [
        (printable(str(name)), np.flatnonzero(examples.y == i)[:most])
        for i, name in enumerate(examples.classes)
    ]
    return [(label, places) for label, places in found if len(places)][:_MOST_EXAMPLES]


def _text_of(array: NDArray[Any]) -> str:
    return b64encode(array.tobytes()).decode()


def _recordings(program: Program, examples: Dataset, model: Model | None) -> list[dict[str, Any]]:
    """The first recording of each class: label and samples."""
    del program, model
    return [
        {
            "label": label,
            "samples": _text_of(int16_samples(examples.x[i].reshape(-1)).astype("<i2")),
        }
        for label, (i,) in _firsts(examples)
    ]


def _signals(program: Program, examples: Dataset, model: Model | None) -> list[dict[str, Any]]:
    """The first examples of each class, one after the other: label and real numbers."""
    del model
    counts = examples.x.dtype == np.int16
    unit = float((program.encoder or {}).get("count", 1.0)) if counts else 1.0
    most = max(1, _MOST_STEPS // examples.x.shape[1])
    return [
        {"label": label, "samples": _text_of((examples.x[places] * unit).astype("<f4"))}
        for label, places in _firsts(examples, most)
    ]


def _pictures(program: Program, examples: Dataset, model: Model | None) -> list[dict[str, Any]]:
    """The first picture of each class, or, without classes of pictures, the first ones: label,
    pixels, and the float net's answers or None.
    """
    if examples.boxes is not None or examples.has_maps:
        chosen = np.arange(min(len(examples), _MOST_EXAMPLES))
        labels = [f"example {i + 1}" for i in chosen.tolist()]
        if examples.boxes is not None:
            labels = [f"{n} objects" for n in examples.boxes.counts[chosen].tolist()]
        firsts = [*zip(labels, chosen[:, None], strict=True)]
    else:
        firsts = _firsts(examples)
    flip = 0x80 * program.reads_signed_pixels
    shown = []
    for label, (i,) in firsts:
        pixels = program.encode(examples.x[i : i + 1]).view(np.uint8)[0] ^ flip
        answer = None if model is None else float_outputs(program, model, pixels)
        shown.append({"label": label, "pixels": _text_of(pixels), "float": answer})
    return shown


_EXAMPLES = {"pictures": _pictures, "sound": _recordings, "signals": _signals}


def float_outputs(program: Program, model: Model, pixels: NDArray[np.integer]) -> list[float]:
    """The float net's outputs for one picture (h, w, c), rounded to 6 decimals; of several outputs
    the program's last one, which the page shows.
    """
    outputs = model.predict_proba(pixels[None])
    if isinstance(outputs, dict):
        outputs = outputs[program.outputs[-1].name]
    return [round(float(value), 6) for value in np.asarray(outputs).reshape(-1)]


def _script_json(value: Mapping[str, Any]) -> str:
    """JSON inside of an element: no text in it can end the element."""
    return json.dumps(value).replace("<", "\\u003c")


def _text(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text("utf-8")


def _template(name: str) -> Template:
    return Template(_text(name))
