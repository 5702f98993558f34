"""Each form is built by its own tool, or by a stand-in for the tool.

CMake, the compilers, PlatformIO's and Espressif's checkers of manifests are the real ones; the
functions that Zephyr and ESP-IDF add to CMake, and Arduino.h, are stood in for here.
"""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import nets
import numpy as np
import pytest
from packages import ARDUINO, MAIN, library_parts, model_parts

from drypoint import forms, nn, quant
from drypoint.cli.__main__ import main
from drypoint.engine import Engine, ExportModel, c_sources, export_c, export_models, headers
from drypoint.program import ProgramError, codegen, reference
from tools import ONLY_CI, PLAIN, ROOT, STRICT, run

# Without the kernels for hosts, which take most of the time to compile; kernels for boards remain.
FOR_A_DEVICE = ("-DCMAKE_C_FLAGS=-DDPT_PLAIN_C",)


def model(name="net", seed=62):
    program = nets.random_program(seed)
    texts = codegen.generate(program, name, nets.random_inputs(program, 1))
    selftest = texts.pop("selftest.c")
    return model_parts(name, selftest=selftest, model=texts, macs=program.macs)


def parts(name="net", seed=62, models=None):
    engine = {f.name: f.read_text() for f in [*headers(), *c_sources()]}
    return library_parts(models or [model(name, seed)], name=name, engine=engine)


PARTS = parts()
MODEL = PARTS.models[0]
TWO = parts("nets", models=[model("first", 5), model("second", 6)])


def write(folder, form, given=PARTS):
    for path, text in forms.arrange(form, given).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def check_selftest(program):
    assert b"every layer as the reference says" in run([program])


@pytest.mark.parametrize("form", forms.FORMS)
def test_every_form_holds_the_generated_c_as_it_is_and_says_how_to_call_it(form):
    files = forms.arrange(form, PARTS)
    texts = list(files.values())
    for text in MODEL.model.values():
        assert texts.count(text) == 1
    if form != "amalgamation":
        assert all(texts.count(text) == 1 for text in PARTS.engine.values())
    assert any(MODEL.selftest in text for text in texts)
    assert "dpt_run(&net, NULL, arena, sizeof arena, input, scores)" in files["README.md"]


def test_the_page_of_forms_and_the_help_name_every_form(capsys):
    """Oracle: the registry of forms."""
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    text = capsys.readouterr().out
    listed = text.partition("layout of the folder: ")[2].partition("--target")[0]
    assert "(docs/forms.md)" in (ROOT / "README.md").read_text("utf-8")
    table = (ROOT / "docs/forms.md").read_text("utf-8")
    for form in (*forms.FORMS, *forms.LISTENING_FORMS):
        assert f"| `{form}` |" in table
        assert form in listed.lower(), form


def test_the_lines_in_the_readme_compile_and_run(toolbox, tmp_path):
    cc, folder = toolbox.need("cc"), write(tmp_path, "amalgamation")
    (code,) = re.findall(r"```c\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    include, arena, *rest = code.strip().splitlines()
    body = "\n".join(line for line in [arena, *rest] if line)
    (folder / "use.c").write_text(
        f"{include}\nstatic uint8_t input[NET_INPUT_SIZE];\nint main(void) {{\n{body}\n"
        "return status; }\n"
    )
    run([cc, *STRICT, "use.c", "net.c", "drypoint.c", "-o", "use"], cwd=folder)
    run([folder / "use"])


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_amalgamation_compiles_as_strictly_as_the_files_it_is_made_of(
    toolbox, tmp_path, compiler
):
    folder = write(tmp_path, "amalgamation")
    sources = ["selftest.c", "net.c", "drypoint.c"]
    run([toolbox.need(compiler), *STRICT, "-O2", *sources, "-o", "selftest"], cwd=folder)
    check_selftest(folder / "selftest")


def cmake(toolbox, source, build, *options):
    tool = toolbox.need("cmake")
    run([tool, "-S", source, "-B", build, *options])
    run([tool, "--build", build])
    return build


@ONLY_CI
def test_cmake_builds_the_self_test_and_installs_a_package(toolbox, tmp_path):
    folder = write(tmp_path / "net", "cmake")
    prefix = f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'in'}"
    build = cmake(toolbox, folder, tmp_path / "build", prefix, *FOR_A_DEVICE)
    run([toolbox.need("ctest"), "--test-dir", build, "--output-on-failure"])
    run([toolbox.need("cmake"), "--install", build])
    user = tmp_path / "user"
    user.mkdir()
    (user / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.21)\nproject(user C)\nfind_package(net 1.2 REQUIRED)\n"
        f"add_executable(user {folder}/selftest.c)\ntarget_link_libraries(user net::net)\n"
    )
    built = cmake(toolbox, user, tmp_path / "user_build", f"-DCMAKE_PREFIX_PATH={tmp_path / 'in'}")
    check_selftest(built / "user")


