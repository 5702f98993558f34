"""Recurrent nets trained in a program's integers.

The oracle of integers is `program.reference` over all steps; of gradients the ops of other nets,
one by one on the tape.
"""

import numpy as np
import pytest

from drypoint import data, engine, nn, quant, train
from drypoint.autodiff import Tensor, concat
from drypoint.graph import Join, State
from drypoint.program import blob, reference
from drypoint.quant import _integer_steps

STEPS = 20
QUIET = {"batch_size": 16, "progress": "none", "validation_split": 0, "loss": "mse"}
NETS = {
    "gru": [nn.GRU(6), nn.Linear(3)],
    "lstm": [nn.LSTM(6), nn.Linear(3), nn.ReLU()],
    "stacked": [nn.GRU(5, num_layers=2), nn.Linear(8), nn.ReLU(), nn.Linear(3)],
    "mixed": [
        *(nn.Conv1d(4, 1), nn.BatchNorm1d(), nn.ReLU(), nn.LSTM(5, return_sequences=True)),
        *(nn.Conv1d(4, 1), nn.Sigmoid(), nn.GRU(4), nn.Linear(3)),
    ],
    "every": [nn.LSTM(4, num_layers=2, return_sequences=True), nn.Conv1d(3, 1)],
    "bare": [nn.GRU(3)],
}


def make(name, steps=STEPS, seed=0):
    """A net whose states move, signals (N, 2, steps) and targets."""
    net = nn.Sequential(NETS[name]).initialize(seed=seed, input_shape=(2, steps))
    rng = np.random.default_rng(seed)
    biases = {k: rng.normal(size=v.shape) * 0.5 for k, v in net.params.items() if "bias" in k}
    net = net.with_params({**net.params, **{k: v.astype(np.float32) for k, v in biases.items()}})
    x = rng.normal(size=(48, 2, steps)).astype(np.float32)
    y = rng.normal(size=(48, *net.output_shape((2, steps)))).astype(np.float32)
    return nn.Model(net), x, y


def train_in_integers(name, scheme=8, **options):
    model, x, y = make(name)
    adam = train.Adam(lr=0.02)
    options = {**QUIET, "epochs": 3, "optimizer": adam, **options}
    return quant.finetune(model, (x, y), scheme, **options).model, x, y


def trace(program, x):
    """The output of each op (N, T, values) for signals (N, C, T)."""
    signals = np.stack([program.encode_recording(signal) for signal in x])
    planes = reference.trace_signals(program, signals)
    return [plane.reshape(*plane.shape[:2], -1).astype(np.int64) for plane in planes]


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("name", NETS)
def test_every_value_of_every_step_is_the_programs(name, bits, monkeypatch):
    model, x, _ = train_in_integers(name, bits)
    program, loops = quant.quantize(model), []

    class Kept(_integer_steps.Loop):
        def run(self):
            loops.append(self)
            return super().run()

    monkeypatch.setattr(_integer_steps, "Loop", Kept)
    net = model.net["integers"]
    planes = net.values(Tensor(model.encode(x)), net.constants(np.float32))
    inside = {n: values.swapaxes(0, 1) for loop in loops for n, values in loop.values.items()}
    assert len(inside) > 10
    checked = 0
    for number, (op, codes) in enumerate(zip(program.ops, trace(program, x), strict=True), 1):
        integers = codes - op.output.zero
        if number in inside:
            np.testing.assert_array_equal(inside[number], integers, err_msg=op.name)
        elif number == len(program.ops):
            real = np.moveaxis(planes[number].data.reshape(len(x), codes.shape[2], -1), 2, 1)
            scale = program.outputs[0].scale
            wanted = (codes[:, -real.shape[1] :] * scale).astype(np.float32)
            np.testing.assert_array_equal(real, wanted)
        elif number in planes:  # rows of all steps, or of the last
            rows = planes[number].data.reshape(-1, len(x), codes.shape[2]).swapaxes(0, 1)
            np.testing.assert_array_equal(rows, integers[:, -rows.shape[1] :], err_msg=op.name)
        else:
            assert op.kind == "concat"  # dense ops read both of its inputs themselves
            continue
        checked += 1
    assert checked == sum(op.kind != "concat" for op in program.ops)


def by_single_ops(net, x, params):
    """The last op's output in the last step, each op of each step on the tape by itself."""
    before = {}
    for t in range(x.shape[2]):
        now = {0: Tensor(x[:, :, t, None, None])}
        for number, op in enumerate(net.ops, 1):
            if isinstance(op.node, State):
                zeros = Tensor(np.zeros((len(x), op.node.shape.c, 1, 1)))
                now[number] = before.get(op.node.carries, zeros)
                continue
            sources = [now[n] for n in op.node.reads]
            join = isinstance(op.node, Join)
            y = concat(sources) if join else net._forward(op, sources, params)
            now[number] = y.reshape((len(x), -1, 1, 1))
        before = now
    return now[len(net.ops)]


