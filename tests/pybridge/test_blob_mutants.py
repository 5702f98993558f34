"""Mutants that know a blob's structure, read by Python and by C.

Oracle: each other, and for accepted ones every byte of every layer. What only C takes is what
BLOB.md leaves to the tools: meta, UTF-8 in labels, a softmax of another scale than the meta's.
"""

import struct

import numpy as np
from equal_bytes import check_planes
from jobs import TOO_LONG, Job, answers

from drypoint.program import NUMPY_TYPE, BlobError, blob, reference
from tools import ROOT, run

BLOBS = sorted((ROOT / "tests/golden").glob("format-*/*.dpt"))
COUNT = 1_500
TOOLS_PART = (
    "the blob's meta: ",
    "what its ops and meta ask for: softmax is",
    "'utf-8' codec can't decode",
)


def mutants(toolbox, first, count):
    """Mutants of the golden blobs, as tests/engine_c/fuzz.c makes them."""
    program = toolbox.optimized("fuzz.c")
    raw, at = run([program, "write", first, count, *BLOBS]), 0
    while at < len(raw):
        size, _ = struct.unpack_from("=2I", raw, at)
        if size > 0:  # which the driver takes for a compiled-in model
            yield raw[at + 8 : at + 8 + size]
        at += 8 + size


def load(data):
    """The program of a blob, or the message that refuses it."""
    try:
        return blob.loads(data)
    except BlobError as error:
        assert "\n" not in str(error)
        return str(error)


def test_python_takes_what_c_takes_but_for_the_tools_part(toolbox):
    cases = list(mutants(toolbox, 900_000, COUNT))
    driver = toolbox.optimized("driver.c")
    x = np.random.default_rng(5).integers(0, 256, (1, 499)).astype(np.uint8)
    read = answers(driver, [Job(x, data, limit=20_000) for data in cases])
    counts = {"both": 0, "only C": 0, "neither": 0}
    for data in cases:
        status, program = read.number(), load(data)
        if isinstance(program, str):
            counts["neither" if status < 0 else "only C"] += 1
            if status >= 0:
                assert any(words in program for words in TOOLS_PART), program
            if status == 0:
                read.skip_trace(data, 1)
            continue
        assert status in (0, TOO_LONG), "Python takes what C refuses"
        if status == TOO_LONG:
            continue
        counts["both"] += 1
        arena, planes = read.trace(program, 1)
        assert arena == program.arena_size
        shape = program.input_shape
        inputs = np.resize(x[0], shape.size).reshape(shape).view(NUMPY_TYPE[program.input_type])
        check_planes(program, planes, reference.trace(program, inputs))
        again = blob.loads(blob.dumps(program))
        assert (again.reads, again.plan) == (program.reads, program.plan)
    assert read.finished()
    assert counts["both"] > COUNT / 5
    assert counts["neither"] > COUNT / 5
    assert counts["only C"] > 20
