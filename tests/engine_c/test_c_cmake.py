"""The engine in other builds: installed, as a subfolder, through pkg-config."""

import re
import tomllib

import nets
import numpy as np
import pytest

from drypoint.program import codegen, reference
from tools import ONLY_CI, ROOT, run

ENGINE = ROOT / "engine_c"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
MINOR_VERSION = VERSION.rpartition(".")[0]
USE = """
#include "net.h"
#include <stdio.h>
static uint8_t arena[NET_ARENA_SIZE + 1], input[NET_INPUT_SIZE];
int main(void) {
    int32_t output[NET_OUTPUT_COUNT];
    if (dpt_run(&net, NULL, arena, NET_ARENA_SIZE, input, output) != DPT_OK) return 1;
    for (int i = 0; i < NET_OUTPUT_COUNT; i++) printf("%ld ", (long)output[i]);
    return 0;
}
"""
PROJECT = """
cmake_minimum_required(VERSION 3.21)
project(consumer C)
{how}
add_executable(use use.c net.c)
target_link_libraries(use PRIVATE drypoint::drypoint)
"""


@pytest.fixture
def consumer(tmp_path):
    """A folder with a program that prints a model's outputs for an input of zeros."""
    program = nets.random_program(62)
    folder = tmp_path / "consumer"
    folder.mkdir()
    for file, text in codegen.generate(program, "net", nets.random_inputs(program, 1)).items():
        (folder / file).write_text(text)
    (folder / "use.c").write_text(USE)
    x = np.zeros(program.input_shape, np.uint8 if program.input_type == "u8" else np.int8)
    return folder, reference.run(program, x)[0].tolist()


@pytest.fixture(scope="module")
def prefix(toolbox):
    """Where `cmake --install` has put the engine, once for all workers."""
    cmake, compiler, folder = toolbox.need("cmake"), toolbox.need("gcc"), toolbox.folder / "cmake"
    with toolbox.locked("cmake"):
        if not (folder / "prefix").exists():
            run([cmake, "-S", ENGINE, "-B", folder / "build", f"-DCMAKE_C_COMPILER={compiler}"])
            run([cmake, "--build", folder / "build"])
            run([cmake, "--install", folder / "build", "--prefix", folder / "prefix"])
    return folder / "prefix"


def build_consumer(toolbox, folder, how, *options):
    """What the consumer prints when cmake builds it."""
    cmake, build = toolbox.need("cmake"), folder / "build"
    (folder / "CMakeLists.txt").write_text(PROJECT.format(how=how))
    run([cmake, "-S", folder, "-B", build, f"-DCMAKE_C_COMPILER={toolbox.need('gcc')}", *options])
    run([cmake, "--build", build])
    return [int(word) for word in run([build / "use"]).split()]


@ONLY_CI
def test_find_package_finds_the_installed_engine(toolbox, prefix, consumer):
    folder, wanted = consumer
    how = f"find_package(drypoint {MINOR_VERSION} REQUIRED)"
    assert build_consumer(toolbox, folder, how, f"-DCMAKE_PREFIX_PATH={prefix}") == wanted


def test_add_subdirectory_takes_the_folder(toolbox, consumer):
    folder, wanted = consumer
    plain = "-DCMAKE_C_FLAGS=-DDPT_PLAIN_C"  # half the time; test_find_package compiles it all
    assert (
        build_consumer(toolbox, folder, f'add_subdirectory("{ENGINE}" drypoint)', plain) == wanted
    )


# A library of the user that links the engine, installs itself and exports its targets.
LIBRARY = """
cmake_minimum_required(VERSION 3.21)
project(digits VERSION 1.0 LANGUAGES C)
include(GNUInstallDirs)
add_subdirectory("{engine}" drypoint)
add_library(digits SHARED net.c)
target_include_directories(digits PUBLIC $<INSTALL_INTERFACE:include>)
target_link_libraries(digits PUBLIC drypoint::drypoint)
install(TARGETS digits EXPORT digits)
install(FILES net.h TYPE INCLUDE)
install(EXPORT digits NAMESPACE digits:: FILE digits-config.cmake DESTINATION lib/cmake/digits)
"""
USER = """
cmake_minimum_required(VERSION 3.21)
project(user C)
find_package(drypoint {version} REQUIRED)
find_package(digits REQUIRED)
add_executable(use use.c)
target_link_libraries(use PRIVATE digits::digits)
"""


