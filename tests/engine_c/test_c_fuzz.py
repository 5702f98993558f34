"""Mutants that know a blob's structure: the loader answers as BLOB.md says, backends agree.

Oracles: for refusals `checks.h`, the page's checks written a second time; for accepted mutants the
plain kernels, which every other backend must equal. `make fuzz` goes on for hours.
"""

import re
import subprocess

import pytest

from drypoint.program._records import KINDS
from tools import C_TESTS, ENGINE_FILES, INCLUDES, ONLY_CI, ROOT, STRICT, run

BLOBS = sorted((ROOT / "tests/golden").glob("format-*/*.dpt"))
BUILDS = {
    "gcc": lambda toolbox: toolbox.sanitized("gcc", "fuzz.c"),
    "clang": lambda toolbox: toolbox.sanitized("clang", "fuzz.c"),
    # The engine is the one of test_c_driver.
    "guard pages": lambda toolbox: toolbox.engine_program(
        "gcc", "fuzz.c", "-O3", "-fsigned-char", *toolbox.backends, only=["-DGUARDED=guard_side"]
    ),
}


@pytest.mark.parametrize(
    "build", [pytest.param(name, marks=ONLY_CI if name == "clang" else ()) for name in BUILDS]
)
def test_mutants_are_refused_as_the_page_says_or_run_alike_everywhere(toolbox, build):
    count = toolbox.count(every_day=15_000, ci=20_000)
    first = count * [*BUILDS].index(build)
    text = run([BUILDS[build](toolbox), first, count, *BLOBS]).decode()
    counts = {name: int(n) for name, n in (line.split(": ") for line in text.splitlines())}
    names = [f"check {i}" for i in range(1, 28)] + [f"kind {kind.number}" for kind in KINDS]
    names += ["fused", "over an input by rows", "several outputs"]
    assert [name for name in names if counts[name] < 10] == []
    assert counts["ran"] > count / 4


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("dpt_model.c", "op->shift > 30", "op->shift > 29"),
        ("dpt_model.c", "dpt_u16(b->bytes + 6) == 0", "dpt_u16(b->bytes + 6) == 9"),
        ("dpt_plan.c", "ops[i].out_offset != values", "ops[i].out_offset < values"),
        ("dpt_plan.c", "!wide && ops[i].last_reader == 0", "0"),
        ("dpt_model.c", "TABLES_LIMIT = 4", "TABLES_LIMIT = 3"),
        ("dpt_plan.c", "n_alive == DPT_MAX_ALIVE", "n_alive == DPT_MAX_ALIVE + 1"),
        ("dpt_plan.c", "plane->last_reader > g->last ||", ""),
        (
            "dpt_plan.c",
            "op->rows >= dpt_row_map_of(next).reach",
            "op->rows + 1 >= dpt_row_map_of(next).reach",
        ),
        ("dpt_plan.c", "ops[i].out_offset != size", "ops[i].out_offset < size"),
        ("dpt_plan.c", "!= state_size", "< state_size"),
        ("dpt_scalar.c", "best += dpt_i32(op->bias + 4 * o);", "best += 1;"),
        ("dpt_bounds.c", "w == -(1 << (bits - 1))", "0"),
        ("dpt_bounds.c", "(uint8_t)row[bytes - 1] >> used != 0", "0"),
        ("dpt_scalar.c", "dpt_weight(row, first + i,", "dpt_weight(row, first,"),
        ("dpt_pack.c", "to += (size_t)unpacked;", ""),
    ],
)
def test_a_wrong_engine_is_found_and_its_mutant_alone_fails(toolbox, tmp_path, file, right, wrong):
    """With one line of the engine changed; so the test above can fail."""
    text = ENGINE_FILES[file].read_text("utf-8")
    assert right in text
    source = tmp_path / file
    source.write_text(text.replace(right, wrong), "utf-8")
    engine = toolbox.engine("gcc", "-O3", "-fsigned-char", *toolbox.backends)
    objects = [path for path in engine if source.stem not in path.name]
    binary = tmp_path / "fuzz"
    command = [
        toolbox.need("gcc"),
        *STRICT,
        "-O1",
        *INCLUDES,
        f"-I{C_TESTS}",
        source,
        C_TESTS / "fuzz.c",
        *objects,
    ]
    run([*command, "-o", binary])

    def fuzz(first, count):
        words = [binary, str(first), str(count), *BLOBS]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    done = fuzz(0, 60_000)
    assert done.returncode != 0
    (number,) = re.findall(r"fuzz: mutant (\d+) fails; alone: fuzz \1 1 BLOB", done.stderr)
    alone = fuzz(number, 1)
    assert (alone.stderr, alone.returncode) == (done.stderr, done.returncode)
