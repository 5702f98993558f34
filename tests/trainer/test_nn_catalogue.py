"""The list of all layers, and whether quantization agrees with its marks."""

import numpy as np
import pytest
from layer_nets import KINDS, MERGES, NO_WEIGHTS_BEFORE
from layer_samples import SAMPLES

from drypoint import nn, quant

SHAPE = (2, 6, 6)
WEIGHTS = [nn.Conv2d(2, 3), nn.ReLU()]


def exports(layers, shape=SHAPE):
    model = nn.Model(nn.Sequential(layers, shape).initialize(1))
    images = np.random.default_rng(0).random((8, *shape), dtype=np.float32)
    try:
        quant.quantize(model, quant.calibrate(model, images))
    except quant.UnsupportedError:
        return False
    return True


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
    losses = {kind.__name__ for kind in nn.LEAF_TYPES if not issubclass(kind, nn.Layer)}
    losses -= {*MERGES}
    assert set(KINDS) == {*(kind.__name__ for kind in SAMPLES), *MERGES, *losses}
    assert len(nn.layers()) == len(KINDS) == len(nn.LEAF_TYPES) + 2
    assert not any(KINDS[name].exportable for name in {*losses, *NO_WEIGHTS_BEFORE})
    learn = {name for name, kind in KINDS.items() if kind.trainable}
    norms = {"BatchNorm1d", "BatchNorm2d"}
    with_weights = {"Conv1d", "Conv2d", "ConvTranspose2d", "Linear", "PReLU", "GRU", "LSTM"}
    assert learn == {*with_weights, *norms, "Sequential", "Graph"}
    for kind, samples in SAMPLES.items():
        for layer, _ in samples.layers:
            assert KINDS[kind.__name__].trainable >= layer.trainable


def test_a_table_in_text_and_for_notebooks():
    lines = str(nn.layers()).splitlines()
    assert len(lines) == 2 + len(KINDS)
    assert lines[0].split() == ["layer", "learns", "exportable", "what", "it", "does"]
    assert lines[2].startswith("Conv2d ")
    assert " * " in lines[2]
    assert all(kind.summary in str(nn.layers()) for kind in nn.layers())
    assert nn.layers()._repr_html_().count("<tr>") == 1 + len(KINDS)