# Two exported folders in a project that installs itself and exports its targets.
FETCHES = """
cmake_minimum_required(VERSION 3.21)
project(user VERSION 1.0 LANGUAGES C)
include(FetchContent)
FetchContent_Declare(first SOURCE_DIR ${CMAKE_SOURCE_DIR}/a)
FetchContent_Declare(second SOURCE_DIR ${CMAKE_SOURCE_DIR}/b)
FetchContent_MakeAvailable(first second)
foreach(one a b)
  add_library(test_${one} SHARED ${one}/selftest.c)
  target_link_libraries(test_${one} PRIVATE first::first second::second)
endforeach()
install(TARGETS test_a test_b EXPORT user)
install(EXPORT user FILE user-config.cmake DESTINATION lib/cmake/user)
"""


@pytest.mark.parametrize("shared", ["OFF", pytest.param("ON", marks=ONLY_CI)])
def test_two_models_in_one_cmake_project_share_one_engine(toolbox, tmp_path, shared):
    """The project installs and exports itself; another finds both models and the engine."""
    for folder, name, seed in (("a", "first", 5), ("b", "second", 6)):
        write(tmp_path / folder, "cmake", parts(name, seed))
    (tmp_path / "CMakeLists.txt").write_text(FETCHES)
    options = [f"-DBUILD_SHARED_LIBS={shared}", *FOR_A_DEVICE]
    build = cmake(toolbox, tmp_path, tmp_path / "build", *options)
    run([toolbox.need("cmake"), "--install", build, "--prefix", tmp_path / "in"])
    suffix = {"OFF": ".a", "ON": ".so"}[shared]
    names = {path.name for path in (tmp_path / "in").rglob("lib*") if path.is_file()}
    assert {f"lib{library}{suffix}" for library in ("first", "second", "drypoint")} <= names
    user = tmp_path / "user"
    user.mkdir()
    (user / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.21)\nproject(other C)\nfind_package(first REQUIRED)\n"
        "find_package(second REQUIRED)\nforeach(one a b)\n"
        f"add_executable(test_${{one}} {tmp_path}/${{one}}/selftest.c)\n"
        "target_link_libraries(test_${one} first::first second::second)\nendforeach()\n"
    )
    prefix = f"-DCMAKE_PREFIX_PATH={tmp_path / 'in'}"
    built = cmake(toolbox, user, tmp_path / "user_build", prefix)
    check_selftest(built / "test_a")
    check_selftest(built / "test_b")


CHECKS = {
    "platformio": """
import sys
from platformio.package.manifest.parser import ManifestParserFactory
from platformio.package.manifest.schema import ManifestSchema
# It would ask the network for the list of all licences.
ONE = {"licenses": [{"licenseId": "Apache-2.0"}, {"licenseId": "MIT"}]}
ManifestSchema.load_spdx_licenses = staticmethod(lambda: ONE)
parsed = ManifestParserFactory.new_from_file(sys.argv[1])
print(ManifestSchema().load_manifest(parsed.as_dict())["version"])
""",
    "idf_component_tools": """
import sys
from idf_component_tools.manager import ManifestManager
print(ManifestManager(sys.argv[1], "net").load().version)
""",
}


@pytest.mark.parametrize(
    ("form", "manifest", "package"),
    [
        ("platformio", "library.json", "platformio"),
        ("arduino", "library.properties", "platformio"),
        ("esp-idf", "", "idf_component_tools"),
    ],
)
def test_manifests_pass_the_checker_of_their_tool(toolbox, tmp_path, form, manifest, package):
    toolbox.need_package(package)
    folder = write(tmp_path, form)
    command = [sys.executable, "-W", "ignore", "-c", CHECKS[package], str(folder / manifest)]
    home = {"HOME": str(tmp_path), "PLATFORMIO_CORE_DIR": str(tmp_path / "pio")}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "1.2.3"


