"""Keywords from decisions: reference, C engine and generated C detect alike.

Oracles: NUMERICS.md section 12 walked through; a plain loop over its rules.
"""

from dataclasses import replace

import numpy as np
import pytest
import sound_nets

from drypoint.engine import Engine, export_c
from drypoint.program import Detector, Keyword, Output, ProgramError, blob, reference, softmax
from tools import PLAIN, STRICT, run

SCORES = Output("output", 1.0)
SAMPLES = sound_nets.SIGNAL[:12_000]


def detect_by_the_rules(detector, decisions, output):
    wait, held, found = detector.window - 1, [], []
    for number, values in enumerate(decisions):
        if output.softmax:
            shares = softmax.run(values[None], softmax.scale(output.scale))[0]
            scores = [min(int(share) >> 14, 65535) for share in shares]
        else:
            scores = [min(max(int(value), 0), 65535) for value in values]
        held = [*held, scores][-detector.window :]
        if wait:
            wait -= 1
            continue
        sums = {k: sum(row[k] for row in held) for k in detector.keywords}
        best = max(sums, key=lambda k: (sums[k], -k))
        if sums[best] > detector.cutoff:
            found.append(Keyword(number, best))
            wait = detector.hold
    return found


def test_what_the_page_walks_through():
    values = np.array([(9, 200, 0), (9, 90, 180), (9, 400, 10), (0, 5, 310), (0, 5, 10)], np.int32)
    detector = Detector(window=2, hold=1, cutoff=300, keywords=(1, 2))
    assert detector.detect(values, SCORES) == [Keyword(2, 1), Keyword(4, 2)]


@pytest.mark.parametrize("output", [SCORES, Output("output", 0.01, softmax=True)], ids=str)
def test_the_reference_follows_the_rules(output):
    rng = np.random.default_rng(5)
    for _ in range(200):
        window, hold = int(rng.integers(1, 12)), int(rng.integers(0, 9))
        keywords = tuple(np.flatnonzero(rng.integers(0, 2, 4)).tolist()) or (3,)
        cutoff = int(rng.integers(0, 40_000 * window))
        detector = Detector(window=window, hold=hold, cutoff=cutoff, keywords=keywords)
        decisions = rng.integers(-500, 70_000, (int(rng.integers(0, 60)), 4)).astype(np.int32)
        if output.softmax:
            decisions //= 100
        expected = detect_by_the_rules(detector, decisions, output)
        assert detector.detect(decisions, output) == expected


def listening_programs():
    """Programs with a detector, each with its decisions."""
    for program in sound_nets.detecting_programs():
        inputs = sound_nets.inputs_of(program, SAMPLES)
        yield program, reference.run(program, inputs).reshape(-1, 3)


def test_the_engine_detects_in_portions_of_any_size_what_the_reference_detects():
    for program, decisions in listening_programs():
        expected = detect_by_the_rules(program.detector, decisions, program.outputs[-1])
        assert 0 < len(expected) < len(decisions)
        assert program.detector.detect(decisions, program.outputs[-1]) == expected
        loaded = blob.loads(blob.dumps(program))
        assert loaded.detector == program.detector
        listener = Engine(loaded).listener()
        for portion in (160, 333, 4000):
            listener.reset()
            for at in range(0, len(SAMPLES), portion):
                listener.listen(SAMPLES[at : at + portion])
            assert list(listener.keywords) == expected


def test_the_generated_c_detects_what_the_reference_detects(toolbox, tmp_path):
    """The self-test's checksum has the keywords; another cutoff is seen."""
    program = next(found for found, _ in listening_programs() if found.softmax)
    program = replace(program, detector=replace(program.detector, cutoff=1))
    export_c(program, sound_nets.inputs_of(program)[:24], tmp_path, name="okay")
    sources = [*tmp_path.glob("*.c"), *tmp_path.glob("drypoint/*.c")]
    command = [toolbox.need("gcc"), *STRICT, *PLAIN, f"-I{tmp_path}/drypoint", *sources]
    run([*command, "-o", tmp_path / "selftest"])
    assert b"every layer as the reference says" in run([tmp_path / "selftest"])
    text = (tmp_path / "okay.c").read_text("utf-8")
    wrong = text.replace(".cutoff = 1,", ".cutoff = 67000000,")
    assert wrong != text
    (tmp_path / "okay.c").write_text(wrong, "utf-8")
    run([*command, "-o", tmp_path / "selftest"])
    with pytest.raises(AssertionError, match="okay_listen decides otherwise"):
        run([tmp_path / "selftest"])


def test_a_cutoff_is_compared_as_a_mean_of_floats():
    """The least sum above the cutoff has a mean above it, the largest below has none."""
    output = Output("output", 1 / 256)
    for cutoff in (0.0, 0.85, 0.97, 0.9, 1.0, 1 / 3):
        for window in (1, 5, 10):
            detector = Detector.of_probability(cutoff, output, window=window, hold=0, keywords=(0,))
            assert (
                detector.cutoff / (256 * window) <= cutoff < (detector.cutoff + 1) / (256 * window)
            )


REFUSED = (
    ({"window": 0}, "window is 0; wanted: 1 to 1000"),
    ({"window": 1001}, "window is 1001"),
    ({"hold": 65536}, "hold is 65536"),
    ({"cutoff": 1 << 26}, "cutoff is 67108864"),
    ({"cutoff": 1.5}, "cutoff is 1.5"),
    ({"keywords": ()}, r"keywords are \(\)"),
    ({"keywords": (2, 1)}, r"keywords are \(2, 1\)"),
    ({"keywords": (32,)}, r"keywords are \(32,\)"),
)


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=lambda case: str(case)[:20])
def test_a_number_out_of_range_is_refused(change, message):
    fields = {"window": 2, "hold": 1, "cutoff": 300, "keywords": (1,)}
    with pytest.raises(ProgramError, match=message):
        Detector(**{**fields, **change})


def test_a_detector_belongs_to_a_program_that_listens():
    program = sound_nets.window_program("log-mel")
    detector = Detector(window=2, hold=1, cutoff=300, keywords=(3,))
    with pytest.raises(ProgramError, match="last keyword is value 3; the output has 3 values"):
        replace(program, detector=detector)
    with pytest.raises(ProgramError, match="a detector is for a program that reads samples"):
        replace(program, detector=detector, front=None, encoder=None)
    with pytest.raises(ProgramError, match=r"the cutoff is 1\.5"):
        Detector.of_probability(1.5, SCORES, window=1, hold=0, keywords=(0,))
