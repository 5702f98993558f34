"""The border of real inputs: exact fractions against `Border`, and `Border` against the C of the
exported header, for every count, under compilers and options that treat floats in their own ways.
"""

import dataclasses
from fractions import Fraction

import nets
import numpy as np
import pytest
from answers import check_answers

from drypoint import data, nn, quant
from drypoint.engine import Engine, export_c, verify
from drypoint.program import ProgramError, Shape, Tensor, blob, border, codegen
from tools import INCLUDE, ONLY_CI, STRICT, run

CHANNELS = 3
SIGNAL = {"type": "signal", "window": 5, "channels": CHANNELS, "hop": None}
SIGNAL |= {"mean": None, "std": None, "clip": None, "count": 1.0}
BORDERS = {  # C name -> config of the encoder, type, zero point and scale of the input
    "plain": (None, "i8", -20, 0.031),
    "bytes": (None, "u8", 0, 1.0),
    "sensor": (
        {**SIGNAL, "mean": [9.8, -0.1, 1e3], "std": [2.5, 0.7, 0.01], "count": 1 / 1024},
        *("i8", 17, 0.02),
    ),
    "counted": ({**SIGNAL, "mean": -12.5, "std": 3000.0, "clip": 4.0}, "i8", 0, 4 / 127),
    "steep": ({**SIGNAL, "std": 0.01}, "i8", -128, 0.8),  # a count is 125 steps
}
INF = np.float32(np.inf)


def border_of(name):
    config, kind, zero, scale = BORDERS[name]
    return border(config, Tensor(Shape(5, 1, CHANNELS), kind, zero), scale)


def nearest_float(value: Fraction) -> Fraction:
    """The float32 nearest to a number, a tie to the even one, by integers: not subnormal."""
    if value == 0:
        return value
    exponent = 0
    while abs(value) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while abs(value) < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (exponent - 23)
    return round(value / unit) * unit  # Python's round: a tie to the even one