@pytest.mark.parametrize(
    ("sketch", "says"), [("Selftest", b"every byte is right"), ("Classify", b"")]
)
def test_arduino_sketches_build_and_run(toolbox, tmp_path, sketch, says):
    cc, cxx, folder = toolbox.need("cc"), toolbox.need("g++"), write(tmp_path, "arduino")
    (folder / "Arduino.h").write_text(ARDUINO)
    (folder / "main.cpp").write_text(MAIN)
    at = folder / "examples" / sketch
    sources = [*folder.glob("src/*.c"), *at.glob("*.c")]
    run([cc, *STRICT, *PLAIN, "-c", "-I", "src", *sources], cwd=folder)
    objects = [f"{source.stem}.o" for source in sources]
    ino = ["-include", "Arduino.h", "-x", "c++", at / f"{sketch}.ino", "main.cpp", "-x", "none"]
    run([cxx, "-I", ".", "-I", "src", *ino, *objects, "-o", "sketch"], cwd=folder)
    assert says in run([folder / "sketch"])


ZEPHYR = """
cmake_minimum_required(VERSION 3.21)
project(zephyr C)
function(zephyr_include_directories)
  include_directories(${ARGN})
endfunction()
macro(zephyr_library_named name)
  set(ZEPHYR_CURRENT_LIBRARY ${name})
  add_library(${name} STATIC)
endmacro()
function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGN})
endfunction()
set(CONFIG_DRYPOINT_NET y)
set(CONFIG_DRYPOINT_NETS y)
add_subdirectory(LIB/zephyr)
target_include_directories(LIB PUBLIC LIB/include)
file(GLOB tests LIB/tests/*.c)
add_executable(test ${tests})
target_link_libraries(test LIB)
"""
# What ESP-IDF's project.cmake does, as far as the self-test's project uses it.
PROJECT_CMAKE = """
macro(project name)
  _project(${name} C)
  file(WRITE ${CMAKE_BINARY_DIR}/host.c "void app_main(void); int main(void) { app_main(); }")
  add_executable(${name} ${CMAKE_BINARY_DIR}/host.c)
  foreach(component ${EXTRA_COMPONENT_DIRS} ${CMAKE_CURRENT_LIST_DIR}/main)
    get_filename_component(component ${component} ABSOLUTE)
    get_filename_component(component_name ${component} NAME)
    add_subdirectory(${component} ${component_name})
  endforeach()
  target_link_libraries(${name} main)
endmacro()
function(idf_component_register)
  cmake_parse_arguments(PARSE_ARGV 0 _ "" "" "SRCS;INCLUDE_DIRS;REQUIRES")
  add_library(${component_name} STATIC ${__SRCS})
  target_include_directories(${component_name} PUBLIC ${__INCLUDE_DIRS})
  target_link_libraries(${component_name} ${__REQUIRES})
endfunction()
"""


@ONLY_CI
def test_the_zephyr_module_builds_with_the_functions_that_zephyr_offers(toolbox, tmp_path):
    write(tmp_path / "net", "zephyr")
    (tmp_path / "CMakeLists.txt").write_text(ZEPHYR.replace("LIB", "net"))
    check_selftest(cmake(toolbox, tmp_path, tmp_path / "build", *FOR_A_DEVICE) / "test")


@ONLY_CI
@pytest.mark.parametrize("given", [PARTS, TWO], ids=["one", "two"])
def test_the_self_test_of_esp_idf_is_a_project_that_builds(toolbox, tmp_path, monkeypatch, given):
    """In a folder that is not called as the library is."""
    monkeypatch.setenv("IDF_PATH", str(tmp_path))
    (tmp_path / "tools/cmake").mkdir(parents=True)
    (tmp_path / "tools/cmake/project.cmake").write_text(PROJECT_CMAKE)
    app = write(tmp_path / "component", "esp-idf", given) / "test_apps/selftest"
    built = cmake(toolbox, app, tmp_path / "build", *FOR_A_DEVICE)
    said = run([built / f"{given.name}_selftest"]).decode().splitlines()
    wanted = [f"{model.name}: every layer as the reference says" for model in given.models]
    assert said == [*wanted, "self-test: passed"]


def test_the_zephyr_module_names_what_is_there(tmp_path):
    folder = write(tmp_path, "zephyr")
    found = dict(re.findall(r"^ *(\w+): *(\S+)$", (folder / "zephyr/module.yml").read_text(), re.M))
    assert found["name"] == "net"
    assert (folder / found["cmake"] / "CMakeLists.txt").is_file()
    assert "config DRYPOINT_NET\n" in (folder / found["kconfig"]).read_text()


def test_platformio_folders_hold_a_library_that_builds(toolbox, tmp_path):
    folder = write(tmp_path, "platformio")
    manifest = json.loads((folder / "library.json").read_text())
    assert (folder / "include" / manifest["headers"]).is_file()
    sources = [*folder.glob("src/*.c"), folder / "examples/selftest.c"]
    command = [toolbox.need("cc"), *STRICT, *PLAIN, "-I", folder / "include"]
    run([*command, *sources, "-o", folder / "selftest"])
    check_selftest(folder / "selftest")


