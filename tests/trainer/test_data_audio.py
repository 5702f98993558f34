"""`AudioEncoder`: samples to a net's input, in a model and in its program.

Oracle: `sound.features`, which `test_sound_micro.py` compares with the anchor.
"""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import sound_signals

from drypoint import data, engine, nn, quant, sound
from drypoint.common import DrypointError
from drypoint.program import ProgramError


def clips(n, length, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(-20_000, 20_000, (n, length)).astype(np.int16)


def program_of(encoder, seed=0):
    shape, channels = encoder.shape, encoder.shape[0]
    conv = nn.Conv1d if len(shape) == 2 else nn.Conv2d
    net = nn.Sequential(conv(4, 3, in_channels=channels), nn.ReLU(), nn.Flatten(), nn.Linear(3))
    model = nn.Model(net.bind(shape).initialize(seed=seed), encoder=encoder)
    x = clips(8, encoder.samples)
    return model, quant.quantize(model, quant.calibrate(model, x))


def test_examples_become_scaled_rows_of_features():
    encoder = data.AudioEncoder(rows=5, settings={"channels": 12})
    assert (encoder.shape, encoder.samples) == ((1, 5, 12), 480 + 4 * 160)
    assert encoder.sample_rate == 16000
    x = clips(3, encoder.samples)
    wanted = np.array([sound.features(encoder.front, one) for one in x]) * np.float32(0.0390625)
    np.testing.assert_array_equal(encoder(x), wanted[:, None])
    np.testing.assert_array_equal(encoder(x[..., None]), wanted[:, None])
    np.testing.assert_array_equal(encoder(list(x)), wanted[:, None])
    np.testing.assert_array_equal(encoder(x[1]), wanted[1, None])
    np.testing.assert_array_equal(encoder(x / np.float32(32768)), wanted[:, None])
    signal = data.AudioEncoder(rows=5, settings={"channels": 12}, layout="signal", scale=0.5)
    assert signal.shape == (12, 5)
    np.testing.assert_array_equal(signal(x), wanted.transpose(0, 2, 1) * np.float32(12.8))


def test_floats_are_rounded_and_clipped_to_int16():
    floats = np.array([0, 1, -1, 0.5, 2.0**-16, 3 * 2.0**-16, 1e-9, 7, -7])
    assert sound.int16_samples(floats).tolist() == [
        *(0, 32767, -32768, 16384, 0, 2, 0, 32767, -32768)
    ]


def test_an_encoder_fits_the_signals_of_a_data_set():
    x = clips(4, 4000)
    dataset = data.Dataset(x[..., None], np.zeros(4, np.int64), classes=("a",), sample_rate=8000)
    encoder = data.AudioEncoder.from_data(
        dataset, settings={"window": 200, "step": 80, "high": 3500.0}
    )
    assert encoder.rows == (4000 - 200) // 80 + 1
    assert encoder.sample_rate == 8000
    spectrum = data.AudioEncoder.from_data(x, preset="spectrum", settings={"rate": 100})
    assert (spectrum.shape, spectrum.scale) == ((1, 7, 255), 2.0**-16)


def test_an_encoder_is_saved_with_its_model(tmp_path):
    for encoder in (
        data.AudioEncoder(rows=4),
        data.AudioEncoder(preset="log-mel", rows=3, settings={"rate": 8000, "high": 3000}),
        data.AudioEncoder(preset="spectrum", rows=4, settings={"rate": 50}, layout="signal"),
    ):
        config = json.loads(json.dumps(encoder.config()))
        assert data.encoder_from_config(config) == encoder
        model, _ = program_of(encoder)
        model.save(tmp_path / "net.npz")
        assert nn.load(tmp_path / "net.npz").encoder == encoder


REFUSED = (
    ({"preset": "mfcc"}, "preset must be one of micro, log-mel, spectrum, not 'mfcc'"),
    ({"layout": "time"}, "layout must be one of image, signal, not 'time'"),
    ({"rows": 0}, "rows must be an int from 1 to 65535, not 0"),
    ({"rows": 2.0}, "rows must be an int from 1 to 65535, not 2.0"),
    ({"scale": 0}, "scale must be a finite number above zero, not 0"),
    ({"scale": math.inf}, "scale must be a finite number above zero, not inf"),
    ({"settings": {"rate": "fast"}}, "the setting 'rate' must be a number, not 'fast'"),
    ({"settings": {"mels": 40}}, "the settings of micro: micro() got an unexpected keyword"),
    ({"settings": {"window": 5}}, "a window has 5 samples; wanted: 9 to 4096"),
    ({"settings": {"window": 480.5}}, "a window has 480.5 samples; wanted: 9 to 4096"),
    ({"settings": {"step": 481}}, "the front end's step is 481; wanted: 1 to 480"),
    ({"settings": {"high": 9000.0}}, "bands from 125.0 to 9000.0 Hz do not lie below half of"),
    ({"settings": {"low": math.nan}}, "low is nan; wanted: a finite number, at least 0"),
    ({"settings": {"channels": 256}}, "channels must be 1 to 255 for an FFT of 512: 256"),
    ({"settings": {"odd_smoothing": 1.5}}, "odd_smoothing is 1.5; wanted: 0 to 1"),
    ({"settings": {"smoothing_bits": 40}}, "smoothing_bits 40 and gain_bits 21 must be 3 to 31"),
    ({"settings": {"gain_bits": 60}}, "smoothing_bits 10 and gain_bits 60 must be 3 to 31"),
    ({"settings": {"noise_reduction": False}}, "the front end's gain reads noise estimates"),
    ({"settings": {"log_shift": 12}}, "the front end's log_shift is 12; wanted: 0 to 11"),
    ({"settings": {"rate": 0}}, "do not lie below half of 0 Hz"),
    ({"settings": {"rate": 1 << 40}}, "the front end's rate is"),
    (
        {"preset": "spectrum", "settings": {"rate": 9, "channels": 300}},
        "has 1 to 255 bands, not 300",
    ),
)


@pytest.mark.parametrize(("fields", "message"), REFUSED)
def test_settings_out_of_range_are_refused_in_one_line(fields, message):
    with pytest.raises(data.CoderError) as raised:
        data.AudioEncoder(**{"rows": 4, **fields})
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(100, np.int16), "audio is (100,); wanted: 960 samples (4 frames at 16000 Hz)"),
        (np.zeros(960, np.int64), "samples are int64; wanted: int16, or floats from -1 to 1"),
        (np.full(960, np.nan), "samples hold NaN or infinity"),
        ([np.zeros(960, np.int16), np.zeros(9, np.int16)], "examples have different lengths"),
        (np.zeros((2, 960, 2), np.int16), "audio is (2, 960, 2); wanted: 960 samples"),
    ],
)
def test_what_is_no_audio_is_refused(audio, message):
    encoder = data.AudioEncoder(rows=4)
    with pytest.raises(data.CoderError) as raised:
        encoder(audio)
    assert message in str(raised.value)


