"""The list of all layers, and whether quantization agrees with its marks."""

import numpy as np
import pytest

from drypoint import nn, quant

SHAPE = (2, 6, 6)
WEIGHTS = [nn.Conv2d(2, 3), nn.ReLU()]

SIGNAL = [nn.Conv1d(4, 3, padding="causal", dilation=2), nn.BatchNorm1d(), nn.ReLU()]

MERGES = [kind for kind in nn.LEAF_TYPES if issubclass(kind, nn.Merge)]


def joined(merge):
    """A convolution and its input as both inputs of a layer."""
    edges = [("input", "conv", "join.a"), ("input", "join.b")]
    return nn.Graph({"conv": nn.Conv2d(2, 3, padding=1), "join": merge()}, edges)


# Class -> a net around such a layer, with what `exportable` asks for; where it is "", the rest of
# the net has an integer form.
NETS = {
    "Conv2d": [nn.Conv2d(2, 3, stride=2, padding=1), nn.Conv2d(4, 3, groups=2)],
    "MaxPool2d": [*WEIGHTS, nn.MaxPool2d(2)],
    "AvgPool2d": [*WEIGHTS, nn.AvgPool2d(2)],
    "GlobalAvgPool2d": [*WEIGHTS, nn.GlobalAvgPool2d()],
    "AdaptiveAvgPool2d": [*WEIGHTS, nn.AdaptiveAvgPool2d(1)],
    "Conv1d": [nn.Conv1d(2, 3, stride=2, padding="same"), nn.Conv1d(4, 3, groups=2)],
    "MaxPool1d": [*SIGNAL, nn.MaxPool1d(2), nn.MaxPool1d(3, stride=1, padding=(0, 1))],
    "AvgPool1d": [*SIGNAL, nn.AvgPool1d(2)],
    "GlobalAvgPool1d": [*SIGNAL, nn.GlobalAvgPool1d(), nn.Linear(2)],
    "ZeroPad2d": [*WEIGHTS, nn.ZeroPad2d(1), nn.Conv2d(2, 3)],
    "Upsample": [*WEIGHTS, nn.Upsample(2), nn.Upsample(2, mode="bilinear")],
    "Resize": [*WEIGHTS, nn.Resize((3, 7))],
    "PixelShuffle": [nn.Conv2d(8, 3), nn.PixelShuffle(2)],
    "ConvTranspose2d": [nn.ConvTranspose2d(2, 3, stride=2, padding=1)],
    "BatchNorm2d": [nn.Conv2d(2, 3), nn.BatchNorm2d()],
    "BatchNorm1d": [nn.Flatten(), nn.Linear(3), nn.BatchNorm1d()],
    "Linear": [nn.Flatten(), nn.Linear(3)],
    "Flatten": [nn.Flatten(), nn.Linear(3)],
    "Reshape": [*WEIGHTS, nn.Reshape((32,)), nn.Linear(3)],
    "Slice": [*WEIGHTS, nn.Slice(0, 1), nn.Slice(1, -3, step=2)],
    "InputPart": None,  # takes no images
    "Permute": [*WEIGHTS, nn.Permute((2, 0, 1))],
    "ChannelShuffle": [nn.Conv2d(4, 3), nn.ChannelShuffle(2)],
    "OneHot": None,  # takes no images
    "Dropout": [*WEIGHTS, nn.Dropout(0.5)],
    "ReLU": [nn.Conv2d(2, 3), nn.ReLU()],
    "ReLU6": [nn.Conv2d(2, 3), nn.ReLU6()],
    "LeakyReLU": [nn.Conv2d(2, 3), nn.LeakyReLU()],
    "PReLU": [nn.Conv2d(2, 3), nn.PReLU(2)],
    "Hardswish": [nn.Conv2d(2, 3), nn.Hardswish()],
    "Hardsigmoid": [nn.Conv2d(2, 3), nn.Hardsigmoid()],
    "Hardtanh": [nn.Conv2d(2, 3), nn.Hardtanh()],
    "SiLU": [nn.Conv2d(2, 3), nn.SiLU()],
    "GELU": [nn.Conv2d(2, 3), nn.GELU()],
    "Tanh": [nn.Conv2d(2, 3), nn.Tanh()],
    "Sigmoid": [nn.Conv2d(2, 3), nn.Sigmoid()],
    "Sin": [nn.Conv2d(2, 3), nn.Sin()],
    "Cos": [nn.Conv2d(2, 3), nn.Cos()],
    "Function": [nn.Conv2d(2, 3), nn.Function("square")],
    "Elementwise": [nn.Conv2d(2, 3), nn.Elementwise(np.sin, np.cos)],
    **{merge.__name__: [joined(merge)] for merge in MERGES},
    "Dot": None,  # takes no images
    "Softmax": [nn.Flatten(), nn.Linear(3), nn.Softmax()],
    "LogSoftmax": [nn.Flatten(), nn.Linear(3), nn.LogSoftmax()],
    "Sequential": [nn.Sequential([nn.Conv2d(2, 3)])],
    "Graph": [nn.Graph([nn.Conv2d(2, 3), nn.ReLU()], [("conv", "relu")])],
}
KINDS = {kind.name: kind for kind in nn.layers()}