def test_the_pack_description_lists_every_source_and_nothing_else(tmp_path):
    folder = write(tmp_path, "cmsis-pack")
    (pdsc,) = folder.glob("*.pdsc")
    root = ET.parse(pdsc).getroot()
    listed = [file.get("name") for file in root.iter("file")]
    there = [str(path.relative_to(folder)) for path in sorted(folder.glob("src/*.c"))]
    assert listed == ["include/", *there]


BOTH = b"first: every layer as the reference says\nsecond: every layer as the reference says\n"


@pytest.mark.parametrize("form", ["plain", "amalgamation", "platformio", "cmsis-pack"])
def test_two_models_of_one_export_build_with_one_engine_from_all_its_sources(
    toolbox, tmp_path, form
):
    folder = write(tmp_path, form, TWO)
    include = {p.parent for p in folder.rglob("*.h")}
    command = [toolbox.need("cc"), *STRICT, *PLAIN, *(f"-I{directory}" for directory in include)]
    run([*command, *folder.rglob("*.c"), "-o", folder / "selftest"])
    assert run([folder / "selftest"]) == BOTH


@ONLY_CI
def test_two_models_of_one_export_build_with_cmake_and_install(toolbox, tmp_path):
    folder = write(tmp_path / "nets", "cmake", TWO)
    prefix = f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'in'}"
    build = cmake(toolbox, folder, tmp_path / "build", prefix, *FOR_A_DEVICE)
    assert run([build / "nets_selftest"]) == BOTH
    run([toolbox.need("cmake"), "--install", build])
    assert {"nets.h", "first.h", "second.h"} <= {p.name for p in (tmp_path / "in").rglob("*.h")}


def test_two_models_of_one_export_build_as_a_zephyr_module(toolbox, tmp_path):
    write(tmp_path / "nets", "zephyr", TWO)
    (tmp_path / "CMakeLists.txt").write_text(ZEPHYR.replace("LIB", "nets"))
    assert run([cmake(toolbox, tmp_path, tmp_path / "build", *FOR_A_DEVICE) / "test"]) == BOTH


def test_two_models_of_one_export_build_as_an_arduino_library(toolbox, tmp_path):
    cc, cxx, folder = toolbox.need("cc"), toolbox.need("g++"), write(tmp_path, "arduino", TWO)
    (folder / "Arduino.h").write_text(ARDUINO)
    (folder / "main.cpp").write_text(MAIN)
    run([cc, *STRICT, *PLAIN, "-c", "-I", "src", *folder.glob("src/*.c")], cwd=folder)
    engine = [f"{path.stem}.o" for path in folder.glob("src/*.c")]
    for name in ("first", "second"):
        at = folder / "examples" / f"Selftest_{name}"
        run([cc, *STRICT, *PLAIN, "-c", "-I", "src", at / "selftest.c"], cwd=folder)
        sketch = at / f"{at.name}.ino"
        ino = ["-include", "Arduino.h", "-x", "c++", sketch, "main.cpp", "-x", "none"]
        objects = [*engine, "selftest.o"]
        run([cxx, "-I", ".", "-I", "src", *ino, *objects, "-o", "sketch"], cwd=folder)
        assert run([folder / "sketch"]) == f"{name}: every byte is right\n".encode()


