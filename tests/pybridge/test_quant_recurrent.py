"""Recurrent nets as programs: beside the float net, within the bound of a step, in the engine."""

import numpy as np
import pytest

from drypoint import data, nn, quant
from drypoint.engine import Engine
from drypoint.program import Delay, reference

NETS = {
    "gru": [nn.GRU(6), nn.Linear(3)],
    "lstm": [nn.LSTM(6), nn.Linear(3), nn.Softmax()],
    "stacked": [nn.GRU(5, num_layers=2, dropout=0.2), nn.Dropout(0.5), nn.Linear(3), nn.ReLU()],
    "mixed": [
        nn.Conv1d(4, 1), nn.BatchNorm1d(), nn.ReLU(), nn.LSTM(5, return_sequences=True), nn.GRU(4),
        nn.Linear(3),
    ],
    "every": [nn.GRU(4, return_sequences=True), nn.Conv1d(3, 1)],
    "bare": [nn.GRU(3)],
}  # fmt: skip


def make(name, seed=0, steps=25):
    """A net whose states move, its calibration, and signals (N, 2, steps)."""
    net = nn.Sequential(NETS[name]).initialize(seed=seed, input_shape=(2, steps))
    rng = np.random.default_rng(seed)
    biases = {k: rng.normal(size=v.shape) * 0.5 for k, v in net.params.items() if "bias" in k}
    net = net.with_params({**net.params, **{k: v.astype(np.float32) for k, v in biases.items()}})
    x = rng.normal(size=(40, 2, steps)).astype(np.float32)
    model = nn.Model(net)
    return model, quant.calibrate(model, x), x


def run(program, x):
    """The real outputs (N, steps, values) of signals (N, C, steps)."""
    signals = np.stack([program.integers(signal.T[:, :, None]) for signal in x])
    return reference.trace_signals(program, signals)[-1].reshape(*signals.shape[:2], -1)


def of_each_step(model, x):
    """What the float net gives for each prefix of signals, before a softmax: (N, steps, values)."""
    last = [k for k, kind in model.net.layers.items() if not isinstance(kind, nn.Softmax)][-1]
    found = []
    for t in range(1, x.shape[2] + 1):
        net = nn.Sequential(model.net.layers).bind((x.shape[1], t))
        found.append(np.asarray(net.activations(x[:, :, :t], [last])[last]))
    return np.stack([y[..., -1] if y.ndim > 2 else y for y in found], axis=1)


@pytest.mark.parametrize("name", NETS)
def test_the_first_step_is_within_the_bound(name):
    for seed in range(3):
        model, calibration, x = make(name, seed)
        program = quant.quantize(model, calibration)
        bound = quant.error_bound(model, calibration)[program.ops[-1].name]
        off = run(program, x)[:, :1] * program.output_scale - of_each_step(model, x[:, :, :1])
        assert np.abs(off).max() <= bound


@pytest.mark.parametrize("name", NETS)
def test_all_steps_stay_near_the_float_net(name):
    """A state is 16 bits: what rounding adds in a step does not pile up. Measured: at most 0.06."""
    model, calibration, x = make(name, steps=60)
    program = quant.quantize(model, calibration)
    real, wanted = run(program, x) * program.output_scale, of_each_step(model, x)
    off = np.sqrt(((real - wanted) ** 2).mean(axis=(0, 2))) / wanted.std()
    assert off.max() < 0.12
    assert off[-10:].mean() < 2 * off[5:15].mean() + 0.02  # no drift


@pytest.mark.parametrize("name", NETS)
def test_the_engine_gives_the_reference(name):
    model, calibration, x = make(name)
    program = quant.quantize(model, calibration)
    assert program.is_streaming and any(isinstance(op, Delay) for op in program.ops)
    steps = program.integers(x[0].T[:, :, None])
    for backend in Engine.backends():
        found = Engine(program, backend=backend).run(steps)
        assert np.array_equal(found, reference.run(program, steps))


def test_the_states_have_sixteen_bits():
    model, calibration, _ = make("stacked")
    program = quant.quantize(model, calibration)
    types = [op.out_type for op in program.ops if isinstance(op, Delay)]
    assert types == ["i16", "i8", "i16", "i8"]
    model, calibration, _ = make("lstm")
    program = quant.quantize(model, calibration)
    assert [op.out_type for op in program.ops if isinstance(op, Delay)] == ["i16", "i8"]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([nn.Conv1d(4, 3), nn.GRU(3)], "conv (Conv1d): it reads signals beside a recurrent layer"),
        ([nn.Conv1d(4, 1, padding=1), nn.LSTM(3)], "conv (Conv1d): it reads signals"),
        ([nn.Conv1d(4, 3, padding="causal"), nn.LSTM(3)], "conv (Conv1d): it reads signals"),
        ([nn.GRU(3, return_sequences=True), nn.GlobalAvgPool1d()], "(GlobalAvgPool1d): it reads"),
        ([nn.GRU(3, return_sequences=True), nn.Flatten(), nn.Linear(2)], "(Flatten): it reads"),
    ],
)
def test_layers_that_read_other_steps_are_refused(layers, words):
    net = nn.Sequential(layers).initialize(seed=0, input_shape=(2, 9))
    with pytest.raises(quant.UnsupportedError) as error:
        quant.check_export(net)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["gru", "lstm", "mixed", "bare"])
def test_report_and_sensitivity_are_of_the_last_step(name):
    """Oracle: the reference over all steps, and the float net, at the last step."""
    model, calibration, x = make(name)
    program, paths = quant.quantize(model, calibration), [path for path, _ in model.net.leaves()]
    rows = {row.op: row for row in quant.report(model, calibration, x)}
    assert {row.layer for row in rows.values()} <= {*paths}  # no op inside a layer
    real = run(program, x)[:, -1] * program.output_scale
    wanted = of_each_step(model, x)[:, -1]
    last = rows[program.ops[-1].name]
    assert last.max_error == pytest.approx(np.abs(real - wanted).max(), rel=1e-4)  # float32 nets
    figures = quant.sensitivity(model, (x, None), calibration=calibration, examples=len(x))
    off = np.square(program.real(run(program, x)[:, -1]) - model.predict_proba(x)).mean()
    assert len(figures) > 2 or name == "bare"
    for row in figures:
        assert row.loss[8] == pytest.approx(off, rel=1e-4)


def test_an_encoder_bounds_the_rounding_of_single_steps():
    """Oracle: the net without encoder, whose samples are in the encoder's unit."""
    model, calibration, x = make("gru")
    encoder = data.SignalEncoder(window=x.shape[2], channels=x.shape[1])
    signals = x.transpose(0, 2, 1)
    encoded = nn.Model(model.net, encoder=encoder)
    found = quant.error_bound(encoded, quant.calibrate(encoded, signals))
    assert found == quant.error_bound(model, calibration)
    program = quant.quantize(encoded, calibration)
    pairs = zip(
        program.encode_recording(signals[0]), program.encode(signals[0][:, None]), strict=True
    )
    assert all(np.array_equal(a, b) for a, b in pairs)
