"""The reconstruction error: loops over Python's integers, the float net, and the exported C."""

import dataclasses

import numpy as np
import pytest
from last_output import with_last

from drypoint import data, nn, quant
from drypoint.engine import Engine, c_sources, export_c
from drypoint.program import ProgramError, blob, codegen
from tools import INCLUDES, PLAIN, STRICT, run


def dense(steps=6, channels=3):
    """An autoencoder whose output is the flattened (C, L)."""
    x = np.random.default_rng(0).normal(2, 3, (80, steps, channels)).astype(np.float32)
    encoder = data.SignalEncoder.from_data(x)
    size = steps * channels
    net = nn.Sequential([nn.Flatten(), nn.Linear(9), nn.ReLU(), nn.Linear(size)], encoder.shape)
    return nn.Model(net.initialize(1), encoder=encoder), x


def convolutional():
    """An autoencoder whose output has the plane of its input."""
    model, x = dense(8, 2)
    layers = [nn.Conv1d(4, 3, padding="same"), nn.ReLU(), nn.Conv1d(2, 3, padding="same")]
    return model.with_net(nn.Sequential(layers, (2, 8)).initialize(2)), x


def vectors():
    """An autoencoder of plain vectors, without an encoder."""
    net = nn.Sequential([nn.Linear(5), nn.ReLU(), nn.Linear(12)], (12,)).initialize(3)
    return nn.Model(net), np.random.default_rng(1).normal(size=(50, 12)).astype(np.float32)


MODELS = {"dense": dense, "convolutional": convolutional, "vectors": vectors}


def make_program(name):
    model, x = MODELS[name]()
    return model, x, quant.quantize(model, quant.calibrate(model, x))


def naive(program, q, y, at=-1):
    """Section 10 of NUMERICS.md in Python's integers, for one input and its values of an output."""
    h, w, c = program.input_shape
    mult, shift = program.error_scale_of(program.outputs[at])
    error = 0
    for row in range(h):
        for column in range(w):
            for channel in range(c):
                i = (row * w + column) * c + channel
                same = program.output_ops[at].out_shape == program.input_shape
                j = i if same else (channel * h + row) * w + column
                r = (int(y[j]) * mult + (1 << (shift - 1))) >> shift
                r = min(max(r, -(2**17)), 2**17 - 1)
                error += (r - 16 * (int(q[i]) - program.input.zero)) ** 2
    return error


@pytest.mark.parametrize("name", MODELS)
def test_the_error_is_the_naive_loops_and_near_the_float_nets(name):
    model, x, program = make_program(name)
    q = program.integers(x)
    y = Engine(program).run(q)
    found = Engine(program).reconstruction_error(x)
    assert found.dtype == np.uint64
    assert found.tolist() == [naive(program, x.ravel(), row) for x, row in zip(q, y, strict=True)]
    exact = model.reconstruction_error(x)
    assert np.abs(program.mean_squared_error(found) / exact - 1).max() < 0.1  # 8-bit activations
    assert np.corrcoef(found.astype(float), exact)[0, 1] > 0.999


def test_outputs_at_the_ends_of_int32_do_not_overflow():
    _, _, program = make_program("dense")
    q = np.full((3, *program.input_shape), -128, np.int8)
    y = np.array([[2**31 - 1] * 18, [-(2**31)] * 18, [0] * 18], np.int32)
    found = program.reconstruction_error(q, y)
    assert found.tolist() == [naive(program, x.ravel(), row) for x, row in zip(q, y, strict=True)]