def test_the_readme_of_two_models_calls_both_and_its_lines_compile_and_run(toolbox, tmp_path):
    cc, folder = toolbox.need("cc"), write(tmp_path, "amalgamation", TWO)
    blocks = re.findall(r"```c\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    text = '#include "nets.h"\nint main(void) {\n'
    for name, block in zip(("first", "second"), blocks, strict=True):
        include, *body = block.strip().splitlines()
        assert include == f'#include "{name}.h"'
        text += f"static uint8_t {name}_input[{name.upper()}_INPUT_SIZE];\n"
        text += "\n".join(body) + "\n"
    (folder / "use.c").write_text(text + "return first_status || second_status; }\n")
    run([cc, *STRICT, "use.c", "first.c", "second.c", "drypoint.c", "-o", "use"], cwd=folder)
    run([folder / "use"])


def test_every_readme_says_that_folders_do_not_link_together_and_what_to_do():
    for form in forms.FORMS:
        for given in (PARTS, TWO):
            text = " ".join(forms.arrange(form, given)["README.md"].split())
            assert "Link one exported folder only: each brings the whole engine" in text
            assert f"`drypoint export a.dpt b.dpt --form {form} --out DIR`" in text


def test_the_readme_of_a_target_says_where_the_self_test_runs():
    given = replace(PARTS, target="cortex-m4")
    text = " ".join(forms.arrange("plain", given)["README.md"].split())
    assert "The sources here are for cortex-m4" in text
    assert "The sources here" not in forms.arrange("plain", PARTS)["README.md"]
    alone = "On its own the folder builds the self-test"  # on this computer, which has another CPU
    assert alone in forms.arrange("cmake", PARTS)["README.md"]
    assert alone not in forms.arrange("cmake", given)["README.md"]


def sensor(layers, shape):
    """A program of real inputs, and some of these."""
    model = nn.Model(nn.Sequential(layers, shape).initialize(1))
    x = np.random.default_rng(0).normal(0, 2, (40, *shape)).astype(np.float32)
    return quant.quantize(model, quant.calibrate(model, x)), x


def test_what_the_readme_says_of_real_inputs_is_what_the_encoder_does(toolbox, tmp_path):
    """The README's lines of C, compiled, give the bytes that `Program.integers` gives."""
    program, x = sensor([nn.Linear(4), nn.ReLU(), nn.Linear(3), nn.Softmax()], (8,))
    first, *others = program.ops
    moved = replace(first, inputs=(first.inputs[0]._replace(zero=-20),))
    program = replace(program, ops=(moved, *others))
    assert program.input.zero == -20
    export_c(program, program.integers(x[:1]), tmp_path, name="sensor")
    text = (tmp_path / "README.md").read_text()
    assert "mean are inside" not in text
    code = re.findall(r"```c\n(.*?)```", text, re.DOTALL)[1]
    ties = (np.arange(-300, 300) + 0.5) * program.input_scale
    values = np.concatenate([x.ravel(), ties, [1e9, -1e9, 0.0]]).astype(np.float32)
    values = np.concatenate([values, np.zeros(-len(values) % 8, np.float32)]).reshape(-1, 8)
    (tmp_path / "use.c").write_text(
        '#include "sensor.h"\n#include <stdio.h>\nint main(void) {\nfloat samples[8];\n'
        f"while (fread(samples, sizeof samples, 1, stdin) == 1) {{\n{code}\n"
        "fwrite(input, sizeof input, 1, stdout);\n}\nreturn 0;\n}\n"
    )
    include, use = f"-I{tmp_path}/drypoint", tmp_path / "use"
    run([toolbox.need("cc"), "-std=c99", include, f"{use}.c", "-o", use])
    done = subprocess.run([use], input=values.tobytes(), check=True, capture_output=True)
    wanted = program.integers(values)
    assert done.stdout == wanted.tobytes()
    assert (wanted.min(), wanted.max()) == (-128, 127)


def test_the_engine_decides_on_real_inputs_as_the_reference_does_on_their_integers():
    convolutions = [nn.Conv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3), nn.Softmax()]
    for layers, shape in (([nn.Linear(3), nn.Softmax()], (8,)), (convolutions, (2, 6, 5))):
        program, x = sensor(layers, shape)
        nearest = np.rint(x.astype(float) / program.input_scale) + program.input.zero
        integers = nearest.clip(-128, 127).astype(np.int8)
        planes = integers.transpose(0, 2, 3, 1) if x.ndim == 4 else integers[:, None, None]
        assert np.array_equal(program.integers(x), planes)
        *_, last = reference.trace(program, planes)
        said = Engine(program).predict_proba(x)
        assert np.array_equal(said, program.real(last.reshape(len(x), -1)))


def test_names_that_clash_are_refused(tmp_path):
    program, x = sensor([nn.Linear(3), nn.Softmax()], (8,))
    model = ExportModel(program=program, golden=program.integers(x[:1]))
    for names, library, message in (
        (("a", "b"), "a", "are called 'a'"),
        (("a", "a_selftest"), "lib", "clashes with the self-test of 'a'"),
        (("a", "B"), "lib", "'B' cannot name C files"),
        (("a", "b"), "int", "'int' cannot name C files"),
    ):
        with pytest.raises(ProgramError, match=message):
            export_models(dict.fromkeys(names, model), tmp_path / "out", name=library)
    for wrong in ({}, program, {"a": program}):
        with pytest.raises(ProgramError, match="wanted: "):
            export_models(wrong, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    alone = export_models({"net": model}, tmp_path / "one")
    files = export_c(program, model.golden, tmp_path / "two", name="net")
    assert [p.read_bytes() for p in alone] == [p.read_bytes() for p in files]