def floats():
    """Ties and their neighbours, ends, powers of two, everything special, and random bits."""
    rng = np.random.default_rng(0)
    found = [np.array([0, -0.0, INF, -INF, np.nan, -np.nan, 1e-45, 1e-40, 3e38, -3e38], "f4")]
    for name in BORDERS:
        rule = border_of(name)
        for mean, gain in zip(rule.mean, rule.gain, strict=True):
            ties = (mean + np.arange(-300, 300) / (2 * np.float64(gain))).astype("f4")
            found += [ties, np.nextafter(ties, INF), np.nextafter(ties, -INF)]
    found += [rng.integers(0, 2**32, 20000, np.uint32).view("f4")]
    found += [rng.normal(0, 3, 5000).astype("f4"), (2.0 ** np.arange(-126, 128)).astype("f4")]
    values = np.concatenate(found)
    return values[: len(values) // CHANNELS * CHANNELS].reshape(-1, CHANNELS)


SAMPLES = floats()
COUNTS = np.repeat(np.arange(-(2**15), 2**15, dtype=np.int16)[:, None], CHANNELS, axis=1)


def test_floats_are_subtracted_multiplied_and_rounded_one_after_the_other():
    """Oracle: exact fractions, rounded to float32 after each operation."""
    rows = np.random.default_rng(1).permutation(SAMPLES)[:300]
    for name in BORDERS:
        rule = border_of(name)
        found = rule.quantize(rows)
        for (i, c), x in np.ndenumerate(rows):
            if np.isnan(x):
                expected = rule.input.zero
            elif np.isinf(x) or abs(float(x)) > 1e30:
                expected = rule.high if x > 0 else rule.low
            else:
                off = nearest_float(Fraction(float(x)) - Fraction(float(rule.mean[c])))
                steps = nearest_float(off * Fraction(float(rule.gain[c])))
                expected = min(max(round(steps) + rule.input.zero, rule.low), rule.high)
            assert found[i, c] == expected, (name, x)


def test_counts_are_multiplied_added_and_shifted():
    """Oracle: the exact real steps of each count, which the 32 fraction bits miss by below 2^-14;
    and Python's integers."""
    for name, (config, _, zero, scale) in BORDERS.items():
        if config is None:
            continue
        rule = border_of(name)
        found = rule.quantize_counts(COUNTS)
        factor, offset = rule.counts
        means = np.broadcast_to(0.0 if config["mean"] is None else config["mean"], CHANNELS)
        stds = np.broadcast_to(config["std"], CHANNELS)
        for count in (*range(-(2**15), 2**15, 4099), -1, 0, 1, 2**15 - 1):
            for c in range(CHANNELS):
                integer = (count * factor[c] + offset[c]) >> 32
                assert found[count + 2**15, c] == min(max(integer, rule.low), rule.high)
                exact = (count * config["count"] - means[c]) / stds[c] / scale + zero
                assert abs(integer - exact) <= 0.5 + 2**-14


def test_the_example_of_the_specification():
    """NUMERICS.md, section 9."""
    config = {**SIGNAL, "channels": 1, "mean": 9.8, "std": 2.5, "count": 1 / 1024}
    rule = border(config, Tensor(Shape(5, 1, 1), "i8", 17), 0.02)
    assert rule.gain.tolist() == [20]
    x = np.float32(10.025)
    assert (float(x - rule.mean[0]), float((x - rule.mean[0]) * rule.gain[0])) == (
        pytest.approx(0.224999428, rel=1e-8),
        pytest.approx(4.49998856, rel=1e-8),
    )
    assert rule.quantize(np.array([x])).tolist() == [21]
    assert rule.counts == ((83886080,), (-766651662336,))
    assert rule.quantize_counts(np.array([10266], np.int16)).tolist() == [22]


def test_the_border_says_its_error():
    """No sample that is not clamped is further off than the error says, and one nearly is."""
    for name, (config, _, zero, scale) in BORDERS.items():
        rule = border_of(name)
        settings = config or SIGNAL
        mean = np.array(settings["mean"] if settings["mean"] is not None else 0.0)
        std = np.array(settings["std"] if settings["std"] is not None else 1.0)
        x = SAMPLES[np.isfinite(SAMPLES).all(1)].astype(np.float64)
        exact = (x - mean) / std / scale + zero
        inside = (exact >= rule.low) & (exact <= rule.high)
        off = np.abs(rule.quantize(SAMPLES[np.isfinite(SAMPLES).all(1)]) - exact)[inside]
        assert 0.49 < off.max() <= rule.error


# gcc and clang contract, reorder and vectorize under these; x87 computes in 80 bits.
BUILDS = [
    ("gcc", "-O2"),
    ("gcc", "-O3 -ffast-math -ffp-contract=fast -march=native"),
    pytest.param("gcc", "-O0", marks=ONLY_CI),
    pytest.param("gcc", "-Ofast -funroll-loops", marks=ONLY_CI),
    ("i686-linux-gnu-gcc", "-O2 -static -mfpmath=387 -mno-sse -fexcess-precision=fast"),
    # clang 19 warns of what it takes a CPU with AVX10 for.
    ("clang", "-O3 -ffast-math -ffp-contract=fast -march=native -Wno-error"),
    pytest.param("clang", "-O1", marks=ONLY_CI),
    ("arm-linux-gnueabihf-gcc", "-O2 -static -ffast-math -mfpu=neon-vfpv4"),
]
EMULATORS = {"arm-linux-gnueabihf-gcc": ["qemu-arm"]}


@pytest.fixture(scope="module")
def headers(tmp_path_factory):
    """A folder with the border of each program, as its header has it, and a program around them."""
    folder = tmp_path_factory.mktemp("border")
    text, calls = "", ""
    for name, (config, kind, zero, scale) in BORDERS.items():
        program = program_of(config, kind, zero, scale)
        files = codegen.generate(program, name, np.zeros((1, 5, 1, CHANNELS), program_type(kind)))
        (folder / f"{name}.h").write_text(files[f"{name}.h"])
        text += f'#include "{name}.h"\n'
        element = "uint8_t" if kind == "u8" else "int8_t"
        calls += f"    {name}_quantize(samples, {SAMPLES.size}, ({element} *)answer);\n"
        calls += f"    fwrite(answer, 1, {SAMPLES.size}, stdout);\n"
        if border_of(name).counts is not None:
            calls += f"    {name}_quantize_counts(counts, {COUNTS.size}, ({element} *)answer);\n"
            calls += f"    fwrite(answer, 1, {COUNTS.size}, stdout);\n"
    (folder / "main.c").write_text(
        f"{text}#include <stdio.h>\n"
        f"static float samples[{SAMPLES.size}];\nstatic int16_t counts[{COUNTS.size}];\n"
        f"static uint8_t answer[{max(SAMPLES.size, COUNTS.size)}];\n"
        "int main(void) {\n"
        "    if (fread(samples, sizeof samples, 1, stdin) != 1) {\n        return 1;\n    }\n"
        f"    for (int i = 0; i < {COUNTS.size}; i++) {{\n"
        f"        counts[i] = (int16_t)(i / {CHANNELS} - 32768);\n    }}\n"
        f"{calls}    return 0;\n}}\n"
    )
    return folder


def program_type(kind):
    return np.uint8 if kind == "u8" else np.int8


def program_of(config, kind, zero, scale):
    """A program of one dense op that reads this input."""
    net = nn.Sequential([nn.Flatten(), nn.Linear(2)], (CHANNELS, 5)).initialize(0)
    x = np.random.default_rng(0).normal(size=(9, CHANNELS, 5)).astype(np.float32)
    program = quant.quantize(net, quant.calibrate(net, x))
    (op,) = program.ops
    op = dataclasses.replace(op, inputs=(Tensor(op.inputs[0].shape, kind, zero),))
    return dataclasses.replace(program, ops=(op,), encoder=config, input_scale=scale)


@pytest.mark.parametrize(("compiler", "options"), BUILDS)
def test_the_header_gives_the_bytes_of_python(compiler, options, headers, toolbox, tmp_path):
    """-ffast-math, contraction, x87 and software floats change nothing."""
    flags = options.split()
    command = [toolbox.need(compiler), *STRICT, *flags, f"-I{INCLUDE}", f"-I{headers}"]
    toolbox.need_flags(command[0], *flags, code="#include <stdio.h>\nint main(void){return 0;}")
    emulator = [toolbox.need(word) for word in EMULATORS.get(compiler, ())]
    run([*command, headers / "main.c", "-o", tmp_path / "main"])
    answer = run([*emulator, tmp_path / "main"], data=SAMPLES.tobytes())
    expected = b""
    for name in BORDERS:
        rule = border_of(name)
        expected += rule.quantize(SAMPLES).tobytes()
        if rule.counts is not None:
            expected += rule.quantize_counts(COUNTS).tobytes()
    assert answer == expected


def test_firmware_without_floats_leaves_them_out(headers, toolbox):
    command = [toolbox.need("gcc"), "-std=c99", "-E", "-P", f"-I{INCLUDE}", headers / "sensor.h"]
    assert b" float " in run(command)
    without = run([*command, "-DDPT_NO_FLOAT"])
    assert b"float" not in without
    assert b"sensor_quantize_counts(" in without


def test_the_header_states_type_shape_scale_and_zero(headers):
    lines = (headers / "sensor.h").read_text().splitlines()
    for line in (
        "#define SENSOR_INPUT_TYPE     DPT_I8",
        "#define SENSOR_INPUT_HEIGHT   5",
        "#define SENSOR_INPUT_WIDTH    1",
        "#define SENSOR_INPUT_CHANNELS 3",
        "#define SENSOR_INPUT_SCALE  0.02",
        "#define SENSOR_INPUT_ZERO   17",
    ):
        assert line in lines
    assert "plain_quantize_counts" not in (headers / "plain.h").read_text()
    assert "steep_quantize_counts" in (headers / "steep.h").read_text()


def test_the_header_states_the_sample_rate_where_the_encoder_knows_it():
    program = program_of({**SIGNAL, "sample_rate": 16000}, "i8", 0, 0.1)
    assert blob.loads(blob.dumps(program)).sample_rate == 16000
    header = codegen.generate(program, "motion", np.zeros((1, 5, 1, CHANNELS), np.int8))["motion.h"]
    assert "#define MOTION_SAMPLE_RATE  16000 /* time steps a second */\n" in header
    plain = program_of(SIGNAL, "i8", 0, 0.1)
    header = codegen.generate(plain, "motion", np.zeros((1, 5, 1, CHANNELS), np.int8))["motion.h"]
    assert "SAMPLE_RATE" not in header
    for rate in (0, -1, True, 1.5, "8000", 2**31):
        wrong = program_of({**SIGNAL, "sample_rate": rate}, "i8", 0, 0.1)
        with pytest.raises(ProgramError, match=r"sample_rate is .*, not a whole number from 1 to"):
            codegen.generate(wrong, "motion", np.zeros((1, 5, 1, CHANNELS), np.int8))


def test_a_program_takes_what_its_model_took(tmp_path):
    """Floats, counts and single windows; through the blob; verify and export take them too."""
    rng = np.random.default_rng(2)
    counts = rng.normal(0, 4000, (60, 12, 2)).astype(np.int16)
    real = counts * np.float32(1 / 1024)
    encoder = data.SignalEncoder.from_data(counts, count=1 / 1024)
    layers = [nn.Conv1d(4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3), nn.Softmax()]
    net = nn.Sequential(layers, encoder.shape).initialize(0)
    model = nn.Model(net, encoder=encoder)
    program = blob.loads(blob.dumps(quant.quantize(model, quant.calibrate(model, real))))
    assert program.encoder == encoder.config()
    rule = program.border
    assert np.array_equal(program.integers(real)[:, :, 0], rule.quantize(real))
    assert np.array_equal(program.integers(counts)[:, :, 0], rule.quantize_counts(counts))
    assert np.array_equal(program.integers(counts[0]), program.integers(counts[:1]))
    steps = np.abs(program.integers(real).astype(int) - program.integers(counts))
    assert steps.max() <= 1  # they differ near ties alone
    engine = Engine(program)
    for given in (real, counts, program.integers(real)):
        assert np.abs(engine.predict_proba(given) - model.predict_proba(real)).max() < 0.05
    assert verify(program, {"C": engine}, counts).differing_bytes == 0
    text = export_c(program, counts[:2], tmp_path, name="motion")[0].parent / "README.md"
    assert "motion_quantize_counts(counts, MOTION_INPUT_SIZE, input);" in text.read_text()
    for wrong, message in (
        (real.transpose(0, 2, 1), r"wanted: \(12, 2\)"),
        (counts.astype(np.int32), "wanted: floats or int16"),
        (np.full((12, 2), np.nan), "must not be NaN"),
    ):
        with pytest.raises(ProgramError, match=message):
            program.integers(wrong)


def test_a_clip_is_the_programs_range():
    encoder = data.SignalEncoder.from_range(-3, 5, window=6)
    layers = [nn.Flatten(), nn.Linear(2)]
    model = nn.Model(nn.Sequential(layers, encoder.shape).initialize(0), encoder=encoder)
    x = np.random.default_rng(0).normal(0, 1, (50, 6)).astype(np.float32)
    program = quant.quantize(model, quant.calibrate(model, x))
    assert (program.input_scale, program.input.zero) == (1 / 127, 0)
    found = program.integers(np.array([-1e9, -3, 1, 5, 5.1, 1e9], np.float32)).ravel()
    assert found.tolist() == [-127, -127, 0, 127, 127, 127]


def test_a_config_that_does_not_fit_is_refused():
    """The config may come from a blob that nobody checked."""
    x, q = np.zeros((5, 3)), np.zeros((1, 5, 1, 3), np.int8)

    def integers(**changes):
        return program_of(SIGNAL | changes, "i8", 0, 0.1).integers(x)

    def generate(**changes):
        return codegen.generate(program_of(SIGNAL | changes, "i8", 0, 0.1), "net", q)

    for use in (integers, generate):
        check_answers("borders", {"border_of": use}, ProgramError)


def test_counts_that_have_no_factor_are_refused():
    program = program_of({**SIGNAL, "std": 1e-4}, "i8", 0, 0.1)
    with pytest.raises(ProgramError, match="more than 128 steps"):
        program.integers(np.zeros((5, 3), np.int16))
    header = codegen.generate(program, "net", np.zeros((1, 5, 1, 3), np.int8))["net.h"]
    assert "net_quantize(" in header
    assert "net_quantize_counts" not in header


def test_pixels_have_no_border():
    program = next(p for p in map(nets.random_program, range(50)) if p.input_type == "u8")
    program = dataclasses.replace(program, encoder={"type": "image"})
    assert program.reads_pixels
    with pytest.raises(ProgramError, match="reads the pixels"):
        _ = program.border
    header = codegen.generate(program, "net", nets.random_inputs(program, 1))["net.h"]
    assert "NET_INPUT_CHANNELS" in header
    assert "quantize" not in header
