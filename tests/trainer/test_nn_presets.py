"""The predefined nets: sizes, gradients, compiled training steps, files.

Oracles of the sizes: the reference models of MLPerf Tiny. Keras counts 78,666 parameters of its
ResNet-8 and 24,908 of its DS-CNN: it counts the four numbers of each channel of a batch norm
(here two of them are buffers), and a bias before each batch norm, which these nets leave out.
"""

import re
from itertools import pairwise

import numpy as np
import pytest

from drypoint import nn, train
from drypoint.autodiff import Tensor
from drypoint.nn import Context

SMALL = {  # as small as the strides allow, so that the tests are cheap
    "resnet8": {"input_shape": (1, 8, 8), "width": 4, "classes": 3},
    "mobilenet": {"input_shape": (1, 8, 8), "width": 4, "classes": 3},
    "squeezenet": {"input_shape": (1, 8, 8), "width": 4, "classes": 3},
    "ds_cnn": {"input_shape": (1, 8, 8), "width": 4, "classes": 3},
    "dilated": {"input_shape": (1, 8, 8), "width": 4, "classes": 3},
    "cnn": {"input_shape": (1, 8, 8), "widths": (4, 8), "classes": 3},
    "grid_cnn": {"input_shape": (1, 16, 16), "widths": (4, 4, 8, 4), "classes": 3},
    "mlp": {"input_shape": (1, 8, 8), "hidden": (8,), "classes": 3},
    "mobilenet_v1": {"input_shape": (1, 8, 8), "width": 4, "classes": 3},
    "conv1d": {"input_shape": (2, 12), "widths": (4, 6), "classes": 3},
    "tcn": {"input_shape": (2, 12), "widths": (4, 4, 6), "classes": 3},
    "mixednet": {"input_shape": (2, 12), "width": 4, "classes": 3},
    "ds_conv1d": {"input_shape": (2, 12), "width": 4, "classes": 3},
    "gru": {"input_shape": (2, 12), "units": (4, 5), "classes": 3},
    "lstm": {"input_shape": (2, 12), "units": (4,), "classes": 3},
    "autoencoder": {"inputs": 12, "hidden": 8, "depth": 2, "bottleneck": 4},
}
ALL = ("lenet", "lenet5", *SMALL)
OUTPUTS = {"autoencoder": (12,), "grid_cnn": (3, 2, 2)}


def small(name, seed=0):
    return getattr(nn, name)(**SMALL[name], seed=seed)


def test_the_docstrings_state_parameters_and_macs():
    for name in ALL:
        net, text = getattr(nn, name)(), getattr(nn, name).__doc__
        first = " ".join(text.partition("\n\n")[0].split())
        numbers = [int(n.replace(",", "")) for n in re.findall(r"[\d,]+(?= (?:param|MACs))", first)]
        assert numbers[0] == net.n_params, name
        assert numbers[1:] in ([net.info().macs], [] if name == "lenet5" else None), name


@pytest.mark.parametrize(
    ("name", "keras", "macs"),
    [("resnet8", 78_666, 12_501_632), ("ds_cnn", 24_908, 2_656_768)],
)
def test_sizes_are_those_of_mlperf_tiny(name, keras, macs):
    net = getattr(nn, name)()
    normalized = sum(net.param_shapes()[p][0] for p in net.param_shapes() if p.endswith(".scale"))
    assert net.n_params + 2 * normalized + normalized == keras  # statistics; biases
    assert net.info().macs == macs


def test_the_autoencoder_is_that_of_mlperf_tiny():
    net = nn.autoencoder()
    widths = [640, *[128] * 4, 8, *[128] * 4, 640]
    assert net.info().macs == sum(a * b for a, b in pairwise(widths))
    assert [layer.output_shape for layer in net.info().layers if layer.kind == "Linear"] == [
        (n,) for n in widths[1:]
    ]


def test_shapes_and_sizes_follow_the_arguments():
    for name, sizes in SMALL.items():
        net = getattr(nn, name)(**sizes)
        assert not net.initialized
        assert net.input_shape == sizes.get("input_shape", (12,))
        assert net.output_shape(net.input_shape) == OUTPUTS.get(name, (3,)), name
        if "width" in sizes:
            wider = getattr(nn, name)(**{**sizes, "width": 8})
            assert 2 * net.n_params < wider.n_params < 4 * net.n_params, name
        one, other, more = (nn.Model(small(name, seed)).dumps() for seed in (0, 0, 1))
        assert one == other != more, name


