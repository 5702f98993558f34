"""Memory plans that are not the planner's, and streams: what the loader accepts runs as if nothing
overlapped.

Oracle: the plan in which every tensor has a place of its own, run beside (plan_runs.h). `make fuzz`
goes on for hours.
"""

import re
import subprocess

import pytest

from tools import C_TESTS, ENGINE_FILES, INCLUDES, ONLY_CI, SANITIZERS, STRICT, run

BUILDS = {"optimized": ("-O3", "-fsigned-char"), "sanitized": SANITIZERS["gcc"]}


def counts(text):
    return {name: int(n) for name, n in (line.split(": ") for line in text.splitlines())}


@pytest.mark.parametrize("mode", ["plans", "streams"])
@pytest.mark.parametrize(
    ("build", "fewer"), [("optimized", 1), pytest.param("sanitized", 50, marks=ONLY_CI)]
)
def test_accepted_plans_run_as_if_nothing_overlapped(toolbox, build, fewer, mode):
    flags = (*BUILDS[build], *toolbox.backends)
    program = toolbox.engine_program("gcc", "fuzz_plans.c", *flags)
    nets = toolbox.count(every_day=200_000, ci=5_000_000) // fewer
    found = counts(run([program, mode, 0, nets]).decode())
    assert found["accepted"] > nets / 4
    shown = ["groups", "over an input by rows"] if mode == "plans" else ["in the state"]
    assert [name for name in shown if found[name] < nets / 50] == []


FAULTS = {
    # As rule 3 once counted rows: beyond the last one of an op.
    "the old clamp": ("dpt_plan.c", "n < op->out.h ? n : op->out.h", "n < 1 << 20 ? n : 1 << 20"),
    "only row 0": ("dpt_plan.c", " && plan_row_follows(g, j, k, y - 1)", ""),
    "upsamples": ("dpt_plan.c", "|| grows ||", "||"),
    "rows kept in a ring": ("dpt_rows.c", "ring + distance", "ring + distance - 1"),
    "read before a history": ("dpt_plan.c", "(ops[i].last_reader < h ||", "(1 ||"),
    "read after a history": ("dpt_plan.c", "ops[h].last_reader < i)", "1)"),
    "read in a later step": (
        "dpt_plan.c",
        "found->lent[h] &= found->op[h] != source - 1;",
        "found->lent[h] &= 1;",
    ),
}


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=() if name == "the old clamp" else ONLY_CI) for name in FAULTS],
)
def test_a_wrong_engine_is_found_and_its_net_alone_fails(toolbox, tmp_path, fault):
    """With one line of the engine changed; so the test above can fail."""
    file, right, wrong = FAULTS[fault]
    mode = "streams" if fault.startswith("read ") else "plans"
    text = ENGINE_FILES[file].read_text("utf-8")
    assert right in text
    source = tmp_path / file
    source.write_text(text.replace(right, wrong), "utf-8")
    engine = toolbox.engine("gcc", *BUILDS["optimized"], *toolbox.backends)
    objects = [path for path in engine if source.stem not in path.name]
    command = [toolbox.need("gcc"), *STRICT, "-O2", *INCLUDES, f"-I{C_TESTS}", source]
    binary = tmp_path / "fuzz_plans"
    run([*command, C_TESTS / "fuzz_plans.c", *objects, "-o", binary])

    def fuzz(first, count):
        words = [binary, mode, str(first), str(count)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    done = fuzz(0, 10_000_000)
    assert done.returncode != 0
    (number,) = re.findall(
        rf"fuzz_plans: net (\d+) fails; alone: fuzz_plans {mode} \1 1", done.stderr
    )
    alone = fuzz(number, 1)
    assert (alone.stderr, alone.returncode) == (done.stderr, done.returncode)
