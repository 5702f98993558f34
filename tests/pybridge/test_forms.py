"""Project forms: each is built by its own tool, or by a stand-in that takes what the tool takes.

CMake, the compilers, PlatformIO's and Espressif's checkers of manifests are the real ones; the
functions that Zephyr and ESP-IDF add to CMake, and Arduino.h, are stood in for here.
"""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import nets
import pytest

from drypoint import forms
from drypoint.engine import c_sources, headers
from drypoint.program import codegen
from tools import PLAIN, STRICT, run

# Without the kernels for hosts, which take most of the time to compile: those of boards remain.
FOR_A_DEVICE = ("-DCMAKE_C_FLAGS=-DDPT_PLAIN_C",)


def parts(name="net", seed=62):
    program = nets.random_program(seed)
    model = codegen.generate(program, name, nets.random_inputs(program, 1))
    return forms.Parts(
        name=name,
        version="1.2.3",
        selftest=model.pop("selftest.c"),
        model=model,
        engine={f.name: f.read_text() for f in [*headers(), *c_sources()]},
        macs=program.macs,
        weights=program.weight_bytes,
        arena=program.arena_size,
    )


PARTS = parts()


def written(folder, form, given=PARTS):
    for path, text in forms.arrange(form, given).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def says_right(program):
    assert b"every layer as the reference says" in run([program])


@pytest.mark.parametrize("form", forms.FORMS)
def test_every_form_holds_the_generated_c_as_it_is_and_says_how_to_call_it(form):
    files = forms.arrange(form, PARTS)
    texts = list(files.values())
    for text in PARTS.model.values():
        assert texts.count(text) == 1
    if form != "amalgamation":
        assert all(texts.count(text) == 1 for text in PARTS.engine.values())
    assert any(PARTS.selftest in text for text in texts)
    assert "dpt_run(&net, NULL, arena, sizeof arena, input, scores)" in files["README.md"]


def test_the_lines_in_the_readme_compile_and_run(toolbox, tmp_path):
    cc, folder = toolbox.need("cc"), written(tmp_path, "amalgamation")
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
    folder = written(tmp_path, "amalgamation")
    sources = ["selftest.c", "net.c", "drypoint.c"]
    run([toolbox.need(compiler), *STRICT, "-O2", *sources, "-o", "selftest"], cwd=folder)
    says_right(folder / "selftest")


def cmake(toolbox, source, build, *options):
    tool = toolbox.need("cmake")
    run([tool, "-S", source, "-B", build, *options])
    run([tool, "--build", build])
    return build


def test_cmake_builds_the_self_test_and_installs_a_package(toolbox, tmp_path):
    folder = written(tmp_path / "net", "cmake")
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
    says_right(built / "user")


def test_two_models_in_one_cmake_project_share_one_engine(toolbox, tmp_path):
    written(tmp_path / "a", "cmake", parts("first", 5))
    written(tmp_path / "b", "cmake", parts("second", 6))
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.21)\nproject(user C)\ninclude(FetchContent)\n"
        "FetchContent_Declare(first SOURCE_DIR ${CMAKE_SOURCE_DIR}/a)\n"
        "FetchContent_Declare(second SOURCE_DIR ${CMAKE_SOURCE_DIR}/b)\n"
        "FetchContent_MakeAvailable(first second)\n"
        "foreach(one a b)\nadd_executable(test_${one} ${one}/selftest.c)\n"
        "target_link_libraries(test_${one} first::first second::second)\nendforeach()\n"
    )
    built = cmake(toolbox, tmp_path, tmp_path / "build", *FOR_A_DEVICE)
    says_right(built / "test_a")
    says_right(built / "test_b")


