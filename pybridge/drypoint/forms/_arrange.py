"""The forms, the files of each, and their README."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, get_args
from xml.sax.saxutils import escape

from ._amalgamation import amalgamate
from ._parts import LICENCE_FILE, Files, ModelParts, Parts, lines, within


def readme(form: str, parts: Parts, *, use: str, names: Iterable[str] = ()) -> str:
    """The README of a form: what the library holds, how it is added to a project, and the purpose
    of the files with these names."""
    several = len(parts.models) > 1
    return parts.fill(
        "README.md.in",
        kind=f"{'Integer nets' if several else 'An integer net'} in C99 with "
        f"{'one' if several else 'its'} engine",
        models="\n\n".join(_table(model, several=several) for model in parts.models),
        cost="".join(model.cost for model in parts.models),
        use=use,
        calls="\n\n".join(_call(parts, model) for model in parts.models),
        shared=_SHARED if several else "",
        selftest=_selftest(parts),
        form=form,
        files="\n".join(f"| `{n}` | {_purpose(n, parts)} |" for n in names if _purpose(n, parts)),
        licence_file=LICENCE_FILE,
        licence=_licence(parts),
    )


_DETECT = """
    size_t {pre}keyword;
    if ({name}_keywords({pre}memory, {pre}scores, &{pre}keyword) == DPT_OK) {{
        /* dpt_label(&{name}, {pre}keyword) was spoken */
    }}"""
_SHARED = """\
Models that run one after the other may share one arena, of the largest `..._ARENA_SIZE`. Calls from
several threads need an arena each.

"""


def _purpose(name: str, parts: Parts) -> str:
    """What a file of C is for, in a line; "" for a build system's file."""
    stem = name.rpartition(".")[0]
    if stem in {model.name for model in parts.models}:
        return (
            "sizes and names of a model" if name.endswith(".h") else "a model: ops, weights, plan"
        )
    if name in parts.selftests:
        return "runs a few inputs and compares every layer; not for your product"
    text = parts.engine.get(name, "")
    found = re.match(r"/\* SPDX[^*]*(?:\*/\s*/)?\*(.*?)\*/", text, re.DOTALL)
    words = " ".join(re.sub(r"\n \*", " ", found[1]).split()) if found else ""
    return re.split(r"(?<=\.) ", words)[0].rstrip(".").replace("|", "\\|")


def _licence(parts: Parts) -> str:
    """The licence of the models and the generated files, for the README."""
    several = len(parts.models) > 1
    what = (
        "The models and their generated files" if several else "The model and its generated files"
    )
    if parts.package.licence:
        return f"{what}: {parts.package.licence}."
    return f"{what}: not stated; `drypoint export --package licence=...` states it."


def _table(model: ModelParts, *, several: bool) -> str:
    head = f"| {model.name} | |" if several else "| | |"
    unit = "a step" if model.streaming else "an input"
    return "\n".join(
        [
            head,
            "|---|---|",
            *(f"| {what} | {amount} |" for what, amount in model.memory),
            f"| work | {model.macs:,} multiply-accumulates {unit} |",
        ]
    )


def _call(parts: Parts, model: ModelParts) -> str:
    """The lines of C that run a model, and the meaning of its input and outputs."""
    pre = f"{model.name}_" if len(parts.models) > 1 else ""
    texts = {"pre": pre, "reads": model.reads, "writes": model.writes}
    if model.sample_rate:
        detect = _DETECT.format(name=model.name, pre=pre) if model.detects else ""
        rate = f"{model.sample_rate:,}"
        return parts.fill_for(model, "call_listen.md.in", **texts, rate=rate, detect=detect)
    template = "call_stream.md.in" if model.streaming else "call.md.in"
    return parts.fill_for(model, template, **texts)


def _selftest(parts: Parts) -> str:
    calls = " and ".join(f"`{model.name}_selftest()`" for model in parts.models)
    text = (
        "The self-test runs a few inputs and compares every layer with the reference: "
        f"call {calls} on the board once; 0 means that every byte is right."
    )
    if parts.target:
        text += (
            f" The sources here are for {parts.target}: on another CPU, such as this computer's, "
            "they do not link. Build the self-test with your firmware, or export without "
            "`--target` to run it on this computer."
        )
    return text


def esphome(parts: Parts) -> tuple[str, Files]:
    """How the form is added to a project, and its files.

    A component's folder is flat, so the engine is one file; the self-test stays outside of it.
    """
    (model,) = parts.models
    rate, host = model.sample_rate, model.name.replace("_", "-")
    use = (
        "Copy `components` beside your YAML file and add the lines of `example.yaml` from "
        "`external_components` on; the whole file is an example for an ESP32-C3."
    )
    headers = {n: text for n, text in parts.engine.items() if n.startswith("drypoint")}
    component = {
        "__init__.py": parts.fill_for(model, "esphome.py.in", rate=rate),
        f"{model.name}_listener.h": parts.fill_for(model, "esphome.h.in"),
        **model.model,
        **headers,
        "drypoint.c": amalgamate(parts.engine),
    }
    return use, {
        "example.yaml": parts.fill_for(model, "esphome.yaml.in", rate=rate, host=host),
        **within(f"components/{model.name}", component),
        "selftest.c": model.selftest,
    }


