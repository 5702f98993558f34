"""Golden blobs of every format version load and give the recorded outputs."""

import functools
import importlib.util
import json
import re
from collections import Counter

import arithmetic_faults
import bits_faults
import graph_features
import later_faults
import nets
import numpy as np
import pytest
from blobs import listen_status, load_status
from jobs import NO_LIMIT, TOO_LONG, Job, answers
from reader_faults import FORMAT_ONLY

from drypoint import sound
from drypoint.engine import Engine
from drypoint.engine._native import ffi, lib
from drypoint.program import NUMPY_TYPE, BlobError, _records, blob, reference, softmax
from drypoint.program.ops._op import RequantizedOp
from tools import ROOT

GOLDEN = ROOT / "tests/golden"
BLOBS = sorted(GOLDEN.glob("format-*/*.dpt"))


def regenerate():
    spec = importlib.util.spec_from_file_location("regenerate", GOLDEN / "regenerate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_regenerating_gives_equal_bytes():
    module = regenerate()
    here = {path.name: path.read_bytes() for path in module.folder().iterdir()}
    assert here == module.files()
    published = {path.name: path.read_bytes() for path in (GOLDEN / "conformance").iterdir()}
    assert published == module.conformance()


def test_the_museum_has_every_kind_of_op_and_is_small():
    """Each kind with all types that it may have; each kind with every special feature, whatever
    the types; one skip, whatever its kind."""
    programs = [blob.loads(path.read_bytes()) for path in BLOBS]
    whole = [program for program in programs if not program.name.startswith("r")]
    shown = graph_features.in_the_museum(graph_features.count(whole))
    assert shown == graph_features.in_the_museum(graph_features.every_feature())
    assert any(
        0 < number < i - 1
        for program in programs
        for i, reads in enumerate(program.reads)
        for number in reads
    ), "no skip over two ops"
    assert {program.input_type for program in programs} == {"u8", "i8"}
    assert {bool(program.labels) for program in programs} == {True, False}
    assert {program.softmax for program in programs} == {True, False}
    assert sum(path.stat().st_size for path in GOLDEN.rglob("format-*/*")) < 143_000


@pytest.mark.parametrize("path", BLOBS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_old_blob_gives_its_recorded_outputs(toolbox, path):
    module = regenerate()
    data, raw, wanted = module.read(path)
    program = blob.loads(data)
    inputs = raw.reshape(len(raw), *program.input_shape)
    inputs = inputs.view(np.uint8 if program.input_type == "u8" else np.int8)
    np.testing.assert_array_equal(nets.values(reference.run(program, inputs)), wanted)
    np.testing.assert_array_equal(nets.values(Engine(data).run(inputs)), wanted)
    driver = toolbox.optimized("driver.c")
    read = answers(driver, [Job(raw, data)])
    assert read.number() == 0
    _, planes = read.trace(program, len(raw))
    written = nets.values(program.output_values(planes))
    np.testing.assert_array_equal(written[list(program.output_steps(len(raw)))], wanted)


def lines(name):
    text = (GOLDEN / "conformance" / name).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def rows(name):
    return [row | {"data": bytes.fromhex(row["blob"])} for row in lines(name)]


def program_of(row):
    """The program of an accepted row. The tools refuse some of these blobs, which have theirs."""
    if row["tools"]:
        return blob.loads(row["data"])
    with pytest.raises(BlobError):
        blob.loads(row["data"])
    return FORMAT_ONLY[row["name"]][1]


def test_the_conformance_set_has_every_status_but_capacity_and_small_blobs():
    page = (ROOT / "engine_c/BLOB.md").read_text("utf-8")
    checks = re.findall(r"^\| \d+ \|.*\| ([A-Z]+) \|$", page, re.MULTILINE)
    assert {row["status"] for row in rows("refused.jsonl")} == {*checks} - {"CAPACITY"}
    readme, names = (GOLDEN / "README.md").read_text("utf-8"), []
    for name in ("refused.jsonl", "accepted.jsonl"):
        largest = max(len(row["data"]) for row in rows(name))
        assert f"each of at most {largest:,} bytes" in readme
        assert largest <= 2**16
        names += [row["name"] for row in rows(name)]
    assert len(rows("refused.jsonl")) > 480
    assert len(names) == len(set(names))


def test_c_and_python_agree_with_the_conformance_set(toolbox):
    """Refusals with their status, the steps of a run, and every byte of every layer."""
    driver = toolbox.optimized("driver.c")
    refused, accepted = rows("refused.jsonl"), rows("accepted.jsonl")
    numbers = {name: number for number, name in regenerate().STATUSES.items()}
    one_byte = np.zeros((1, 1), np.uint8)
    jobs = [Job(one_byte, row["data"], limit=0) for row in refused]
    # The driver refuses one step fewer, and the run below takes as many as the row says.
    jobs += [Job(one_byte, row["data"], limit=min(row["steps"] - 1, NO_LIMIT)) for row in accepted]
    ran = [row for row in accepted if row["runs"]]  # of a streaming program the runs are steps
    inputs = [
        np.stack([np.frombuffer(bytes.fromhex(run["input"]), np.uint8) for run in row["runs"]])
        for row in ran
    ]
    jobs += [Job(x, row["data"], limit=row["steps"]) for row, x in zip(ran, inputs, strict=True)]
    read = answers(driver, jobs)
    assert [read.number() for _ in refused] == [numbers[row["status"]] for row in refused]
    assert {read.number() for _ in accepted} == {TOO_LONG}
    for row in refused:
        with pytest.raises(BlobError):
            blob.loads(row["data"])
    programs = {row["name"]: program_of(row) for row in accepted}
    for row in accepted:
        assert programs[row["name"]].work == row["steps"]
        if row["tools"]:
            assert Engine(row["data"], backend="scalar").work == row["steps"]
    for row, x in zip(ran, inputs, strict=True):
        program = programs[row["name"]]
        assert read.number() == 0
        _, planes = read.trace(program, len(x))
        stored = x.view(NUMPY_TYPE[program.input_type]).reshape(-1, *program.input_shape)
        for found in (planes, reference.trace(program, stored)):
            swapped = [plane.astype(plane.dtype.newbyteorder("<")) for plane in found]
            for i, run in enumerate(row["runs"]):
                layers = [plane[i].tobytes().hex() for plane in swapped]
                assert layers == run["layers"], row["name"]
    assert read.finished()
    assert sum(map(len, inputs)) > 90


@functools.cache
def recorded_runs():
    """For each accepted blob with runs its name, program, inputs (N, h, w, c), and what each op
    writes in these runs (N, outputs)."""
    found = []
    for row in rows("accepted.jsonl"):
        program, runs = program_of(row), row["runs"]
        if runs:
            inputs = b"".join(bytes.fromhex(run["input"]) for run in runs)
            x = np.frombuffer(inputs, NUMPY_TYPE[program.input_type])
            planes = []
            for i, op in enumerate(program.ops):
                layers = b"".join(bytes.fromhex(run["layers"][i]) for run in runs)
                kind = np.dtype(NUMPY_TYPE[op.out_type]).newbyteorder("<")
                planes.append(np.frombuffer(layers, kind).reshape(len(runs), -1))
            found.append((row["name"], program, x.reshape(-1, *program.input_shape), planes))
    return found


def test_recorded_outputs_spread_over_the_clamp():
    """Each op that requantizes shows four values inside the clamp, or as many as it writes where
    these are fewer. Both runs of an op differ. The other blobs of the set hold fields at an end of
    their range, which sends their outputs to an end of the clamp: the blobs of the museum, whose
    bytes never change, and the blobs of the loader's checks."""
    spread, counts = {*regenerate().spread_programs(), *arithmetic_faults.ACCEPTED}, Counter()
    for name, program, _, planes in recorded_runs():
        for i, (op, plane) in enumerate(zip(program.ops, planes, strict=True)):
            if name not in spread:
                continue
            if program.is_streaming:  # the steps in which the op runs
                plane = plane[program.clocks[i].first - 1 :: program.clocks[i].period]  # noqa: PLW2901
            else:
                assert not np.array_equal(*plane), (name, op.name)
            if hasattr(op, "mult"):
                inside = {value for value in plane.ravel().tolist() if op.lo < value < op.hi}
                assert len(inside) >= min(4, plane.size), (name, op.name)
                counts[op.kind] += plane.size >= 4
    kinds = {op.kind for op in _records.KINDS if issubclass(op, RequantizedOp)}
    assert {kind for kind, n in counts.items() if n >= 8} == kinds


@pytest.mark.parametrize("name", arithmetic_faults.FAULTS)
def test_a_fault_of_arithmetic_is_found(monkeypatch, name):
    """The blobs made for a fault find the fault. Of the other blobs, only blobs whose outputs
    spread find a fault; a set with neither would miss every fault."""
    fault, blobs = arithmetic_faults.FAULTS[name]
    monkeypatch.setattr(reference, "apply", fault)
    found = {
        what
        for what, program, x, planes in recorded_runs()
        for made, plane in zip(reference.trace(program, x), planes, strict=True)
        if not np.array_equal(made.reshape(plane.shape), plane)
    }
    assert found >= blobs
    few_bits = {
        *later_faults.ACCEPTED,
        *bits_faults.ACCEPTED,
        *(f"format-2.1/bits{seed}" for seed in regenerate().BITS_SEEDS),
    }
    assert found <= {*arithmetic_faults.ACCEPTED, *few_bits, *regenerate().spread_programs()}


def test_the_last_op_clamps_at_both_ends_in_recorded_runs():
    """A reader without `lo` or `hi` in its last op fails."""
    clamping = [
        row for row in rows("accepted.jsonl") if row["name"].startswith("the last op clamps")
    ]
    assert len(clamping) == 6
    for row in clamping:
        op = program_of(row).ops[-1]
        outputs = {
            value
            for run in row["runs"]
            for value in np.frombuffer(bytes.fromhex(run["layers"][-1]), "<i4").tolist()
        }
        assert {op.lo, op.hi} <= outputs, row["name"]


def test_c_and_python_agree_with_the_probabilities():
    cases = lines("softmax.jsonl")
    for case in cases:
        outputs, wanted = np.array([case["outputs"]], np.int32), case["probabilities"]
        scale = softmax.SoftmaxScale(case["mult"], case["shift"])
        assert softmax.run(outputs, scale)[0].tolist() == wanted
        made = np.empty_like(outputs)
        pointers = [ffi.cast("int32_t *", values.ctypes.data) for values in (outputs, made)]
        lib.dpt_softmax(pointers[0], outputs.size, scale._asdict(), pointers[1])
        assert made[0].tolist() == wanted
    page = {"mult": 3098164009, "shift": 8, "outputs": [4, 2]}  # NUMERICS.md, section 6
    assert page | {"probabilities": [784968157, 288773667]} in cases
    assert {case["mult"] for case in cases} >= {0, 1, 2**32 - 1}
    assert {case["shift"] for case in cases} >= {0, 63}


def test_the_engine_refuses_the_records_of_sound_of_the_conformance_set():
    """Each blob is a program that any reader takes; Python, which has a front end, refuses it."""
    numbers = {name: number for number, name in regenerate().STATUSES.items()}
    for row in rows("sound_refused.jsonl"):
        assert load_status(row["data"]) == 0, row["name"]
        assert listen_status(row["data"]) == numbers[row["status"]], row["name"]
        with pytest.raises(BlobError):
            blob.loads(row["data"])


def test_the_engine_detects_what_the_conformance_set_says():
    """Decisions go to `dpt_keywords` as they stand in the file."""
    for row in rows("detector.jsonl"):
        listener = Engine(row["data"]).listener()
        memory = ffi.cast("void *", listener._memory.ctypes.data), listener._memory.nbytes
        keyword, found = ffi.new("size_t *"), []
        for i, values in enumerate(np.array(row["decisions"], np.int32)):
            output = ffi.cast("int32_t *", values.ctypes.data)
            if lib.dpt_keywords(listener._listener, *memory, output, keyword) == lib.DPT_OK:
                found.append([i, keyword[0]])
        assert found == row["keywords"], row["name"]


def test_the_engine_hears_what_the_conformance_set_says():
    """The file is the oracle; at least one program of it has a softmax, some no detector."""
    n_keywords = []
    for row in rows("sound.jsonl"):
        samples = np.frombuffer(bytes.fromhex(row["samples"]), "<i2").astype(np.int16)
        program = blob.loads(bytes.fromhex(row["blob"]))
        features = np.frombuffer(bytes.fromhex(row["features"]), "<u2")
        np.testing.assert_array_equal(sound.features(program.front, samples).ravel(), features)
        listener = Engine(program).listener()
        assert listener.listen(samples).tolist() == row["decisions"], row["name"]
        assert [list(pair) for pair in listener.keywords] == row["keywords"], row["name"]
        n_keywords.append(len(row["keywords"]))
    assert max(n_keywords) > 3
