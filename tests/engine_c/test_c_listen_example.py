"""`examples/c/listen.c`: a program file and samples of standard input, to lines of keywords."""

import subprocess
from dataclasses import replace

import numpy as np
import sound_nets
from wav_files import wav_bytes

from drypoint.program import Detector, blob, reference
from tools import ENGINE_SOURCES, INCLUDES, ONLY_CI, ROOT, WARNINGS, run

SAMPLES = sound_nets.SIGNAL[:12_000]


@ONLY_CI
def test_the_example_hears_what_the_reference_detects(toolbox, tmp_path):
    """Oracle: `Detector.detect`; the time is that of the last sample of a decision."""
    compiler = toolbox.need("gcc")
    flags = ("-std=c99", *WARNINGS, "-O1", "-DDPT_PLAIN_C", *INCLUDES)
    source = ROOT / "examples/c/listen.c"
    listen = toolbox.build("listen", [compiler, *flags, source, *ENGINE_SOURCES])
    program = replace(sound_nets.programs()[-2], labels=("no", "off", "yes"))
    decisions = reference.run(program, sound_nets.inputs_of(program, SAMPLES)).reshape(-1, 3)
    front, first = program.front, program.clocks[-1].first
    seconds = (
        front.window.size + front.step * (first - 1 + np.arange(len(decisions)))
    ) / front.rate
    detector = Detector(window=3, hold=5, cutoff=0, keywords=(0, 2))
    scores = detector.scores(decisions, program.outputs[-1]).max(axis=1)
    detector = replace(detector, cutoff=2 * int(np.median(scores)))
    found = detector.detect(decisions, program.outputs[-1])
    assert len(found) > 5
    path = tmp_path / "word.dpt"
    for program_file, pairs in (
        (replace(program, detector=detector), found),
        (program, list(enumerate(decisions.argmax(axis=1).tolist()))),
    ):
        path.write_bytes(blob.dumps(program_file))
        wanted = [f"{seconds[i]:.2f} s: {program.labels[value]}" for i, value in pairs]
        for data in (SAMPLES.astype("<i2").tobytes(), wav_bytes(SAMPLES, front.rate)):
            assert run([listen, path], data=data).decode().splitlines() == wanted
    for data, message in ((wav_bytes(SAMPLES, 8000, 2), b"wanted a WAV file of one channel"),):
        done = subprocess.run([listen, path], input=data, capture_output=True, check=False)
        assert (done.returncode, message in done.stderr) == (1, True)
    path.write_bytes(b"no blob")
    done = subprocess.run([listen, path], input=b"", capture_output=True, check=False)
    assert done.returncode == 1