Form = Literal[
    "plain",
    "cmake",
    "amalgamation",
    "arduino",
    "platformio",
    "zephyr",
    "esp-idf",
    "cmsis-pack",
    "esphome",
]
LISTENING_FORMS: tuple[Form, ...] = ("esphome",)
"""Forms of a single model that listens and has a detector."""
FORMS: tuple[Form, ...] = tuple(form for form in get_args(Form) if form not in LISTENING_FORMS)
"""Forms of any models."""


def arrange(form: Form, parts: Parts) -> Files:
    """The files of a form: path inside its folder -> text; the README is the first."""
    use, files = _FORMS[form](parts)
    licence = {LICENCE_FILE: parts.engine_licence}
    names = (path.rpartition("/")[2] for path in files)
    return {"README.md": readme(form, parts, use=use, names=names), **files, **licence}


def _plain(parts: Parts) -> tuple[str, Files]:
    use = "Compile all C files with `-Idrypoint`; leave `selftest*.c` out of your product."
    engine = within("drypoint", parts.engine)
    return use, {**parts.model_files, **parts.selftests, **engine}


def _cmake(parts: Parts) -> tuple[str, Files]:
    use = (
        f"`add_subdirectory`, `FetchContent` or, once installed, `find_package({parts.name})`; "
        f"then link `{parts.name}::{parts.name}`."
    )
    if not parts.target:  # sources for one CPU link nowhere else
        use += " On its own the folder builds the self-test: "
        use += "`cmake -B build && cmake --build build && ctest --test-dir build`."
    sources = {n: t for n, t in parts.engine.items() if n.endswith(".c")}
    model = parts.model_files
    several = len(parts.models) > 1
    text = parts.fill(
        "cmake.in",
        engine=lines(sources, folder="drypoint", indent=4),
        sources=" ".join(name for name in model if name.endswith(".c")),
        engine_headers=" ".join(
            f"drypoint/{name}" for name in parts.engine if name.startswith("drypoint")
        ),
        headers=" ".join(name for name in model if name.endswith(".h")),
        selftests=" ".join(parts.selftests),
        licence_file=LICENCE_FILE,
        kind="integer nets" if several else "an integer net",
        it="them" if several else "it",
    )
    return use, {"CMakeLists.txt": text, **_plain(parts)[1]}


def _amalgamation(parts: Parts) -> tuple[str, Files]:
    use = (
        f"Add `drypoint.c` and {_join(f'{model.name}.c' for model in parts.models)} to your build; "
        "leave `selftest*.c` out of your product."
    )
    headers = {n: text for n, text in parts.engine.items() if n.startswith("drypoint")}
    files = {**headers, "drypoint.c": amalgamate(parts.engine)}
    return use, {**parts.model_files, **files, **parts.selftests}


