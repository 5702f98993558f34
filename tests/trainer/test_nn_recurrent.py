"""GRU and LSTM beside plain loops of their formulas, PyTorch, and finite differences."""

import math

import numpy as np
import pytest

from drypoint import nn, train
from drypoint.autodiff import AutodiffError, Tensor, gradcheck, gru, lstm

OPS = {"gru": (gru, 3), "lstm": (lstm, 4)}


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def row(weight, x, bias):
    return sum(float(w) * float(v) for w, v in zip(weight, x, strict=True)) + float(bias)


def plain_gru(xs, w, u, b, c):
    """The states of one signal, a list of steps: PyTorch's page in loops."""
    n, h, states = len(u[0]), [0.0] * len(u[0]), []
    for x in xs:
        a = [row(w[k], x, b[k]) for k in range(3 * n)]
        s = [row(u[k], h, c[k]) for k in range(3 * n)]
        r = [sigmoid(a[k] + s[k]) for k in range(n)]
        z = [sigmoid(a[n + k] + s[n + k]) for k in range(n)]
        new = [math.tanh(a[2 * n + k] + r[k] * s[2 * n + k]) for k in range(n)]
        h = [(1 - z[k]) * new[k] + z[k] * h[k] for k in range(n)]
        states.append(h)
    return states


def plain_lstm(xs, w, u, b, c):
    n, states = len(u[0]), []
    h = cell = [0.0] * n
    for x in xs:
        s = [row(w[k], x, b[k]) + row(u[k], h, c[k]) for k in range(4 * n)]
        i, f, o = ([sigmoid(s[g * n + k]) for k in range(n)] for g in (0, 1, 3))
        new = [math.tanh(s[2 * n + k]) for k in range(n)]
        cell = [f[k] * cell[k] + i[k] * new[k] for k in range(n)]
        h = [o[k] * math.tanh(cell[k]) for k in range(n)]
        states.append(h)
    return states


def drawn(name, *, batch=2, channels=3, hidden=4, steps=6):
    gates = OPS[name][1]
    rng = np.random.default_rng(len(name))
    shapes = (gates * hidden, channels), (gates * hidden, hidden), (gates * hidden,)
    return [rng.normal(size=s) for s in ((batch, channels, steps), *shapes, shapes[2])]


@pytest.mark.parametrize("name", OPS)
def test_the_states_are_those_of_plain_loops(name):
    x, *parameters = drawn(name)
    found = OPS[name][0](*(Tensor(array) for array in (x, *parameters))).data
    plain = {"gru": plain_gru, "lstm": plain_lstm}[name]
    wanted = np.array([plain(signal.T, *parameters) for signal in x])  # (N, T, H)
    assert found.shape == (2, 4, 6)
    # Sums of a few float64 products in another order.
    np.testing.assert_allclose(found.transpose(0, 2, 1), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", OPS)
def test_gradients_are_finite_differences(name):
    gradcheck(OPS[name][0], *drawn(name, channels=2, hidden=3, steps=5))


@pytest.mark.parametrize("name", OPS)
def test_shapes_that_do_not_fit_are_refused(name):
    op, gates = OPS[name]
    x, *parameters = (Tensor(array) for array in drawn(name))
    words = f"{name} wants x \\(N, C, T\\), weights \\({gates}H, C\\)"
    with pytest.raises(AutodiffError, match=words):
        op(x[:, :2], *parameters)


@pytest.mark.parametrize("name", ["GRU", "LSTM"])
def test_layers_give_what_pytorch_gives(name):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, name)(3, 5, num_layers=2, batch_first=True).double()
    ours = getattr(nn, name)(5, num_layers=2, return_sequences=True, input_size=3)
    arrays = {key: value.detach().numpy() for key, value in theirs.state_dict().items()}
    x = np.random.default_rng(0).normal(size=(4, 3, 9))
    signal = torch.tensor(x.transpose(0, 2, 1), requires_grad=True)
    wanted, _ = theirs(signal)
    wanted.sum().backward()
    params = {key: Tensor(value, requires_grad=True) for key, value in arrays.items()}
    leaf = Tensor(x, requires_grad=True)
    found = ours.apply(params, leaf)
    found.sum().backward()
    # Both sum float64 products, in orders of their own.
    np.testing.assert_allclose(found.data, wanted.detach().numpy().transpose(0, 2, 1), atol=1e-12)
    np.testing.assert_allclose(leaf.grad, signal.grad.numpy().transpose(0, 2, 1), atol=1e-10)
    for key, value in theirs.named_parameters():
        np.testing.assert_allclose(params[key].grad, value.grad.numpy(), atol=1e-9, err_msg=key)


def test_the_last_output_is_the_last_of_all():
    every = nn.GRU(4, return_sequences=True, num_layers=2).initialize(seed=3, input_shape=(2, 7))
    last = nn.GRU(4, num_layers=2, input_size=2).with_params(every.params)
    x = np.random.default_rng(1).normal(size=(3, 2, 7)).astype(np.float32)
    assert np.array_equal(last(x), every(x)[:, :, -1])


def test_dropout_lies_between_layers_alone():
    x = np.ones((2, 1, 5), np.float32)
    for layers, equal in ((1, True), (2, False)):
        layer = nn.LSTM(8, num_layers=layers, dropout=0.5).initialize(seed=0, input_shape=(1, 5))
        params = layer.constants(np.float32)
        train_ctx = nn.Context(training=True, rng=np.random.default_rng(0))
        found = layer.apply(params, Tensor(x), train_ctx).data
        assert np.array_equal(found, layer.apply(params, Tensor(x)).data) is equal


def test_a_net_learns_the_sign_of_what_it_read_first():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 1, 12)).astype(np.float32) * 0.1
    y = rng.integers(0, 2, 256)
    x[:, 0, 0] = np.where(y == 1, 2, -2)
    net = nn.Sequential([nn.GRU(8), nn.Linear(2), nn.Softmax()])
    result = train.fit(net, (x, y), epochs=20, optimizer=train.Adam(lr=0.02), seed=1)
    assert (result.model.net(x).argmax(1) == y).mean() >= 0.95