@pytest.mark.parametrize("name", ["gru", "lstm", "stacked", "mixed", "bare"])
def test_gradients_are_those_of_the_ops_one_by_one(name):
    """In float64, where only the order of sums differs."""
    model, x, _ = train_in_integers(name)
    net, x = model.net["integers"], model.encode(x[:5]).astype(np.float64)
    g = np.random.default_rng(1).normal(size=(5, 3))
    found, wanted = (
        {k: Tensor(v.astype(np.float64), requires_grad=True) for k, v in net.params.items()}
        for _ in range(2)
    )
    net.forward(Tensor(x), found, None).backward(g)
    by_single_ops(net, x, wanted).backward(g[:, :, None, None])
    for path, leaf in wanted.items():
        assert np.abs(leaf.grad).max() > 0 or "output_step" in path
        np.testing.assert_allclose(found[path].grad, leaf.grad, rtol=1e-8, atol=1e-9, err_msg=path)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_training_regains_what_rounding_to_few_bits_has_lost(kind):
    """The mean of a signal, by weights of 2 bits. Measured: 0.35 to 0.45 times the error."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(256, 1, STEPS)) + rng.normal(size=(256, 1, 1))).astype(np.float32)
    y = x.mean(axis=2)
    options = {**QUIET, "optimizer": train.Adam(lr=0.02)}
    net = nn.Sequential([kind(8), nn.Linear(1)])
    floats = train.fit(net, (x, y), epochs=15, **options).model
    trained = quant.finetune(floats, (x, y), 2, epochs=15, **options).model
    programs = quant.quantize(floats, x, weights=2), quant.quantize(trained)
    rounded, found = (
        float(np.square(engine.make_runner(program).predict_proba(x) - y).mean())
        for program in programs
    )
    assert found < 0.7 * rounded
    assert found == pytest.approx(float(np.square(trained.predict_proba(x) - y).mean()), rel=1e-6)


@pytest.mark.parametrize("name", ["gru", "mixed", "every"])
def test_a_saved_model_gives_the_same_program_to_the_byte(name, tmp_path):
    model, x, y = train_in_integers(name, {"*": 4})
    model.save(tmp_path / "model.npz")
    loaded = nn.load(tmp_path / "model.npz")
    assert blob.dumps(quant.quantize(loaded)) == blob.dumps(quant.quantize(model))
    np.testing.assert_array_equal(loaded.predict_proba(x), model.predict_proba(x))
    further = [train.fit(m, (x, y), epochs=1, **QUIET).model for m in (model, loaded)]
    assert further[0].dumps() == further[1].dumps()


def test_the_compiled_step_trains_the_same_bytes_as_the_tape(capsys):
    tape, compiled = (train_in_integers("mixed", compiled=c)[0] for c in (False, True))
    for path, array in tape.net.params.items():
        np.testing.assert_array_equal(array, compiled.net.params[path], err_msg=path)
    train_in_integers("gru", epochs=1, progress="lines")
    assert "compiled step" in capsys.readouterr().err


def test_signals_of_an_encoder_are_those_of_the_program():
    model, x, _ = make("gru")
    signals, labels = x.transpose(0, 2, 1), np.arange(len(x)) % 3
    encoder = data.SignalEncoder(window=STEPS, channels=2, clip=2.0)
    net = nn.Sequential([*model.net.layers.values(), nn.Softmax()], (2, STEPS)).initialize(0)
    model = nn.Model(net, encoder=encoder, decoder=data.ClassDecoder(range(3)))
    result = quant.finetune(model, (signals, labels), progress="none", epochs=1)
    runner = engine.make_runner(quant.quantize(result.model))
    found = result.model.predict_proba(signals)
    np.testing.assert_allclose(found, runner.predict_proba(signals), atol=1e-6)  # float softmaxes
    np.testing.assert_array_equal(found[0], result.model.predict_proba(signals[0]))


def test_other_lengths_and_layers_are_refused():
    model, x, _ = train_in_integers("gru", epochs=1)
    with pytest.raises(nn.ShapeError, match=r"wants \(2, 20\), got \(2, 19\)"):
        model.predict_proba(x[:, :, 1:])
    net = nn.Sequential([nn.Conv1d(4, 3), nn.GRU(3)]).initialize(seed=0, input_shape=(2, 9))
    with pytest.raises(quant.UnsupportedError, match="reads signals beside a recurrent layer"):
        quant.finetune(net, (x[:, :, :9], x[:, 0, :3]), loss="mse")
