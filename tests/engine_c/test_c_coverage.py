"""Every line of the engine is executed by the tests of this folder.

Of a backend whose instructions this CPU lacks, as AVX-VNNI on AMD's Zen 4, nothing can be: its file
is left to machines that have them, and named in the output.
"""

import gzip
import json
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import delay_faults
import graph_faults
import map_nets
import nets
import numpy as np
import rows_faults
import sound_nets
import stream_faults
from broken_blobs import BROKEN
from corpus import CASES
from jobs import Job, answers, traces
from last_output import with_last
from shared_tables import shared_blob

from drypoint.engine import Engine, export_c
from drypoint.program import Detector, blob
from tools import C_TESTS, ENGINE_SOURCES, INCLUDES, ONLY_CI, run

QUADS = ("store", "values", "pool", "depthwise")
HEADERS = {
    f"dpt_{name}.h"
    for name in ("boxes", "internal", "pack", "quads", "driver", "geometry", "keywords")
}
HEADERS |= {"dpt_sound_complex.h", "dpt_quads.inc", *(f"dpt_quads_{name}.inc" for name in QUADS)}
HEADERS |= {f"dpt_{name}.inc" for name in ("columns", "gray", "x86", "ymm", "gemm")}
HEADERS |= {"dpt_scalar_planes.inc", "dpt_scalar_wide.inc"}
# Empty here: their targets run in emulators (test_c_simd.py, tests/devices).
ELSEWHERE = {f"dpt_{name}.c" for name in ("neon", "neondot", "neoni8mm", "rvv", "wasm")}
ELSEWHERE |= {f"dpt_{name}{bits}.c" for name in ("blocks", "dsp") for bits in ("", 4, 2)}
ELSEWHERE |= {f"dpt_blocks{bits}_{size}.c" for bits in ("", 4, 2) for size in ("small", "tiny")}
ELSEWHERE |= {"dpt_mve.c"}
X86 = {"sse41", "avx2", "avxvnni", "avx512vnni"}
COVERAGE = ("-std=c99", "-O0", "--coverage")


@ONLY_CI
def test_every_line_of_the_engine_is_executed(toolbox, tmp_path):
    compiler, gcov = toolbox.need("gcc"), toolbox.need("gcov")
    programs = {}
    run([compiler, *COVERAGE, *INCLUDES, "-c", *ENGINE_SOURCES], cwd=tmp_path)
    objects = sorted(tmp_path.glob("*.o"))
    for name in ("test_api", "driver", "hostile", "hostile_sound"):
        programs[name] = tmp_path / name
        source = C_TESTS / f"{name}.c"
        flags = ["-std=c99", *INCLUDES, "--coverage"]
        run([compiler, *flags, source, *objects, "-o", programs[name]], cwd=tmp_path)

    run([programs["test_api"]])
    traces(programs["driver"], CASES)
    refused = BROKEN | graph_faults.REFUSED | rows_faults.REFUSED | stream_faults.REFUSED
    refused |= delay_faults.REFUSED
    broken = [*(data for _, data in refused.values()), shared_blob(9, 64, size=9216)]
    jobs = [Job(np.zeros((1, 1), np.uint8), data) for data in broken]
    answers(programs["driver"], jobs)
    for seed in (48, 69):
        (tmp_path / "good.dpt").write_bytes(blob.dumps(nets.random_program(seed)))
        run([programs["hostile"], tmp_path / "good.dpt", 2000, seed])
    detector = Detector(window=2, hold=1, cutoff=0, keywords=(0, 2))
    listening = [replace(program, detector=detector) for program in sound_nets.programs()]
    listening += [with_last(listening[0], softmax=True), sound_nets.programs()[0]]
    for program in listening:
        (tmp_path / "sound.dpt").write_bytes(blob.dumps(program))
        run([programs["hostile_sound"], tmp_path / "sound.dpt", 300, 1])

    for program in map_nets.programs():
        folder = tmp_path / program.name
        export_c(program, map_nets.maps(program, 40), folder, name="finds")
        own = [*folder.glob("*.c")]
        flags = ["-std=c99", *INCLUDES, "--coverage"]
        run([compiler, *flags, *own, *objects, "-o", folder / "selftest"])
        run([folder / "selftest"])

    run([gcov, "--json-format", "--branch-probabilities", *objects], cwd=tmp_path)
    lines, branches = counts(tmp_path)
    assert set(lines) == {path.name for path in ENGINE_SOURCES} - ELSEWHERE | HEADERS
    print(f"\n{'file':<16} {'lines':>11} {'branches':>11}")
    for name in sorted(lines):
        shares = (
            f"{sum(n > 0 for n in of.values())}/{len(of)}" for of in (lines[name], branches[name])
        )
        print(f"{name:<16} " + " ".join(f"{share:>11}" for share in shares))
    absent = {f"dpt_{name}.c" for name in X86 - set(Engine.backends())}
    print(f"not for this CPU: {', '.join(sorted(absent)) or 'none'}")
    missed = [f"{name}:{at}" for name in lines for at, n in lines[name].items() if n == 0]
    missed = [line for line in missed if line.split(":")[0] not in absent]
    assert not missed, " ".join(missed)


def counts(folder):
    """File name -> line -> executions, and file name -> branch -> executions, over all objects."""
    lines, branches = defaultdict(Counter), defaultdict(Counter)
    for path in folder.glob("dpt_*.gcov.json.gz"):
        with gzip.open(path) as report:
            files = json.load(report)["files"]
        for file in files:
            name = Path(file["file"]).name
            if name.startswith("dpt_"):
                for line in file["lines"]:
                    at = line["line_number"]
                    lines[name][at] += line["count"]
                    for i, branch in enumerate(line["branches"]):
                        branches[name][at, i] += branch["count"]
    return lines, branches
