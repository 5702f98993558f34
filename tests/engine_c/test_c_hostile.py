"""Blobs from an enemy: refused, or harmless; and Python and C agree on them."""

import struct
import subprocess

import delay_faults
import graph_faults
import nets
import numpy as np
import pytest
import reader_faults
import recurrent_nets
import rows_faults
import stream_faults
import stream_nets
from blobs import GOOD, INPUT, KIND, MULT, TYPE, UNKNOWN_KIND, changed, place, repaired, table
from broken_blobs import ACCEPTED, BROKEN, sides_of_zero, unused_bytes
from equal_bytes import check_planes
from jobs import TOO_LONG, Job, answers

from drypoint.program import BlobError, History, blob, reference
from tools import (
    C_TESTS,
    COMPILERS,
    ENGINE_FILES,
    ENGINE_SOURCES,
    INCLUDES,
    ONLY_CI,
    SANITIZERS,
    run,
)

# Small programs that together have every kind of op, both input types, with and without labels.
SEEDS = (15, 73, 48, 65, 69, 2, 25, 54, 14, 36)
PROGRAMS = nets.with_every_kind([nets.random_program(seed) for seed in (*SEEDS, 1, 220, 529)])
STREAMS = [*stream_nets.streams((3, 8, 12)), *recurrent_nets.recurrent((1, 2))]


def test_the_programs_have_every_kind_type_and_labels():
    kinds = {type(op) for program in PROGRAMS for op in program.ops}
    assert kinds == nets.OF_GRAPHS
    assert History in {type(op) for program in STREAMS for op in program.ops}
    assert {program.input_type for program in PROGRAMS} == {"u8", "i8"}
    assert {bool(program.labels) for program in PROGRAMS} == {True, False}
    assert {program.softmax for program in PROGRAMS} == {True, False}
    assert any(True in program.plan.in_place for program in PROGRAMS)
    assert {len(program.ops) for program in PROGRAMS} >= {1, 4}


@pytest.mark.parametrize(
    "program",
    [*PROGRAMS, STREAMS[0], *(pytest.param(stream, marks=ONLY_CI) for stream in STREAMS[1:])],
    ids=lambda program: program.name,
)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_no_mutant_reaches_outside_its_buffers(toolbox, compiler, program, tmp_path):
    """All truncations, all flipped bits as they are and with the CRC repaired, all alignments, and
    random mutations, under sanitizers. What is loaded also runs; of the flipped bits of a byte in
    tables one does."""
    path = tmp_path / "good.dpt"
    path.write_bytes(blob.dumps(program))
    count = toolbox.count(every_day=2000, ci=5000)
    text = run([toolbox.sanitized(compiler, "hostile.c"), path, count, 1]).decode()
    counts = dict(line.split(": ", 1) for line in text.splitlines())
    assert counts["misalignments"].startswith("0 refused, 16 accepted")
    # The CRC does not cover the version: with minor 1 a program of minor 0 is the same one.
    assert f", {int(path.read_bytes()[6] == 0)} accepted" in counts["flipped bits"]
    for what in ("flipped bits, repaired", "random mutations, repaired"):
        refused, accepted = (int(part.split()[0]) for part in counts[what].split(", ")[:2])
        assert refused > 100, what
        assert accepted > 100, what


def mutants(good, rng, *, every):
    """Every flipped bit, or every second, of header and records; then random changes of one to four
    bytes."""
    front = place(good[20], 0)
    for bit in range(8 * 16, 8 * front, every):
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        yield repaired(data)
    for _ in range(600):
        data = bytearray(good)
        for _ in range(int(rng.integers(1, 5))):
            at = int(rng.integers(16, front if rng.random() < 0.5 else len(good)))
            data[at] = int(rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))]))
        yield repaired(data)