def test_the_blocks_have_the_topology_of_their_papers():
    kinds = {
        name: [type(step.module).__name__ for step in steps_of(getattr(nn, name)())]
        for name in SMALL
    }
    assert kinds["resnet8"].count("Add") == 3
    assert kinds["mobilenet"].count("Add") == 3
    assert kinds["squeezenet"].count("Concat") == 4
    depthwise = {
        name: [
            step.module
            for step in steps_of(getattr(nn, name)())
            if isinstance(step.module, nn.Conv2d) and step.module.groups > 1
        ]
        for name in SMALL
    }
    assert {name: len(found) for name, found in depthwise.items() if found} == {
        "mobilenet": 5,
        "mobilenet_v1": 13,
        "ds_cnn": 4,
        "mixednet": 6,
        "ds_conv1d": 3,
    }
    assert [layer.kernel_size for layer in depthwise.pop("ds_conv1d")] == [5, 9, 13]
    assert [layer.kernel_size for layer in depthwise.pop("mixednet")] == [5, 7, 11, 9, 15, 23]
    assert all(
        layer.groups == layer.out_channels == layer.in_channels and layer.kernel_size == 3
        for found in depthwise.values()
        for layer in found
    )
    convs = [step.module for step in steps_of(nn.dilated()) if isinstance(step.module, nn.Conv2d)]
    assert [conv.dilation for conv in convs] == [1, 1, 2, 4]


def steps_of(net):
    graph = nn.Graph.from_sequential(net).flatten()
    return [*graph.layer_shapes({"input": net.input_shape})]


def test_gradients_reach_every_parameter():
    """Every gradient is finite, and no parameter's gradient is all zeros."""
    for name in SMALL:
        net, rng = small(name), np.random.default_rng(0)
        leaves = {p: Tensor(a, requires_grad=True) for p, a in net.parameters().items()}
        x = rng.normal(size=(16, *net.input_shape)).astype(np.float32)
        context = Context(training=True)
        y = net.apply(leaves, Tensor(x), context)
        (y * Tensor(rng.normal(size=y.shape).astype(np.float32))).sum().backward()
        for path, leaf in leaves.items():
            assert np.isfinite(leaf.grad).all(), (name, path)
            assert leaf.grad.any(), (name, path)


def test_the_compiled_step_takes_them(capsys):
    """Oracle: the plan line of `fit`, and the tape step, whose bytes a compiled step gives."""
    for name in SMALL:
        net, rng = small(name), np.random.default_rng(0)
        x = rng.normal(size=(24, *net.input_shape)).astype(np.float32)
        y = rng.integers(0, 3, 24)
        options = {"epochs": 2, "batch_size": 8, "validation_split": 0}
        if name in OUTPUTS:
            y = rng.normal(size=(24, *OUTPUTS[name])).astype(np.float32)
            options["loss"] = nn.MSELoss()
        trained = train.fit(nn.Model(net), (x, y), **options, progress="lines")
        plan = capsys.readouterr().err
        assert "compiled step" in plan, (name, plan)
        calls = name in ("gru", "lstm")  # a recurrent layer's loop over steps is NumPy's
        assert ("host callbacks" in plan) == calls, (name, plan)
        tape = train.fit(nn.Model(net), (x, y), **options, progress="none", compiled=False)
        assert trained.model.dumps() == tape.model.dumps(), name


def test_files_hold_them(tmp_path):
    for name in SMALL:
        model = nn.Model(small(name))
        model.save(tmp_path / "net.npz")
        again = nn.load(tmp_path / "net.npz")
        assert again.dumps() == model.dumps(), name
        x = np.random.default_rng(0).normal(size=(2, *model.input_shape)).astype(np.float32)
        assert np.array_equal(again.net(x), model.net(x)), name


def test_sizes_that_make_no_net_are_refused_in_one_line():
    for name, wrong in {
        "resnet8": {"width": 0},
        "mobilenet": {"classes": 0},
        "squeezenet": {"input_shape": (1, 2, 2)},
        "ds_cnn": {"input_shape": (49, 10)},
        "autoencoder": {"bottleneck": -1},
        "lenet": {"widths": (20, 50)},
        "lenet5": {"input_shape": (1, 8, 8)},
        "cnn": {"input_shape": (8,)},
        "grid_cnn": {"widths": (8, 16)},
        "mlp": {"hidden": (0,)},
        "conv1d": {"input_shape": ()},
        "tcn": {"input_shape": (1, 8, 8)},
        "mixednet": {"width": 5},
        "ds_conv1d": {"input_shape": (40, 4)},
    }.items():
        with pytest.raises(nn.LayerError, match=r"^[^\n]+$"):
            getattr(nn, name)(**wrong)
