"""Recurrent layers over whole sequences: one operation of the tape each, with a loop over steps."""

import numpy as np

from ._errors import AutodiffError
from ._tape import Array, shared_vjps
from ._tensor import Tensor, record


def gru(
    x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> Tensor:
    """The states of a gated recurrent unit in every step, the first state being 0.

    With r, z = sigmoid(W x + b + U h + c) of their rows, and n = tanh(W x + b + r * (U h + c)) of
    the last rows, the next state is (1 - z) * n + z * h: PyTorch's unit, Keras's with reset_after.

    Args:
        x: (N, C, T).
        weight_ih: W, (3H, C), the rows of r, z and n.
        weight_hh: U, (3H, H).
        bias_ih: b, (3H,).
        bias_hh: c, (3H,).

    Returns:
        (N, H, T).

    Raises:
        AutodiffError: shapes do not go together.
    """
    parameters = weight_ih, weight_hh, bias_ih, bias_hh
    n_hidden = _check("gru", x, parameters, gates=3)
    xs = _by_step(x.data)
    steps, batch, _ = xs.shape
    u, c, two = weight_hh.data.T, bias_hh.data, 2 * n_hidden
    inputs = xs @ weight_ih.data.T + bias_ih.data
    states = np.zeros((steps + 1, batch, n_hidden), x.dtype)
    gates = np.empty((steps, batch, 3 * n_hidden), x.dtype)  # r, z, n
    candidates = np.empty_like(states[1:])  # the rows of n of U h + c
    for t in range(steps):
        h, gate = states[t], gates[t]
        sums = h @ u + c
        gate[:, :two] = _sigmoid(inputs[t, :, :two] + sums[:, :two])
        candidates[t] = sums[:, two:]
        gate[:, two:] = np.tanh(inputs[t, :, two:] + gate[:, :n_hidden] * candidates[t])
        z, n = gate[:, n_hidden:two], gate[:, two:]
        states[t + 1] = n + z * (h - n)

    def gradients(g: Array) -> tuple[Array, ...]:
        """The gradients of all parents, the last step first."""
        by_step, to_h = _by_step(g), np.zeros((batch, n_hidden), x.dtype)
        of_inputs, of_sums = np.empty_like(gates), np.empty_like(gates)
        for t in reversed(range(steps)):
            r, z, n = (gates[t, :, k * n_hidden : (k + 1) * n_hidden] for k in range(3))
            to_h = to_h + by_step[t]
            of_n = to_h * (1 - z) * (1 - n * n)
            of_inputs[t, :, two:], of_sums[t, :, two:] = of_n, of_n * r
            of_inputs[t, :, :n_hidden] = of_n * candidates[t] * r * (1 - r)
            of_inputs[t, :, n_hidden:two] = to_h * (states[t] - n) * z * (1 - z)
            of_sums[t, :, :two] = of_inputs[t, :, :two]
            to_h = to_h * z + of_sums[t] @ weight_hh.data
        return _parents(xs, states, of_inputs, of_sums, weight_ih.data)

    pairs = zip((x, *parameters), shared_vjps(gradients, 5), strict=True)
    return record(np.ascontiguousarray(states[1:].transpose(1, 2, 0)), *pairs)


def lstm(
    x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> Tensor:
    """The outputs of a long short-term memory in every step, the first states being 0.

    With i, f, o = sigmoid and g = tanh of their rows of W x + b + U h + c, the next cell is
    f * cell + i * g, and the next output h is o * tanh(cell).

    Args:
        x: (N, C, T).
        weight_ih: W, (4H, C), the rows of i, f, g and o, as PyTorch orders them.
        weight_hh: U, (4H, H).
        bias_ih: b, (4H,).
        bias_hh: c, (4H,).

    Returns:
        (N, H, T).

    Raises:
        AutodiffError: shapes do not go together.
    """
    parameters = weight_ih, weight_hh, bias_ih, bias_hh
    n_hidden = _check("lstm", x, parameters, gates=4)
    xs = _by_step(x.data)
    steps, batch, _ = xs.shape
    u, two, three = weight_hh.data.T, 2 * n_hidden, 3 * n_hidden
    inputs = xs @ weight_ih.data.T + (bias_ih.data + bias_hh.data)
    states = np.zeros((steps + 1, batch, n_hidden), x.dtype)
    cells, gates = np.zeros_like(states), np.empty_like(inputs)  # gates: i, f, g, o
    for t in range(steps):
        sums, gate = inputs[t] + states[t] @ u, gates[t]
        gate[:] = _sigmoid(sums)
        gate[:, two:three] = np.tanh(sums[:, two:three])
        i, f, g, o = (gate[:, k * n_hidden : (k + 1) * n_hidden] for k in range(4))
        cells[t + 1] = f * cells[t] + i * g
        states[t + 1] = o * np.tanh(cells[t + 1])

    def gradients(g: Array) -> tuple[Array, ...]:
        """The gradients of all parents, the last step first."""
        by_step = _by_step(g)
        to_h = to_cell = np.zeros((batch, n_hidden), x.dtype)
        of_sums = np.empty_like(gates)
        for t in reversed(range(steps)):
            i, f, new, o = (gates[t, :, k * n_hidden : (k + 1) * n_hidden] for k in range(4))
            to_h = to_h + by_step[t]
            tanh = np.tanh(cells[t + 1])
            to_cell = to_cell + to_h * o * (1 - tanh * tanh)
            of_sums[t, :, :n_hidden] = to_cell * new * i * (1 - i)
            of_sums[t, :, n_hidden:two] = to_cell * cells[t] * f * (1 - f)
            of_sums[t, :, two:three] = to_cell * i * (1 - new * new)
            of_sums[t, :, three:] = to_h * tanh * o * (1 - o)
            to_cell = to_cell * f
            to_h = of_sums[t] @ weight_hh.data
        return _parents(xs, states, of_sums, of_sums, weight_ih.data)

    pairs = zip((x, *parameters), shared_vjps(gradients, 5), strict=True)
    return record(np.ascontiguousarray(states[1:].transpose(1, 2, 0)), *pairs)


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp -x), without an overflow."""
    half = np.asarray(0.5, x.dtype)
    y: Array = half * np.tanh(half * x) + half
    return y


def _by_step(x: Array) -> Array:
    """(N, C, T) as (T, N, C), so that a step is one piece of memory."""
    return np.ascontiguousarray(x.transpose(2, 0, 1))


def _parents(
    xs: Array, states: Array, of_inputs: Array, of_sums: Array, weight_ih: Array
) -> tuple[Array, ...]:
    """The gradients of x, the weights and the biases, from gradients at W x + b and U h + c."""
    inputs, sums = (part.reshape(-1, part.shape[2]) for part in (of_inputs, of_sums))
    to_x = np.ascontiguousarray((of_inputs @ weight_ih).transpose(1, 2, 0))
    to_ih = inputs.T @ xs.reshape(-1, xs.shape[2])
    to_hh = sums.T @ states[:-1].reshape(-1, states.shape[2])
    return to_x, to_ih, to_hh, inputs.sum(axis=0), sums.sum(axis=0)


def _check(name: str, x: Tensor, parameters: tuple[Tensor, ...], *, gates: int) -> int:
    """The number H of hidden units, after a check of the shapes."""
    weight_hh = parameters[1]
    h = weight_hh.shape[-1] if weight_hh.ndim else 0
    channels = x.shape[1] if x.ndim == 3 else 0
    wanted = ((gates * h, channels), (gates * h, h), (gates * h,), (gates * h,))
    if x.ndim != 3 or tuple(p.shape for p in parameters) != wanted:
        shown = ", ".join(str(p.shape) for p in (x, *parameters))
        raise AutodiffError(
            f"{name} wants x (N, C, T), weights ({gates}H, C) and ({gates}H, H), and biases "
            f"({gates}H,), got {shown}"
        )
    return h