@pytest.mark.parametrize("shared", [pytest.param(n, marks=ONLY_CI) for n in ("OFF", "ON")])
def test_a_project_with_the_engine_in_it_installs_and_exports_itself(
    toolbox, consumer, tmp_path, shared
):
    """The user's library is shared: the linker takes only position-independent code into it."""
    folder, wanted = consumer
    cmake, prefix = toolbox.need("cmake"), tmp_path / "in"
    (folder / "CMakeLists.txt").write_text(LIBRARY.format(engine=ENGINE))
    options = [f"-DCMAKE_C_COMPILER={toolbox.need('gcc')}", f"-DCMAKE_PREFIX_PATH={prefix}"]
    options += [f"-DBUILD_SHARED_LIBS={shared}", "-DCMAKE_C_FLAGS=-DDPT_PLAIN_C"]
    run([cmake, "-S", folder, "-B", folder / "build", *options])
    run([cmake, "--build", folder / "build"])
    run([cmake, "--install", folder / "build", "--prefix", prefix])
    suffix = {"OFF": ".a", "ON": ".so"}[shared]
    names = {path.name for path in prefix.rglob("lib*") if path.is_file()}
    assert {f"libdrypoint{suffix}", "libdigits.so"} <= names
    user = tmp_path / "user"
    user.mkdir()
    (user / "CMakeLists.txt").write_text(USER.format(version=MINOR_VERSION))
    (user / "use.c").write_text(USE)
    run([cmake, "-S", user, "-B", user / "build", *options])
    run([cmake, "--build", user / "build"])
    assert [int(word) for word in run([user / "build/use"]).split()] == wanted


def test_the_pkg_config_file_names_a_relative_or_an_absolute_libdir(toolbox, tmp_path):
    pkg_config, cmake = toolbox.need("pkg-config"), toolbox.need("cmake")
    compiler = f"-DCMAKE_C_COMPILER={toolbox.need('gcc')}"
    for libdir, wanted in (("lib64", "/opt/x/lib64"), ("/srv/lib", "/srv/lib")):
        build = tmp_path / wanted[1:].replace("/", "-")
        options = [f"-DCMAKE_INSTALL_LIBDIR={libdir}", "-DCMAKE_INSTALL_PREFIX=/opt/x"]
        run([cmake, "-S", ENGINE, "-B", build, compiler, *options])
        for name, value in (("libdir", wanted), ("includedir", "/opt/x/include")):
            found = run([pkg_config, f"--variable={name}", build / "drypoint.pc"])
            assert found.decode().strip() == value


@ONLY_CI
def test_pkg_config_says_how_to_compile(toolbox, prefix, consumer):
    folder, wanted = consumer
    (path,) = prefix.rglob("drypoint.pc")
    # The prefix in the file is the configured one; this is the one it was installed to.
    command = [toolbox.need("pkg-config"), f"--define-variable=prefix={prefix}"]
    flags = run([*command, "--cflags", "--libs", path]).decode().split()
    run([toolbox.need("gcc"), "use.c", "net.c", *flags, "-o", "use"], cwd=folder)
    assert [int(word) for word in run([folder / "use"]).split()] == wanted


@ONLY_CI
def test_the_install_holds_the_headers_one_library_and_how_to_find_them(prefix):
    names = sorted(path.name for path in prefix.rglob("*") if path.is_file())
    assert names == [
        "LICENSE",
        "drypoint-config-release.cmake",
        "drypoint-config-version.cmake",
        "drypoint-config.cmake",
        "drypoint.h",
        "drypoint.hpp",
        "drypoint.pc",
        "drypoint_boxes.h",
        "drypoint_kernels.h",
        "drypoint_listen.h",
        "drypoint_sound.h",
        "libdrypoint.a",
    ]


@ONLY_CI
def test_version_numbers_agree(prefix):
    """The header, CMake, pkg-config and the Python package have one version."""
    header = (prefix / "include/drypoint.h").read_text()
    assert re.findall(r'#define DPT_VERSION +"(.*)"', header) == [VERSION]
    assert f"project(drypoint VERSION {VERSION} " in (ENGINE / "CMakeLists.txt").read_text()
    (config,) = prefix.rglob("drypoint.pc")
    assert f"Version: {VERSION}\n" in config.read_text()
