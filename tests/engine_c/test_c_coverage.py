"""Every line of the engine is executed by the tests of this folder."""

import gzip
import json

import nets
import numpy as np
from blobs import BROKEN
from jobs import Job, answers, traces

from drypoint.program import blob
from tools import C_TESTS, ENGINE_SOURCES, INCLUDE, run

COVERAGE = ("-std=c99", "-O0", "--coverage")


def test_every_line_of_the_engine_is_executed(toolbox, tmp_path):
    compiler, gcov = toolbox.need("gcc"), toolbox.need("gcov")
    programs = {}
    run([compiler, *COVERAGE, f"-I{INCLUDE}", "-c", *ENGINE_SOURCES], cwd=tmp_path)
    objects = sorted(tmp_path.glob("*.o"))
    for name in ("test_api", "driver", "hostile"):
        programs[name] = tmp_path / name
        source = C_TESTS / f"{name}.c"
        flags = ["-std=c99", f"-I{INCLUDE}", "--coverage"]
        run([compiler, *flags, source, *objects, "-o", programs[name]], cwd=tmp_path)

    run([programs["test_api"]])
    random_nets = [nets.random_program(seed) for seed in range(40)]
    traces(
        programs["driver"], [(program, nets.random_inputs(program, 1)) for program in random_nets]
    )
    jobs = [Job(np.zeros((1, 1), np.uint8), data) for _, data in BROKEN.values()]
    answers(programs["driver"], jobs)
    for seed in (48, 62):
        (tmp_path / "good.dpt").write_bytes(blob.dumps(nets.random_program(seed)))
        run([programs["hostile"], tmp_path / "good.dpt", 2000, seed])

    run([gcov, "--json-format", "--branch-probabilities", *objects], cwd=tmp_path)
    missed = []
    print(f"\n{'file':<16} {'lines':>11} {'branches':>11}")
    for source in ENGINE_SOURCES:
        with gzip.open(tmp_path / f"{source.stem}.gcov.json.gz") as report:
            files = json.load(report)["files"]
        lines = [n for f in files if f["file"].endswith(source.name) for n in f["lines"]]
        assert lines, f"gcov says nothing about {source.name}"
        branches = [b["count"] for line in lines for b in line["branches"]]
        hit = sum(line["count"] > 0 for line in lines)
        taken = f"{sum(c > 0 for c in branches)}/{len(branches)}"
        print(f"{source.name:<16} {f'{hit}/{len(lines)}':>11} {taken:>11}")
        missed += [f"{source.name}:{n['line_number']}" for n in lines if n["count"] == 0]
    assert missed == []
