"""From samples to decisions: the C engine and generated C decide as the reference does.

Oracle: `reference.run` on the rows of features of the whole signal.
"""

import subprocess

import nets
import numpy as np
import pytest
import sound_nets

from drypoint.engine import Engine, EngineError, export_c
from drypoint.program import reference
from drypoint.program._codegen_sound import listen_size
from tools import PLAIN, STRICT, run

PROGRAMS = sound_nets.programs()
IDS = [f"{p.name}-{'stream' if p.is_streaming else 'windows'}" for p in PROGRAMS]


@pytest.mark.parametrize("program", PROGRAMS, ids=IDS)
def test_portions_of_1_to_4000_samples_decide_alike(program):
    samples = sound_nets.SIGNAL[:12_000]
    expected = reference.run(program, sound_nets.inputs_of(program, samples))
    assert len(expected) > 2
    listener = Engine(program).listener()
    np.testing.assert_array_equal(listener.listen(samples), expected)
    for portion in (7, 160, 161, 480, 481, 4000):
        listener.reset()
        parts = [listener.listen(samples[i : i + portion]) for i in range(0, 12_000, portion)]
        np.testing.assert_array_equal(np.concatenate(parts), expected)
    listener.reset()
    ones = [listener.listen(samples[i : i + 1]) for i in range(6000)]
    found = np.concatenate(ones)
    np.testing.assert_array_equal(found, expected[: len(found)])


@pytest.mark.parametrize("program", PROGRAMS, ids=IDS)
def test_the_generated_c_listens_as_the_reference_does(toolbox, tmp_path, program):
    """The self-test has the reference's decisions for samples of a generator, and the size of the
    memory. Streams are exported with the engine in one file."""
    golden = sound_nets.inputs_of(program)[:24]
    assert listen_size(program) == Engine(program).listener().memory_size
    form = "amalgamation" if program.is_streaming else "plain"
    export_c(program, golden, tmp_path, name="okay", form=form)
    sources = [*tmp_path.glob("*.c"), *tmp_path.glob("drypoint/*.c")]
    command = [toolbox.need("gcc"), *STRICT, *PLAIN, f"-I{tmp_path}/drypoint", *sources]
    run([*command, "-o", tmp_path / "selftest"])
    assert b"every layer as the reference says" in run([tmp_path / "selftest"])


def test_a_wrong_table_is_seen_by_the_self_test(toolbox, tmp_path):
    program = PROGRAMS[-3]
    golden = sound_nets.inputs_of(program)[:24]
    export_c(program, golden, tmp_path, name="okay")
    text = (tmp_path / "okay.c").read_text("utf-8")
    wrong = text.replace("sound_factors[] = {\n    0, 0,", "sound_factors[] = {\n    9, 9,", 1)
    wrong = wrong.replace(".floor = 819", ".floor = 9000")
    assert wrong != text
    (tmp_path / "okay.c").write_text(wrong, "utf-8")
    sources = [*tmp_path.glob("*.c"), *tmp_path.glob("drypoint/*.c")]
    command = [toolbox.need("gcc"), *STRICT, *PLAIN, f"-I{tmp_path}/drypoint", *sources]
    run([*command, "-o", tmp_path / "selftest"])
    done = subprocess.run([tmp_path / "selftest"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "okay: okay_listen decides otherwise\n")


def test_an_export_without_a_front_end_has_no_file_of_sound(tmp_path):
    program = nets.random_program(15)
    export_c(program, nets.random_inputs(program, 0, n=2), tmp_path, name="model")
    names = {path.name for path in tmp_path.rglob("*")}
    assert "dpt_run.c" in names
    assert not {name for name in names if "sound" in name or "listen" in name}


def test_what_is_no_sound_is_refused():
    listener = Engine(PROGRAMS[0]).listener()
    for samples, message in (
        (np.zeros((2, 2), np.int16), r"samples are \(2, 2\); wanted: \(samples,\)"),
        (np.zeros(4, np.int32), "samples are int32; wanted: int16"),
        (np.full(4, np.inf), "samples hold NaN or infinity"),
    ):
        with pytest.raises(EngineError, match=message):
            listener.listen(samples)
    with pytest.raises(EngineError, match="reads no samples: it has no front end"):
        Engine(nets.random_program(15)).listener()