CHECKS = {
    "platformio": """
import sys
from platformio.package.manifest.parser import ManifestParserFactory
from platformio.package.manifest.schema import ManifestSchema
# It would ask the network for the list of all licences.
ONE = {"licenses": [{"licenseId": "Apache-2.0"}]}
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
    folder = written(tmp_path, form)
    command = [sys.executable, "-W", "ignore", "-c", CHECKS[package], str(folder / manifest)]
    home = {"HOME": str(tmp_path), "PLATFORMIO_CORE_DIR": str(tmp_path / "pio")}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "1.2.3"


ARDUINO = """
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
struct Port {
    void begin(long) {}
    void print(const char *s) { fputs(s, stdout); }
    void println(const char *s) { puts(s); }
    void println(int n) { printf("%d\\n", n); }
};
extern Port Serial;
inline void delay(int) { exit(0); }
void setup();
void loop();
"""
MAIN = "Port Serial;\nint main() { setup(); loop(); }\n"


@pytest.mark.parametrize(
    ("sketch", "says"), [("Selftest", b"every byte is right"), ("Classify", b"")]
)
def test_arduino_sketches_build_and_run(toolbox, tmp_path, sketch, says):
    cc, cxx, folder = toolbox.need("cc"), toolbox.need("g++"), written(tmp_path, "arduino")
    (folder / "Arduino.h").write_text(ARDUINO)
    (folder / "main.cpp").write_text(MAIN)
    at = folder / "examples" / sketch
    sources = [*folder.glob("src/*.c"), *at.glob("*.c")]
    run([cc, *PLAIN, "-c", "-I", "src", *sources], cwd=folder)
    objects = [f"{one.stem}.o" for one in sources]
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
set(CONFIG_NET y)
add_subdirectory(net/zephyr)
target_include_directories(net PUBLIC net/include)
add_executable(test net/tests/selftest.c)
target_link_libraries(test net)
"""
ESP_IDF = """
cmake_minimum_required(VERSION 3.21)
project(idf C)
function(idf_component_register)
  cmake_parse_arguments(PARSE_ARGV 0 _ "" "" "SRCS;INCLUDE_DIRS")
  add_library(net STATIC ${__SRCS})
  target_include_directories(net PUBLIC ${__INCLUDE_DIRS})
endfunction()
add_subdirectory(net)
add_executable(test net/test_apps/selftest.c)
target_link_libraries(test net)
"""


@pytest.mark.parametrize(("form", "project"), [("zephyr", ZEPHYR), ("esp-idf", ESP_IDF)])
def test_components_build_with_the_functions_that_their_build_system_offers(
    toolbox, tmp_path, form, project
):
    written(tmp_path / "net", form)
    (tmp_path / "CMakeLists.txt").write_text(project)
    says_right(cmake(toolbox, tmp_path, tmp_path / "build", *FOR_A_DEVICE) / "test")


def test_the_zephyr_module_names_what_is_there(tmp_path):
    folder = written(tmp_path, "zephyr")
    found = dict(re.findall(r"^ *(\w+): *(\S+)$", (folder / "zephyr/module.yml").read_text(), re.M))
    assert found["name"] == "net"
    assert (folder / found["cmake"] / "CMakeLists.txt").is_file()
    assert "config NET\n" in (folder / found["kconfig"]).read_text()


def test_platformio_folders_hold_a_library_that_builds(toolbox, tmp_path):
    folder = written(tmp_path, "platformio")
    manifest = json.loads((folder / "library.json").read_text())
    assert (folder / "include" / manifest["headers"]).is_file()
    sources = [*folder.glob("src/*.c"), folder / "examples/selftest.c"]
    command = [toolbox.need("cc"), *PLAIN, "-I", folder / "include"]
    run([*command, *sources, "-o", folder / "selftest"])
    says_right(folder / "selftest")


def test_the_pack_description_lists_every_source_and_nothing_else(tmp_path):
    folder = written(tmp_path, "cmsis-pack")
    root = ET.parse(folder / "drypoint.net.pdsc").getroot()
    assert [root.findtext(k) for k in ("vendor", "name")] == ["drypoint", "net"]
    listed = [one.get("name") for one in root.iter("file")]
    there = [str(one.relative_to(folder)) for one in sorted(folder.glob("src/*.c"))]
    assert listed == ["include/", *there]