def _join(names: Iterable[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _classify(parts: Parts, model: ModelParts) -> str:
    """The Arduino sketch of a model that reads bytes."""
    origin = "from your sensor: raw bytes." if model.pixels else "as README.md says."
    reset = f"    dpt_reset(&{model.name}, arena, sizeof arena);\n" if model.streaming else ""
    call = "dpt_step" if model.streaming else "dpt_run"
    return parts.fill_for(model, "classify.ino.in", origin=origin, setup=reset, call=call)


def _listen(parts: Parts, model: ModelParts) -> str:
    """The Arduino sketch of a model that reads samples."""
    decide = "keywords.ino.in" if model.detects else "decide.ino.in"
    return parts.fill_for(model, "listen.ino.in", decide=parts.fill_for(model, decide).rstrip())


def _find(parts: Parts, model: ModelParts) -> str:
    """The Arduino sketch of a model that finds objects in pictures."""
    return parts.fill_for(model, "find.ino.in")


def _arduino(parts: Parts) -> tuple[str, Files]:
    sketches: Files = {}
    names = []
    for model in parts.models:
        end = f"_{model.name}" if len(parts.models) > 1 else ""
        verb, write = "Classify", _classify
        if model.sample_rate:
            verb, write = "Listen", _listen
        elif model.finds:
            verb, write = "Find", _find
        names += [f"{verb}{end}", f"Selftest{end}"]
        main, selftest = (f"examples/{name}/{name}.ino" for name in names[-2:])
        sketches[main] = write(parts, model)
        sketches[selftest] = parts.fill_for(model, "selftest.ino.in")
        sketches[f"examples/{names[-1]}/selftest.c"] = model.selftest_without_main
    use = (
        "Copy the folder into your sketchbook's `libraries`. "
        f"*File > Examples* then has {_join(names)}. The library brings the engine, so that it "
        "needs no other; beside the library `drypoint` of one version it links too."
    )
    package = parts.package
    manifest = parts.fill(
        "arduino.properties.in",
        author=package.author or f"the authors of {parts.name}",
        maintainer=package.person or f"the authors of {parts.name}",
        description=parts.description,
        url=package.url,
    )
    if package.licences:
        manifest += f"license={package.licences}\n"
    return use, {
        "library.properties": manifest,
        **within("src", {**parts.headers, **parts.sources}),
        **sketches,
    }


def _platformio(parts: Parts) -> tuple[str, Files]:
    use = "Put the folder into your project's `lib`, or name its address in `lib_deps`."
    package = parts.package
    author = {"name": package.author, "email": package.contact, "maintainer": True}
    stated = {
        "license": package.licences,
        "homepage": package.url,
        "authors": [{key: value for key, value in author.items() if value}] * bool(package.author),
    }
    manifest = {
        "name": parts.name,
        "version": package.version,
        "description": parts.description,
        "keywords": ["machine-learning", "quantized", "fixed-point"],
        **{key: value for key, value in stated.items() if value},
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{parts.name}.h",
        "build": {"srcDir": "src", "includeDir": "include"},
    }
    return use, {
        "library.json": json.dumps(manifest, indent=2) + "\n",
        **within("include", parts.headers),
        **within("src", parts.sources),
        **within("examples", parts.selftests),
    }


def _zephyr(parts: Parts) -> tuple[str, Files]:
    use = (
        "Name the folder in your application's `CMakeLists.txt`, before `find_package(Zephyr)`: "
        f"`list(APPEND EXTRA_ZEPHYR_MODULES .../{parts.name})`, and set "
        f"`CONFIG_DRYPOINT_{parts.name.upper()}=y` in `prj.conf`."
    )
    return use, {
        "zephyr/module.yml": parts.fill("zephyr.yml.in"),
        "zephyr/Kconfig": parts.fill("zephyr.Kconfig.in"),
        "zephyr/CMakeLists.txt": parts.fill(
            "zephyr.cmake.in", sources=lines(parts.sources, folder="../src", indent=4)
        ),
        **within("include", parts.headers),
        **within("src", parts.sources),
        **within("tests", parts.selftests),
    }


def _esp_idf(parts: Parts) -> tuple[str, Files]:
    use = (
        f"Put the folder into your project's `components` and `REQUIRES {parts.name}` it. The "
        "self-test is a project: `idf.py -C test_apps/selftest build flash monitor`."
    )
    package = parts.package
    stated = {"url": package.url, "license": package.licences}
    more = "".join(f"{key}: {_quote(value)}\n" for key, value in stated.items() if value)
    if package.person:
        more += f"maintainers:\n  - {_quote(package.person)}\n"
    selftests = {f"selftest_{model.name}.c": model.selftest_without_main for model in parts.models}
    selftests["main.c"] = parts.selftest_main(
        "void app_main(void)", 'printf(wrong ? "self-test: failed\\n" : "self-test: passed\\n");'
    )
    return use, {
        "CMakeLists.txt": parts.fill(
            "esp_idf.cmake.in", sources=lines(parts.sources, folder="src", indent=4)
        ),
        "idf_component.yml": parts.fill(
            "esp_idf.yml.in", description=_quote(parts.description), more=more
        ),
        **within("include", parts.headers),
        **within("src", parts.sources),
        "test_apps/selftest/CMakeLists.txt": parts.fill("esp_idf_app.cmake.in"),
        "test_apps/selftest/main/CMakeLists.txt": parts.fill(
            "esp_idf_main.cmake.in", sources=lines(selftests, folder=".", indent=4)
        ),
        **within("test_apps/selftest/main", selftests),
    }


def _quote(text: str) -> str:
    """The text as a YAML string: JSON's strings are YAML's."""
    return json.dumps(text, ensure_ascii=False)


_LONGEST_SUB = 32  # characters of Csub, as PACK.xsd has it


def _cmsis_pack(parts: Parts) -> tuple[str, Files]:
    package = parts.package
    pack = f"{package.vendor}.{parts.name}"
    use = (
        f"`{pack}.pdsc` describes the folder: zip it as `{pack}.{package.version}.pack`, or add "
        "the folder to `cpackget` as it is."
    )
    listed = ['        <file category="include" name="include/"/>']
    listed += [f'        <file category="sourceC" name="src/{n}"/>' for n in sorted(parts.sources)]
    description = parts.fill(
        "cmsis.pdsc.in",
        vendor=package.vendor,
        sub=parts.name[:_LONGEST_SUB],
        description=escape(parts.description),
        url=escape(package.url),
        contact=package.contact,
        licence_file=LICENCE_FILE,
        files="\n".join(listed),
    )
    return use, {
        f"{pack}.pdsc": description,
        **within("include", parts.headers),
        **within("src", parts.sources),
        **within("examples", parts.selftests),
    }


_FORMS: Mapping[Form, Callable[[Parts], tuple[str, Files]]] = {
    "plain": _plain,
    "cmake": _cmake,
    "amalgamation": _amalgamation,
    "arduino": _arduino,
    "platformio": _platformio,
    "zephyr": _zephyr,
    "esp-idf": _esp_idf,
    "cmsis-pack": _cmsis_pack,
    "esphome": esphome,
}