def test_the_example_of_the_specification():
    """NUMERICS.md, section 10."""
    _, _, program = make_program("vectors")
    first, *others = program.ops
    moved = dataclasses.replace(first, inputs=(first.inputs[0]._replace(zero=5),))
    program = dataclasses.replace(
        with_last(program, scale=0.001), ops=(moved, *others), input_scale=0.02
    )
    assert program.error_scale == (1717986918, 31)
    q, y = np.full((1, 1, 1, 12), 5, np.int8), np.zeros((1, 12), np.int32)
    q[..., 0], y[0, 0] = 7, 33
    error = program.reconstruction_error(q, y)
    assert error.tolist() == [36]
    assert [(error > program.with_threshold(t).threshold).item() for t in (35, 36)] == [True, False]
    assert program.mean_squared_error(error)[0] * 12 == pytest.approx(0.0075**2, rel=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_the_header_gives_the_same_errors(name, toolbox, tmp_path):
    """Oracle: `Program.reconstruction_error`, through export, blob and a C program."""
    _, x, program = make_program(name)
    errors = Engine(program).reconstruction_error(x)
    program = blob.loads(blob.dumps(program.with_threshold(int(np.sort(errors)[len(x) // 2]))))
    export_c(program, x[:1], tmp_path, name="motor")
    assert "`motor_is_anomaly(input, scores)` is 1 if" in (tmp_path / "README.md").read_text()
    element = "uint8_t" if program.input_type == "u8" else "int8_t"
    (tmp_path / "use.c").write_text(
        '#include "motor.h"\n#include <stdio.h>\n'
        f"static {element} input[MOTOR_INPUT_SIZE];\nstatic int32_t scores[MOTOR_OUTPUT_COUNT];\n"
        "static uint8_t arena[MOTOR_ARENA_SIZE + 1];\n"
        "int main(void) {\n    while (fread(input, sizeof input, 1, stdin) == 1) {\n"
        "        dpt_run(&motor, NULL, arena, sizeof arena, input, scores);\n"
        "        unsigned long long error = motor_reconstruction_error(input, scores);\n"
        '        printf("%llu %d\\n", error, motor_is_anomaly(input, scores));\n'
        "    }\n    return 0;\n}\n"
    )
    command = [toolbox.need("gcc"), *STRICT, *PLAIN, *INCLUDES, f"-I{tmp_path}"]
    sources = [path for path in c_sources() if path.suffix == ".c"]
    run([*command, tmp_path / "use.c", tmp_path / "motor.c", *sources, "-o", tmp_path / "use"])
    lines = run([tmp_path / "use"], data=program.integers(x).tobytes()).decode().split()
    assert [int(word) for word in lines[::2]] == errors.tolist()
    assert [word == "1" for word in lines[1::2]] == (errors > program.threshold).tolist()
    assert 0 < lines[1::2].count("1") < len(x)
    assert program.threshold in errors  # an error that equals the threshold is none above it


def test_what_is_no_autoencoder_has_no_error():
    model, x = dense()
    net = nn.Sequential([nn.Flatten(), nn.Linear(4)], (3, 6)).initialize(0)
    other = model.with_net(net)
    program = quant.quantize(other, quant.calibrate(other, x))
    assert not program.is_autoencoder
    with pytest.raises(ProgramError, match="no autoencoder of real inputs"):
        Engine(program).reconstruction_error(x)
    with pytest.raises(ProgramError, match="no autoencoder of real inputs"):
        program.with_threshold(3)
    with pytest.raises(nn.ModelError, match="no autoencoder"):
        other.reconstruction_error(x)


@pytest.mark.parametrize("threshold", [-1, 2**64, 1.5, True, "1"])
def test_a_threshold_is_a_whole_number_of_64_bits(threshold):
    _, _, program = make_program("vectors")
    with pytest.raises(ProgramError, match="threshold is"):
        program.with_threshold(threshold)


def test_scales_that_are_too_far_apart_are_refused():
    _, _, program = make_program("vectors")
    far = with_last(program, scale=1e20)
    with pytest.raises(ProgramError, match="too far from the input's"):
        _ = far.error_scale
    header = codegen.generate(program, "net", np.zeros((1, 1, 1, 12), np.int8))["net.h"]
    assert "reconstruction_error" not in header  # there is no threshold


def several():
    """Two reconstructions of windows, one by a narrow bottleneck, and scores of two classes."""
    x = np.random.default_rng(0).normal(2, 3, (60, 6, 3)).astype(np.float32)
    encoder = data.SignalEncoder.from_data(x)
    net = nn.Graph(
        {
            "flat": nn.Flatten(), "body": nn.Linear(9), "relu": nn.ReLU(), "fine": nn.Linear(18),
            "narrow": nn.Linear(2), "coarse": nn.Linear(18), "fc": nn.Linear(2),
        },
        [("input", "flat", "body", "relu", "fine", ".fine"),
         ("relu", "narrow", "coarse", ".coarse"), ("relu", "fc", ".kind")],
        {"input": encoder.shape},
    )  # fmt: skip
    model = nn.Model(net.initialize(1), encoder=encoder)
    return x, quant.quantize(model, quant.calibrate(model, x))


def test_each_output_that_reconstructs_has_an_error_and_a_threshold(toolbox, tmp_path):
    """Oracle: the naive loops; for the exported C the errors in Python."""
    x, program = several()
    q, c = program.integers(x), Engine(program)
    assert set(program.reconstructions) == {"fine", "coarse"}
    assert not program.is_autoencoder
    outputs, errors = c.run(q), c.reconstruction_error(x)
    assert set(errors) == {"fine", "coarse"}
    names = [output.name for output in program.outputs]
    for name, found in errors.items():
        pairs, at = zip(q, outputs[name], strict=True), names.index(name)
        assert found.tolist() == [naive(program, plane.ravel(), row, at) for plane, row in pairs]
    medians = {name: int(np.sort(values)[len(x) // 2]) for name, values in errors.items()}
    for name, threshold in medians.items():
        program = program.with_threshold(threshold, name)
    program = blob.loads(blob.dumps(program))
    kept = {output.name: output.threshold for output in program.outputs}
    assert kept == {**medians, "kind": None}
    export_c(program, x[:1], tmp_path, name="motor")
    assert (
        "`motor_coarse_is_anomaly(input, scores + MOTOR_OUTPUT_COARSE)`"
        in (tmp_path / "README.md").read_text()
    )
    (tmp_path / "use.c").write_text(
        '#include "motor.h"\n#include <stdio.h>\n'
        "static int8_t input[MOTOR_INPUT_SIZE];\nstatic int32_t scores[MOTOR_OUTPUT_COUNT];\n"
        "static uint8_t arena[MOTOR_ARENA_SIZE + 1];\n"
        "int main(void) {\n    while (fread(input, sizeof input, 1, stdin) == 1) {\n"
        "        dpt_run(&motor, NULL, arena, sizeof arena, input, scores);\n"
        + "".join(
            "        {\n"
            f"            const int32_t *values = &scores[MOTOR_OUTPUT_{name.upper()}];\n"
            "            unsigned long long error =\n"
            f"                motor_{name}_reconstruction_error(input, values);\n"
            f'            printf("%llu %d\\n", error, motor_{name}_is_anomaly(input, values));\n'
            "        }\n"
            for name in medians
        )
        + "    }\n    return 0;\n}\n"
    )
    command = [toolbox.need("gcc"), *STRICT, *PLAIN, *INCLUDES, f"-I{tmp_path}"]
    sources = [path for path in c_sources() if path.suffix == ".c"]
    run([*command, tmp_path / "use.c", tmp_path / "motor.c", *sources, "-o", tmp_path / "use"])
    words = [*map(int, run([tmp_path / "use"], data=q.tobytes()).decode().split())]
    for i, (name, threshold) in enumerate(medians.items()):
        assert words[2 * i :: 4] == errors[name].tolist()
        assert words[2 * i + 1 :: 4] == (errors[name] > threshold).astype(int).tolist()


def test_a_threshold_belongs_to_an_output_that_reconstructs():
    _, program = several()
    with pytest.raises(ProgramError, match="the output kind is no autoencoder of real inputs"):
        program.with_threshold(3, "kind")
    with pytest.raises(ProgramError, match="there is no output 'other'; there are fine, coarse, k"):
        program.with_threshold(3, "other")
    with pytest.raises(ProgramError, match="the threshold is -1"):
        program.with_threshold(-1, "fine")
    with pytest.raises(ProgramError, match="the reconstruction error is computed of a whole"):
        program.with_threshold(5, "fine").streaming()
