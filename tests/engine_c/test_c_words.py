"""Words that mean one thing in the names of the engine's source; CONTRIBUTING.md has the table."""

import re

import pytest

from tools import ENGINE_FILES, ROOT

# Word -> the files whose names may have it.
FILES = {
    "group": r"(?!.*(columns|depthwise|pool|taps|store)).*",
    "step": "(sound|listen|stream|plan).*",
    "strip": "dsp|dsp_depthwise|gray",
    "tile": "driver|gemm|rvv_gemm|gray|layout|pack",
    "band": "driver|driver_depthwise|layout|pack|mve|mve_depthwise|mve_quads|mve_taps",
    "pair": r"sound.*|blocks_bits|driver|gemm|layout|pack|mve_windows|rvv|rvv_gemm|dsp|dsp_bits",
    "superblock": "",  # panel
    "planar": "",  # gray
}
KERNELS = {"dpt_mve_tiles"}  # generated code names them
# Macros that paste names, of instructions and of kernels.
PASTING = {"X86", "X86_SI", "QUADS_NAME", "QUADS_VALUES", "QUADS_POOLS", "BLOCKS_NAME", "DSP_NAME"}
SOURCES = list(ENGINE_FILES.values())


# Room -> the rooms whose files it may include, beside its own, `core` and `scalar`.
ROOMS = {
    "core": set(),
    "scalar": set(),
    "host": set(),
    **{f"host/{family}": {"host"} for family in ("x86", "neon", "wasm", "rvv")},
    "small": set(),
    "helium": set(),
    "sound": set(),
    "detection": set(),
}


def test_a_room_includes_files_of_its_own_and_of_the_rooms_below():
    """`host` includes no instructions; no room includes files of another instruction set."""
    room = {p.name: p.relative_to(ROOT / "engine_c/src").parent.as_posix() for p in SOURCES}
    assert set(room.values()) == set(ROOMS)
    includes = re.compile(r'^ *# *include "(dpt_\w+\.\w+)"', re.M)
    found = {
        (room[p.name], room[name]) for p in SOURCES for name in includes.findall(p.read_text())
    }
    # The micro-kernels that dpt_quads.inc includes where a backend of x86-64 asks for them.
    assert {(a, b) for a, b in found if b not in {a, "core", "scalar", *ROOMS[a]}} == {
        ("host", "host/x86")
    }


@pytest.mark.parametrize("word", FILES)
def test_a_word_stands_in_the_names_of_its_files_alone(word):
    name = re.compile(rf"\b(?:\w+_)?{word}s?(?:_\w+)?\b", re.IGNORECASE)
    for path in SOURCES:
        if not re.fullmatch(FILES[word], path.stem.removeprefix("dpt_")):
            code = re.sub(r'/\*.*?\*/|"[^"\n]*"', "", path.read_text("utf-8"), flags=re.DOTALL)
            assert set(name.findall(code)) <= KERNELS, path


def test_a_name_that_a_macro_makes_is_found_by_grep():
    """Names of kernels stand in full in drypoint_kernels.h or beside the macro that makes them."""
    kernels = (ROOT / "engine_c/include/drypoint_kernels.h").read_text("utf-8")
    for path in SOURCES:
        text = path.read_text("utf-8")
        for macro, begin in re.findall(r"#define (\w+)\([^\n]*?(\w+)##", text):
            assert macro in PASTING
            assert macro.startswith("X86") or re.search(
                rf"\b{begin}(conv|maxpool|add)\b", text + kernels
            )