def exports(layers):
    shape = (2, 24) if isinstance(layers[0], nn.Conv1d) else SHAPE
    model = nn.Model(nn.Sequential(layers, shape).initialize(1))
    images = np.random.default_rng(0).random((8, *shape), dtype=np.float32)
    try:
        quant.quantize(model, quant.calibrate(model, images))
    except quant.UnsupportedError:
        return False
    return True


@pytest.mark.parametrize("name", [name for name, layers in NETS.items() if layers])
def test_the_mark_agrees_with_quantization(name):
    assert exports(NETS[name]) == bool(KINDS[name].exportable)


@pytest.mark.parametrize(
    "layers",
    [
        [*WEIGHTS, nn.Reshape((4, 4, 2))],
        [nn.Reshape((1, 6, 12)), nn.Conv2d(2, 3)],
        [nn.Flatten(), nn.Linear(3), nn.Softmax(), nn.Linear(2)],
        [*WEIGHTS, nn.Flatten(), nn.Linear(8), nn.BatchNorm1d(), nn.Softmax(), nn.ReLU()],
        [*WEIGHTS, nn.Softmax()],
    ],
)
def test_what_the_conditions_leave_out_is_refused(layers):
    assert not exports(layers)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv2d(2, 3, dilation=2)],
        [*WEIGHTS, nn.MaxPool2d(2, padding=1)],
        [*WEIGHTS, nn.AvgPool2d(2, padding=1)],
        [*WEIGHTS, nn.MaxPool2d(2), nn.BatchNorm2d()],
        [nn.BatchNorm2d(), nn.Conv2d(2, 3)],
        [nn.ReLU(), nn.Conv2d(2, 3)],
        [nn.ZeroPad2d(1), nn.MaxPool2d(2)],
        [nn.Flatten(), nn.Linear(8), nn.Reshape((1, 2, 4))],
    ],
)
def test_layers_have_an_integer_form_wherever_they_stand(layers):
    assert exports(layers)


def test_the_list_has_every_class_once_and_the_right_marks():
    merges = {merge.__name__ for merge in MERGES}
    losses = {kind.__name__ for kind in nn.LEAF_TYPES if not issubclass(kind, nn.Layer)}
    losses -= merges
    assert set(KINDS) == {*NETS, *losses}
    assert len(nn.layers()) == len(KINDS) == len(nn.LEAF_TYPES) + 2
    assert not any(KINDS[name].exportable for name in losses)
    learn = {name for name, kind in KINDS.items() if kind.trainable}
    norms = {"BatchNorm1d", "BatchNorm2d"}
    with_weights = {"Conv1d", "Conv2d", "ConvTranspose2d", "Linear", "PReLU"}
    assert learn == {*with_weights, *norms, "Sequential", "Graph"}
    for name, layers in NETS.items():
        for layer in layers or ():
            if type(layer).__name__ == name:
                assert layer.trainable == KINDS[name].trainable


def test_a_table_in_text_and_for_notebooks():
    lines = str(nn.layers()).splitlines()
    assert len(lines) == 2 + len(KINDS)
    assert lines[0].split() == ["layer", "learns", "exportable", "what", "it", "does"]
    assert lines[2].startswith("Conv2d ")
    assert " * " in lines[2]
    assert all(kind.summary in str(nn.layers()) for kind in nn.layers())
    assert nn.layers()._repr_html_().count("<tr>") == 1 + len(KINDS)
