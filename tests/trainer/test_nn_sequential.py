"""Nets: names, paths, editing, and what they compute."""

import numpy as np
import pytest

from drypoint import nn
from drypoint.autodiff import Tensor, cross_entropy


def small(seed=0, **options):
    net = nn.Sequential(
        {
            "block": nn.Sequential({"conv": nn.Conv2d(2, 3), "relu": nn.ReLU()}),
            "norm": nn.BatchNorm2d(),
            "flatten": nn.Flatten(),
            "fc": nn.Linear(3),
            "softmax": nn.Softmax(),
        },
        (1, 5, 5),
    )
    return net.initialize(seed, **options)


def images(n=4):
    return np.random.default_rng(0).normal(size=(n, 1, 5, 5)).astype(np.float32)


def test_automatic_names_number_what_occurs_more_than_once():
    net = nn.Sequential(
        [
            *(nn.Conv2d(1, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(1, 3), nn.ReLU(), nn.AvgPool2d(2)),
            *(nn.BatchNorm2d(), nn.Dropout(0.1), nn.Flatten(), nn.Linear(3), nn.Softmax()),
            nn.Sequential([nn.Sin(), nn.Cos(), nn.Tanh(), nn.Sigmoid()]),
        ]
    )
    assert " ".join(name for name, _ in net.items()) == (
        "conv1 relu1 pool1 conv2 relu2 pool2 norm dropout flatten linear softmax block"
    )
    assert " ".join(path for path, _ in net.leaves()).endswith(
        " softmax block.sin block.cos block.tanh block.sigmoid"
    )


def test_layers_by_position_name_and_path():
    net = small()
    assert net[0] is net["block"]
    assert net[-1] is net["softmax"]
    assert net["block.conv"] is net["block"]["conv"] is net[0][0]
    assert len(net) == 5
    assert [type(layer).__name__ for layer in net][-2:] == ["Linear", "Softmax"]
    for wrong in ("conv", "block.fc", "block.conv.weight", "", 5, -6):
        with pytest.raises(nn.PathError, match="no layer"):
            net[wrong]
    with pytest.raises(nn.PathError, match=r"'blok.conv'; is it one of block.conv"):
        net["blok.conv"]


def test_a_net_is_its_layers_one_after_the_other():
    """Equal operations: equal to the bit."""
    net, x = small(), images()
    y = x
    for layer in net:
        y = (
            layer(y)
            if layer.example_rank or not isinstance(layer, nn.Flatten)
            else y.reshape(4, -1)
        )
    np.testing.assert_array_equal(net(x), y)
    sine = nn.Sequential([nn.Sin(), nn.Cos()])
    np.testing.assert_array_equal(sine(x), np.cos(np.sin(x)))


def test_slices_are_nets_that_know_their_shape():
    net, x = small(), images()
    head, tail = net[:3], net[3:]
    assert isinstance(head, nn.Sequential)
    assert head.input_shape == (1, 5, 5)
    assert tail.input_shape == (18,)
    np.testing.assert_array_equal(tail(head(x)), net(x))
    np.testing.assert_array_equal(net[:-1](x), net.activations(x)["fc"])
    with pytest.raises(nn.ConfigError, match="at least one layer"):
        net[5:]


def test_flattening_keeps_paths_and_every_bit():
    net, x = small(), images()
    flat = net.flatten()
    assert [name for name, _ in flat.items()] == [path for path, _ in net.leaves()]
    assert not any(isinstance(layer, nn.Sequential) for layer in flat)
    assert list(flat.parameters()) == list(net.parameters())
    np.testing.assert_array_equal(flat(x), net(x))
    np.testing.assert_array_equal(
        flat.activations(x)["block.relu"], net.activations(x)["block.relu"]
    )
    assert flat["block.conv"] is net["block.conv"]
    again = nn.layer_from_config(flat.config()).with_params(flat.params).with_buffers(flat.buffers)
    np.testing.assert_array_equal(again(x), net(x))


def test_activations_of_a_batch_and_of_one_example():
    net, x = small(), images()
    every = net.activations(x)
    assert list(every) == [path for path, _ in net.leaves()]
    np.testing.assert_array_equal(every["softmax"], net(x))
    assert net.activations(x[0])["block.conv"].shape == (2, 3, 3)
    some = net.activations(x, ["block", "fc"])
    assert list(some) == ["block", "fc"]
    np.testing.assert_array_equal(some["block"], every["block.relu"])
    with pytest.raises(nn.PathError, match="no layer at path 'fc1'"):
        net.activations(x, ["fc1"])


def test_parameters_by_path_and_replaced():
    net, x = small(), images()
    assert " ".join(net.parameters()) == (
        "block.conv.weight block.conv.bias norm.scale norm.shift fc.weight fc.bias"
    )
    assert list(net.buffers) == ["norm.running_mean", "norm.running_variance"]
    before = net(x)
    other = net.with_params({"fc.bias": [1, 2, 3], "block.conv.bias": [1, 1]})
    assert other["fc"].params["bias"].tolist() == [1, 2, 3]
    assert other.parameters()["block.conv.bias"].tolist() == [1, 1]
    np.testing.assert_array_equal(net(x), before)
    assert not np.array_equal(other(x), before)
    np.testing.assert_array_equal(other.with_params(net.params)(x), before)


def test_replaced_arrays_are_copies():
    bias = np.zeros(3, np.float32)
    net = small().with_params({"fc.bias": bias})
    bias[0] = 99
    assert net.params["fc.bias"].tolist() == [0, 0, 0]


def test_wrong_parameters_are_refused_with_path_and_hint():
    net = small()
    with pytest.raises(nn.PathError, match=r"'fc.bais'; is it one of fc.bias"):
        net.with_params({"fc.bais": [1, 2, 3]})
    with pytest.raises(nn.PathError, match=r"no buffer at path 'norm.scale'"):
        net.with_buffers({"norm.scale": [1, 2]})
    with pytest.raises(
        nn.ShapeError, match=r"Conv2d at path 'block.conv' wants bias of shape \(2,\), got \(3,\)"
    ):
        net.with_params({"block.conv.bias": [1, 2, 3]})
    for wrong in ("abc", [None] * 3, [[1], [1, 2]], [1j, 0, 0]):
        with pytest.raises(nn.InputError, match=r"Linear at path 'fc' wants"):
            net.with_params({"fc.bias": wrong})


def test_errors_name_the_path():
    open_net = nn.Sequential({"block": nn.Sequential([nn.Conv2d(2, 3)]), "fc": nn.Linear(2)})
    with pytest.raises(nn.ShapeError, match=r"Linear at path 'fc' wants a vector, .* a Flatten"):
        open_net.output_shape((1, 5, 5))
    with pytest.raises(nn.ShapeError, match=r"Conv2d at path 'block\.conv'"):
        open_net.output_shape((5,))
    with pytest.raises(nn.ShapeError, match=r"Conv2d at path 'block\.conv' does not know"):
        open_net.initialize()
    with pytest.raises(nn.ShapeError, match="Linear at path 'fc'"):
        nn.Sequential(dict(open_net.items()), (1, 5, 5))
    net = nn.Sequential({"a": nn.Sequential({"fc1": nn.Linear(2)})}, (3,))
    text = r"^Linear at path 'a.fc1' has no weight: the net is untrained; "
    with pytest.raises(nn.NotInitializedError, match=text):
        net([1, 2, 3])
    with pytest.raises(nn.ShapeError, match=r"Sequential wants \(3,\), got \(4,\)"):
        net.initialize()([1, 2, 3, 4])
    with pytest.raises(nn.ShapeError, match="one example of 1 axes or a batch of 2"):
        net.initialize()(np.zeros((1, 2, 3)))


def test_initialization_is_reproducible_and_fills_only_what_is_missing():
    a, b, c = small(1), small(1), small(2)
    for path, array in a.parameters().items():
        assert array.tobytes() == b.parameters()[path].tobytes()
    assert a.parameters()["fc.weight"].tobytes() != c.parameters()["fc.weight"].tobytes()
    kept = a.initialize(2)
    assert kept.parameters()["fc.weight"].tobytes() == a.parameters()["fc.weight"].tobytes()
    drawn = a.initialize(2, overwrite=True)
    assert drawn.parameters()["fc.weight"].tobytes() == c.parameters()["fc.weight"].tobytes()
    nested = a["block"].flatten()
    assert nested.initialized
    partly = nn.Sequential([nn.Linear(2), nn.Linear(2)], (2,)).with_params({"linear1.bias": [5, 5]})
    assert not partly.initialized
    full = partly.initialize()
    assert full.initialized
    assert full.params["linear1.bias"].tolist() == [5, 5]


def test_sizes_follow_from_the_first_layer_or_from_a_shape():
    net = nn.Sequential([nn.Linear(3, in_features=2), nn.ReLU(), nn.Linear(1)])
    assert net.input_shape == (2,)
    assert net.n_params == 13
    unknown = nn.Sequential([nn.Flatten(), nn.Linear(1)])
    assert unknown.input_shape is None
    assert not unknown.initialized
    with pytest.raises(nn.ShapeError, match="does not know its input size"):
        _ = unknown.n_params
    assert unknown.initialize(input_shape=(2, 2))([[1, 2], [3, 4]]).shape == (1,)
    with pytest.raises(nn.ShapeError, match=r"Sequential wants \(2,\), got \(3,\)"):
        net.bind((3,))


def test_training_through_a_net_moves_parameters_and_statistics():
    """One step down the gradient lowers the loss; the net itself is unchanged."""
    net, x, target = small(), images(8), np.arange(8) % 3
    scores = net[:-1]

    def loss_and_gradients(net):
        leaves = {p: Tensor(a, requires_grad=True) for p, a in net.parameters().items()}
        ctx = nn.Context(training=True)
        loss = cross_entropy(net.apply(leaves, Tensor(x), ctx), target, reduction="mean")
        loss.backward()
        return float(loss.data), {p: t.grad for p, t in leaves.items()}, ctx.updates

    before, gradients, updates = loss_and_gradients(scores)
    assert set(updates) == {"norm.running_mean", "norm.running_variance"}
    moved = scores.with_params(
        {p: a - 0.01 * gradients[p] for p, a in scores.parameters().items()}
    ).with_buffers(updates)
    assert loss_and_gradients(moved)[0] < before
    assert loss_and_gradients(scores)[0] == before


def test_summary_marks_what_learns_and_what_is_empty():
    net = nn.Sequential([nn.Conv2d(2, 3), nn.ReLU()], (1, 5, 5))
    assert net.summary().splitlines() == [
        "layer   type    output  params  MACs  int8 bytes",
        "------------------------------------------------",
        "input           1x5x5                         25",
        "conv*!  Conv2d  2x3x3       20   162          18",
        "relu    ReLU    2x3x3        -     -           -",
        "------------------------------------------------",
        "total                       20   162          43",
    ]
    assert "conv*  " in net.initialize().summary()
    assert nn.MaxPool2d(2).info((3, 4, 4)).int8_bytes == 48 + 12
    with pytest.raises(nn.ShapeError, match="give an input_shape"):
        nn.MaxPool2d(2).summary()


def test_repr_is_one_line():
    assert repr(nn.Sequential([nn.Linear(2)], (3,))) == (
        "Sequential(linear; (3,) -> (2,); uninitialized)"
    )
    assert repr(nn.Sequential([nn.ReLU()])) == "Sequential(relu)"
