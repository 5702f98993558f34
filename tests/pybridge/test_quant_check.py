"""`check_export`: what `quantize` will refuse is said before training, layer by layer."""

import numpy as np
import pytest

from drypoint import data, nn, quant, train


class Doubled(nn.Layer):
    """A layer of a user's own."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):  # noqa: ARG002
        return x + x


def bad_net():
    layers = {
        "conv": nn.Conv2d(2, 3),
        "mine": Doubled(),
        "soft": nn.Softmax(-1),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(4),
        "fold": nn.Reshape((1, 2, 1, 2)),
        "flat": nn.Flatten(),
        "out": nn.Linear(3),
    }
    return nn.Sequential(layers, (1, 6, 6))


def test_every_layer_in_the_way_is_named_with_what_to_use_instead():
    with pytest.raises(quant.UnsupportedError, match=r"^[^\n]+$") as caught:
        bad_net().check_export()
    text = str(caught.value)
    assert "mine (Doubled): the engine has no such op: build it of layers that nn.layers()" in text
    assert "soft (Softmax): it acts on a plane 4x4x2, along axis -1; wanted: along the chan" in text
    assert "fold (Reshape): a value of shape (1, 2, 1, 2) is not (C, H, W), (C, L) or (N,)" in text
    assert "conv (" not in text
    assert "fc (" not in text


def test_it_agrees_with_quantize():
    """Oracle: `quantize` of nets that hold values: it refuses exactly the nets that the check
    refuses, in the same words."""
    rng = np.random.default_rng(0)
    head = {"fc": nn.Linear(3), "softmax": nn.Softmax()}
    nets = {
        "good": nn.Sequential({"conv": nn.Conv2d(2, 3), "flat": nn.Flatten(), **head}, (1, 6, 6)),
        "late norm": nn.Sequential(
            {"conv": nn.Conv2d(2, 3), "flat": nn.Flatten(), "norm": nn.BatchNorm1d(), **head},
            (1, 6, 6),
        ),
        "own layer": nn.Sequential({"mine": Doubled(), "flat": nn.Flatten(), **head}, (1, 6, 6)),
        "single": nn.Linear(3, in_features=5),
        "flat end": nn.Sequential({"conv": nn.Conv2d(2, 3), "flat": nn.Flatten()}, (1, 6, 6)),
    }
    refused = []
    for name, net in nets.items():
        said = [why(net.check_export), why(nn.Model(net).check_export)]
        trained = net.initialize(1)
        x = rng.normal(size=(4, *net.input_shape)).astype(np.float32)
        said.append(why(lambda x=x, t=trained: quant.quantize(t, quant.calibrate(t, x))))
        assert len(set(said)) == 1, (name, said)
        refused += [name] if said[0] else []
    assert refused == ["late norm", "own layer", "single", "flat end"]


def why(call):
    try:
        call()
    except quant.QuantizationError as error:
        return str(error)
    return ""


def test_a_model_is_checked_with_its_encoder():
    """The first layer reads raw pixels, in channels that are encoded differently."""
    net = nn.Sequential([nn.Tanh(), nn.Flatten(), nn.Linear(2)], (3, 4, 4))
    net.check_export()
    encoder = data.ImageEncoder(width=4, height=4, color="rgb", mean=(0.1, 0.2, 0.3))
    with pytest.raises(quant.UnsupportedError, match="put weights before it"):
        nn.Model(net, encoder=encoder).check_export()
    with pytest.raises(quant.QuantizationError, match=r"call bind\(shape\) first"):
        nn.Sequential([nn.Linear(2)]).check_export()


def test_fit_notes_it_before_it_trains(capsys):
    x, y = np.zeros((20, 1, 6, 6), np.float32), np.arange(20) % 3
    train.fit(bad_net() + nn.Softmax(), (x, y), epochs=1, progress="lines")
    notes = capsys.readouterr().err.splitlines()
    (note,) = [i for i, line in enumerate(notes) if line.startswith("export to C: not this net:")]
    assert "mine (Doubled)" in notes[note]
    assert note < next(i for i, line in enumerate(notes) if line.startswith("epoch"))
    good = nn.Sequential([nn.Flatten(), nn.Linear(3), nn.Softmax()], (1, 6, 6))
    train.fit(good, (x, y), epochs=1, progress="lines")
    assert "export" not in capsys.readouterr().err