@pytest.mark.parametrize("seed", SEEDS)
def test_python_and_c_agree_on_mutants(toolbox, seed):
    """What Python takes, C takes, with the reference's bytes. What only C takes is what BLOB.md
    leaves to Python: meta, the encoding of labels, and the softmax that the meta has."""
    good = blob.dumps(nets.random_program(seed))
    rng = np.random.default_rng(seed)
    cases = list(mutants(good, rng, every=toolbox.count(every_day=2, ci=1)))
    x = rng.integers(0, 256, (2, 257)).astype(np.uint8)
    driver = toolbox.sanitized("gcc", "driver.c")
    read = answers(driver, [Job(x, data, limit=100_000) for data in cases])
    both = only_c = 0
    for data in cases:
        status = read.number()
        try:
            program = blob.loads(data)
        except BlobError:
            program = None
        if program is None:
            if status == 0:
                only_c += 1
                assert only_the_tools_part_is_other(data, good), "C takes what Python refuses"
                read.skip_trace(data, len(x))
            continue
        assert status in (0, TOO_LONG), "Python takes what C refuses"
        if status == TOO_LONG:
            continue
        both += 1
        arena, got = read.trace(program, len(x))
        assert arena == program.arena_size
        inputs = np.stack([np.resize(row, program.input_shape.size) for row in x])
        inputs = inputs.reshape(len(x), *program.input_shape)
        inputs = inputs.view(np.uint8 if program.input_type == "u8" else np.int8)
        check_planes(program, got, reference.trace(program, inputs))
    assert read.finished()
    assert both > 20
    assert only_c > 20


def only_the_tools_part_is_other(data, good):
    """Whether Python takes a mutant once it has the good blob's meta, labels and softmax again: the
    engine reads neither meta nor the encoding of labels."""
    data = bytearray(data)
    for at in (32, 40):
        offset, size = struct.unpack_from("<II", good, at)
        data[at : at + 8] = good[at : at + 8]
        data[offset : offset + size] = good[offset : offset + size]
    data[22:24] = good[22:24]
    data[52:57] = good[52:57]
    blob.loads(repaired(data))
    return True


REFUSED = (
    BROKEN
    | graph_faults.REFUSED
    | rows_faults.REFUSED
    | stream_faults.REFUSED
    | delay_faults.REFUSED
    | reader_faults.REFUSED
)
EVERY = REFUSED | unused_bytes() | sides_of_zero()
ROOM = 140  # ops


def verdicts(toolbox, blobs):
    """For each blob the check of BLOB.md that refuses it, that check's status, and the loader's.
    checks.h, which is written from the page alone, gives the check and its status."""
    heads = b"".join(struct.pack("=2I", len(data), ROOM) + data for data in blobs)
    lines = run([toolbox.sanitized("gcc", "fuzz.c"), "read"], data=heads).decode().splitlines()
    return [tuple(map(int, line.split())) for line in lines]


def test_each_check_answers_with_its_own_status(toolbox):
    """Every check has a blob that it refuses."""
    cases = EVERY
    found = verdicts(toolbox, (data for _, data in cases.values()))
    wanted = {name: (status, status) for name, (status, _) in cases.items()}
    assert {
        name: (page, loader) for name, (_, page, loader) in zip(cases, found, strict=True)
    } == wanted
    assert {check for check, _, _ in found} == set(range(1, 28))
    fields = dict(zip(cases, found, strict=True))
    # The zero point of a second tensor falls to check 9, whether the op reads that tensor or not.
    assert {fields[name][0] for name in unused_bytes()} == {9, 10}
    assert {fields[name][0] for name in sides_of_zero()} == {11}


def test_the_graphs_and_plans_fall_to_the_checks_that_they_are_for(toolbox):
    """Refused by another check, a case would say nothing about its own rule."""
    for cases, checks in (
        (graph_faults.WRONG_READS, {10, 14, 22}),
        (graph_faults.WRONG_DESCRIPTORS, {15}),
        (graph_faults.WRONG_TYPES, {16}),
        (graph_faults.WRONG_PLANS, {24}),
    ):
        found = verdicts(toolbox, (data for _, data in cases.values()))
        assert {check for check, _, _ in found} == checks