@pytest.mark.parametrize("layout", ["image", "signal"])
def test_a_program_makes_its_integers_of_samples(layout):
    """Oracle: the formula of NUMERICS.md section 12, on Python integers."""
    encoder = data.AudioEncoder(rows=6, settings={"channels": 10}, layout=layout)
    model, program = program_of(encoder)
    border = program.sound_border
    assert (border.rows, border.samples, program.sample_rate) == (6, encoder.samples, 16000)
    assert border.mult / 2**border.shift == pytest.approx(encoder.scale / program.input_scale, 1e-4)
    x = sound_signals.whole_signal(5, 960)[: 3 * encoder.samples].reshape(3, -1)
    found = program.integers(x)
    low = -128 if program.input_type == "i8" else 0
    high, zero = low + 255, program.input.zero
    for row, one in zip(found, x, strict=True):
        values = sound.features(encoder.front, one).ravel().tolist()
        for q, v in zip(row.ravel().tolist(), values, strict=True):
            rounded = (v * border.mult + 2 ** (border.shift - 1)) >> border.shift
            assert q == min(max(rounded + zero, low), high)
    np.testing.assert_array_equal(program.encode(x), found)
    runner = engine.Engine(program)
    np.testing.assert_array_equal(runner.predict_proba(x), runner.predict_proba(found))
    np.testing.assert_array_equal(runner.predict(x[0]), runner.predict_proba(x)[0])
    floats = model.encode(x) if layout == "image" else model.encode(x).transpose(0, 2, 1)
    integers = found.reshape(3, 6, 10).astype(np.float64)
    far = np.abs((integers - zero) * program.input_scale - floats.reshape(3, 6, 10))
    inside = (integers > low) & (integers < high)
    assert (far <= border.error * program.input_scale)[inside].all()


def test_a_program_and_its_front_end_belong_together():
    _, program = program_of(data.AudioEncoder(rows=6, settings={"channels": 10}))
    for changes, message in (
        ({"front": None}, "a front end and an encoder of type 'audio' belong together"),
        ({"encoder": None}, "a front end and an encoder of type 'audio' belong together"),
        ({"front": sound.micro(channels=7)}, "rows of 7 features, which do not fill the input"),
        ({"encoder": {"type": "audio"}}, "the encoder's scale is None, not a number above zero"),
        ({"encoder": {"type": "audio", "scale": 1e12}}, "times the input's; wanted: 2^-62 to 2^30"),
    ):
        with pytest.raises(ProgramError) as raised:
            replace(program, **changes)
        assert message in str(raised.value)
    with pytest.raises(ProgramError, match="wanted: 1280 samples, or a batch of them"):
        program.integers(np.zeros(12, np.int16))
    with pytest.raises(DrypointError, match="NaN"):
        program.integers(np.full(1280, np.nan))
