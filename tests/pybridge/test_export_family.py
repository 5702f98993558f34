"""Exports with the kernels of one family of processors, and two of them in one program.

Oracle: the compiler and the linker; the self-test, which compares every layer with the reference.
"""

import subprocess

import nets
import pytest

from drypoint.engine import FAMILIES, c_sources, export_c
from drypoint.program import ProgramError
from tools import STRICT

PROGRAM, OTHER = nets.random_program(62), nets.random_program(48)


def export(program, folder, name, **options):
    return export_c(program, nets.random_inputs(program, 1, n=2), folder, name=name, **options)


def build(toolbox, folder, *sources):
    """What the compiler says of C files with the engine in a folder, and then the program."""
    engine = sorted((folder / "drypoint").glob("*.c"))
    command = [
        toolbox.need("cc"),
        *STRICT,
        *toolbox.backends,
        f"-I{folder}",
        f"-I{folder / 'drypoint'}",
    ]
    command += [*map(str, [*sources, *engine]), "-o", str(folder / "program")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_each_family_links_on_this_computer_and_is_smaller_than_all(toolbox, tmp_path):
    whole = {path.name for path in export(PROGRAM, tmp_path / "all", "net")}
    for family in FAMILIES:
        folder = tmp_path / family
        found = {path.name for path in export(PROGRAM, folder, "net", family=family)}
        assert found < whole
        done = build(toolbox, folder, folder / "net.c", folder / "selftest.c")
        assert done.stderr == ""
        subprocess.run([folder / "program"], check=True, capture_output=True)
    assert not {"dpt_sse41.c", "dpt_mve.c", "dpt_sound.c"} & {
        path.name for path in (tmp_path / "small/drypoint").iterdir()
    }


def test_two_exports_of_a_family_link_with_the_engine_of_one(toolbox, tmp_path):
    for name, program in (("one", PROGRAM), ("two", OTHER)):
        export(program, tmp_path / name, name, family="host")
    first, second = ((tmp_path / name / "drypoint") for name in ("one", "two"))
    assert {f.name: f.read_bytes() for f in first.iterdir()} == {
        f.name: f.read_bytes() for f in second.iterdir()
    }
    main = tmp_path / "main.c"
    main.write_text(
        "int one_selftest(void);\nint two_selftest(void);\n"
        "int main(void) { return one_selftest() | two_selftest(); }\n"
    )
    tests = []
    for name in ("one", "two"):
        tests.append(tmp_path / f"test_{name}.c")
        text = (tmp_path / name / "selftest.c").read_text("utf-8")
        header = tmp_path / name / f"{name}.h"
        tests[-1].write_text(
            f'#define {name.upper()}_SELFTEST_NO_MAIN\n#include "{header}"\n{text}'
        )
    (tmp_path / "one/two.h").write_bytes((tmp_path / "two/two.h").read_bytes())
    models = [tmp_path / name / f"{name}.c" for name in ("one", "two")]
    done = build(toolbox, tmp_path / "one", main, *models, *tests)
    assert done.stderr == ""
    assert (
        subprocess.run([tmp_path / "one/program"], check=False, capture_output=True).returncode == 0
    )


def test_kernels_of_another_family_are_refused_and_unknown_families_named(tmp_path):
    with pytest.raises(ProgramError, match="the family host lacks dpt_dsp"):
        export(PROGRAM, tmp_path, "net", family="host", kernels="dsp")
    with pytest.raises(ProgramError, match="family is 'arm'; there are: host, small, helium"):
        export(PROGRAM, tmp_path, "net", family="arm")
    found = {path.name for path in export(PROGRAM, tmp_path, "net", family="small", kernels="dsp")}
    assert "dpt_blocks.c" in found  # not only what the model needs: other models may need it


def test_the_readme_has_the_purpose_of_each_file(tmp_path):
    files = export(PROGRAM, tmp_path, "net")
    text = (tmp_path / "README.md").read_text("utf-8")
    rows = dict(line[3:-2].split("` | ") for line in text.splitlines() if line.startswith("| `"))
    assert {*rows} == {path.name for path in files if path.suffix in (".c", ".h", ".hpp", ".inc")}
    assert all(len(purpose) > 10 for purpose in rows.values())
    assert rows["dpt_cpu.c"] == "Detects the CPU's features"
    assert len(rows) > len(c_sources()) / 2