def test_python_refuses_the_blobs_that_c_refuses():
    """Python has room for any number of ops, and then not enough names for them."""
    taken = []
    for name, (_, data) in EVERY.items():
        try:
            blob.loads(data)
        except BlobError as error:
            assert "\n" not in str(error), name
        else:
            taken.append(name)
    assert taken == []


def test_values_at_the_bounds_are_accepted(toolbox):
    edges = (
        ACCEPTED
        | graph_faults.ACCEPTED
        | rows_faults.ACCEPTED
        | stream_faults.ACCEPTED
        | delay_faults.ACCEPTED
        | reader_faults.ACCEPTED
    )
    both = edges | {name: data for name, (data, _) in reader_faults.FORMAT_ONLY.items()}
    found = dict(zip(both, verdicts(toolbox, both.values()), strict=True))
    assert found == dict.fromkeys(both, (0, 0, 0))
    for data in edges.values():
        blob.loads(data)


def test_the_first_failure_in_the_order_of_the_page_is_the_answer(toolbox):
    """Three rules broken at once, the earlier check in the later place of the blob."""
    multiplier = (table(GOOD, MULT), "i", 3)  # check 20 of op 0
    input_type = (INPUT + TYPE, "B", 1 - GOOD[INPUT + TYPE])  # check 15 of op 0
    kind = (place(1, KIND), "B", UNKNOWN_KIND)  # check 9 of op 1
    cases = [(multiplier, input_type, kind), (multiplier, kind), (kind,)]
    found = verdicts(toolbox, [changed(GOOD, *changes) for changes in cases])
    assert found == [(15, -10, -10), (20, -11, -11), (9, -9, -9)]


def is_guided(path):
    """Whether the fuzzer follows the branches of a file: true if a blob decides them. The kernels
    for one processor or another take most of the time to compile; the tests above run these kernels
    sanitized."""
    return path.name.startswith(
        ("dpt_model", "dpt_plan", "dpt_stream", "dpt_run", "dpt_scalar", "dpt_pack", "dpt_backend")
    )


def fuzz_target(toolbox, name, sources, objects=()):
    """A target of libFuzzer: sources whose branches it follows, and other objects."""
    compiler = toolbox.need("clang")
    flags = ("-g1", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
    stub = "int LLVMFuzzerTestOneInput(const char *d, long n) { (void)d; (void)n; return 0; }"
    toolbox.need_flags(compiler, *flags, code=stub)
    command = [compiler, *flags, *INCLUDES, C_TESTS / f"{name}.c", *sources, *objects]
    return toolbox.build(name, command)


def fuzz(target, folder, *options):
    """Run a target of libFuzzer for four seconds; the folder has its first inputs."""
    words = ["-max_total_time=4", "-max_len=4096", "-seed=1", f"-artifact_prefix={folder}/"]
    done = subprocess.run(
        [target, *words, *options, folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@ONLY_CI
def test_the_fuzz_target_finds_nothing_in_a_few_seconds(toolbox, tmp_path):
    toolbox.need("clang")
    kernels = [
        path for path in toolbox.engine("clang", *SANITIZERS["clang"]) if not is_guided(path)
    ]
    target = fuzz_target(toolbox, "fuzz_load", filter(is_guided, ENGINE_SOURCES), kernels)
    for seed in SEEDS:
        (tmp_path / f"{seed}.dpt").write_bytes(blob.dumps(nets.random_program(seed)))
    fuzz(target, tmp_path)


BOXES = ("boxes", "cells", "candidates", "softmax", "run", "rows", "scalar")


def test_lists_of_hostile_maps_stay_in_their_memory_and_end_in_time(toolbox, tmp_path):
    """Maps of up to 10,000 cells; a list that takes two seconds, sanitized, is a failure."""
    sources = [ENGINE_FILES[f"dpt_{name}.c"] for name in BOXES]
    fuzz(fuzz_target(toolbox, "fuzz_boxes", sources), tmp_path, "-timeout=2")
