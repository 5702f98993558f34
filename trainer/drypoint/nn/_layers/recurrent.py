"""The recurrent layers of signals."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Self

import numpy as np

from drypoint import program as ops
from drypoint.autodiff import Array, Tensor, dropout, gru, lstm, sigmoid
from drypoint.graph import Builder, RealFunction, Reals, Value

from .._errors import ConfigError, ShapeError
from .._module.context import Context
from .._module.initializers import Draw
from .._module.layer import Layer
from .._module.sizes import Shape, check_count, check_flag, check_fraction

ONE = (-1.0, 1.0)  # bounds of gates and of states
SIGMOID_END = 8.0  # a sigmoid of more is 1 - 0.0003 or more
TANH_END = 3.0  # a tanh of more is less than a step of 8 bits from 1
GATES = "input", "forget", "new", "output"  # of an LSTM, in PyTorch's order i, f, g, o
CELL_END = 16.0  # of a cell: 16 bits have steps of 2^-11 then


@dataclass(frozen=True, eq=False, repr=False)
class Recurrent(Layer):
    """The base class of recurrent layers: signals (C, T) to the last output (H,), or to all (H, T).

    Layer k of the ``num_layers`` has the parameters weight_ih_lk (G H, C), from the second layer on
    (G H, H); weight_hh_lk (G H, H); bias_ih_lk and bias_hh_lk (G H,), as in PyTorch. The states
    before the first step are 0.

    Args:
        hidden_size: the number H of units.
        num_layers: layers, each on the outputs of the one before.
        return_sequences: whether the output is (H, T), the outputs of all steps.
        dropout: the probability with which an output between two layers becomes 0 in training.
        input_size: C; None takes it from the first shape the layer is bound to.

    Raises:
        ConfigError: a hyper-parameter is out of range.
    """

    hidden_size: int
    _: KW_ONLY
    num_layers: int = 1
    return_sequences: bool = False
    dropout: float = 0.0
    input_size: int | None = None

    example_rank = 2  # (C, T)
    gates: ClassVar[int]
    """The number G of matrices of each weight."""

    def __post_init__(self) -> None:
        kind = type(self).__name__
        check_count(kind, "hidden_size", self.hidden_size)
        check_count(kind, "num_layers", self.num_layers)
        check_flag(kind, "return_sequences", self.return_sequences)
        check_fraction(kind, "dropout", self.dropout, inclusive=False)
        if self.input_size is not None:
            check_count(kind, "input_size", self.input_size)

    @property
    def param_names(self) -> tuple[str, ...]:
        """Of each layer two weights and two biases."""
        names = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
        return tuple(f"{name}_l{i}" for i in range(self.num_layers) for name in names)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(H, T), or (H,)."""
        channels = self.input_size
        if (
            len(input_shape) != 2
            or 0 in input_shape
            or input_shape[0] != (channels or input_shape[0])
        ):
            wanted = f"({'C' if channels is None else channels}, T)"
            raise ShapeError(type(self).__name__, f"wants signals {wanted}, got {input_shape}")
        return (self.hidden_size, input_shape[1]) if self.return_sequences else (self.hidden_size,)

    def bind(self, input_shape: Shape) -> Self:
        """The layer for signals of these channels."""
        self.output_shape(input_shape)
        return self if self.input_size else self._change(input_size=input_shape[0])

    def param_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """The shapes of each layer's weights and biases."""
        if input_shape is not None:
            return self.bind(input_shape).param_shapes()
        if self.input_size is None:
            raise ShapeError(
                type(self).__name__,
                "does not know its channels; give input_size or an input_shape",
            )
        h, rows = self.hidden_size, self.gates * self.hidden_size
        shapes: dict[str, Shape] = {}
        for i in range(self.num_layers):
            each = ((rows, h if i else self.input_size), (rows, h), (rows,), (rows,))
            shapes |= zip(self.param_names[4 * i : 4 * i + 4], each, strict=True)
        return shapes

    def initial_arrays(self, draw: Draw) -> dict[str, Array]:
        """Drawn weights, a matrix of each gate by itself; biases of 0."""
        arrays: dict[str, Array] = {}
        for name, (rows, *columns) in self.param_shapes().items():
            arrays[name] = np.zeros(rows, np.float32)
            if columns:
                parts = [draw((self.hidden_size, *columns)) for _ in range(self.gates)]
                arrays[name] = np.concatenate(parts)
        return arrays

    def macs(self, input_shape: Shape) -> int:
        """The products of both matrices of each layer in each step."""
        shapes = self.param_shapes(input_shape).values()
        return input_shape[1] * sum(math.prod(shape) for shape in shapes if len(shape) == 2)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The outputs of the last layer."""
        for i in range(self.num_layers):
            if i and self.dropout and ctx.training:
                if ctx.rng is None:
                    kind = type(self).__name__
                    raise ConfigError(kind, "wants a generator in training; set rng in the Context")
                x = dropout(x, self.dropout, rng=ctx.rng)
            names = self.param_names[4 * i : 4 * i + 4]
            x = self._layer(x, *(self._param(params, name) for name in names))
        return x if self.return_sequences else x[:, :, -1]

    def parts(self, x: Array) -> dict[str, Array]:
        """What the layers compute inside for a batch (N, C, T), by the names of `lower`'s nodes."""
        found: dict[str, Array] = {}
        for i in range(self.num_layers):
            names = self.param_names[4 * i : 4 * i + 4]
            params = [self.params[name].astype(x.dtype, copy=False) for name in names]
            y = self._layer(*(Tensor(array) for array in (x, *params))).data
            before = np.concatenate([np.zeros_like(y[:, :, :1]), y[:, :, :-1]], axis=2)
            sums = [
                np.einsum("gc,nct->ngt", weight, values) + bias[:, None]
                for weight, values, bias in (
                    (params[0], x, params[2]),
                    (params[1], before, params[3]),
                )
            ]
            found |= {f"l{i}.{name}": part for name, part in self._parts(*sums).items()}
            x = y
        return found

    def lower(self, graph: Builder, *values: Value) -> Value:
        """The ops of one step, with a state that the program carries."""
        (value,) = values
        path, title = graph.layer, graph.title
        arrays = [graph.array(name) for name in self.param_names]
        for i in range(self.num_layers):

            def part(name: str, clip: float = math.inf, i: int = i) -> None:
                graph.enter(f"{path}.l{i}.{name}", title, clip=(-clip, clip))

            value = self._lower(graph, part, value, arrays[4 * i : 4 * i + 4])
            last = i == self.num_layers - 1
            graph.refine(value, **({"name": path, "layer": path} if last else {}))
        return value

    @abstractmethod
    def _layer(self, x: Tensor, *params: Tensor) -> Tensor:
        """One layer over all steps, (N, C, T) to (N, H, T)."""

    @abstractmethod
    def _parts(self, inputs: Array, sums: Array) -> dict[str, Array]:
        """What `_lower` calls by these names, of W x + b and U h + c, both (N, G H, T)."""

    @abstractmethod
    def _lower(
        self, graph: Builder, part: Callable[..., None], value: Value, arrays: list[Reals]
    ) -> Value:
        """The output of one layer in one step, of 8 bits; ``part`` begins with a part of it."""


@dataclass(frozen=True, eq=False, repr=False)
class GRU(Recurrent, per_example=True, exportable="step by step"):
    """Gated recurrent units: signals (C, T) to the last output (H,), or to all outputs (H, T).

    PyTorch's unit, which is Keras's with ``reset_after``: the reset gate multiplies the product of
    the state. Gates in the order r, z, n, G = 3. Arguments and parameters: see `Recurrent`.
    """

    short_name: ClassVar[str] = "gru"
    gates = 3

    def _layer(self, x: Tensor, *params: Tensor) -> Tensor:
        return gru(x, *params)

    def _parts(self, inputs: Array, sums: Array) -> dict[str, Array]:
        r, z, n = (slice(k * self.hidden_size, (k + 1) * self.hidden_size) for k in range(3))
        gates = {"reset_sum": inputs[:, r] + sums[:, r], "update_sum": inputs[:, z] + sums[:, z]}
        reset = sigmoid(Tensor(np.ascontiguousarray(gates["reset_sum"]))).data * sums[:, n]
        new = {"new_h": sums[:, n], "new_reset": reset, "new_sum": inputs[:, n] + reset}
        return {**gates, **new}

    def _lower(
        self, graph: Builder, part: Callable[..., None], value: Value, arrays: list[Reals]
    ) -> Value:
        w, u, b, c = arrays
        r, z, n = (slice(k * self.hidden_size, (k + 1) * self.hidden_size) for k in range(3))
        part("state")
        state = graph.state(value, self.hidden_size)
        part("state8")
        read = graph.state(value, self.hidden_size)
        part("both")
        both, weight = graph.join(value, read), np.concatenate([w, u], axis=1)
        part("reset_sum", SIGMOID_END)
        reset_sum = graph.dense(both, weight[r], b[r] + c[r])
        part("update_sum", SIGMOID_END)
        update_sum = graph.dense(both, weight[z], b[z] + c[z])
        part("reset")
        reset = _gate(graph, reset_sum, _sigmoid, 0.25)
        part("update")
        update = _gate(graph, update_sum, _sigmoid, 0.25)
        part("rest")
        rest = _gate(graph, update_sum, lambda x: 1 - _sigmoid(x), 0.25)
        part("new_h")
        new_h = graph.dense(read, u[n], c[n])
        part("new_reset")
        new_reset = graph.binary(ops.Mul, reset, new_h)
        part("new_both")  # weights of 1 add the product, so that the sum is rounded once
        new_both = graph.join(value, new_reset)
        part("new_sum", TANH_END)
        ones = np.eye(self.hidden_size)
        new_sum = graph.dense(new_both, np.concatenate([w[n], ones], axis=1), b[n])
        part("new")
        new = _gate(graph, new_sum, np.tanh, 1.0)
        part("kept")
        kept = graph.refine(graph.binary(ops.Mul, update, state), wide=True, bounds=ONE)
        part("added")
        added = graph.refine(graph.binary(ops.Mul, rest, new), wide=True, bounds=ONE)
        part("next")
        after = graph.refine(graph.binary(ops.Add, kept, added), wide=True, bounds=ONE)
        graph.carry(state, after)
        part("output")
        output = _narrow(graph, after, ONE)
        graph.carry(read, output)
        return output


@dataclass(frozen=True, eq=False, repr=False)
class LSTM(Recurrent, per_example=True, exportable="step by step"):
    """Long short-term memory: signals (C, T) to the last output (H,), or to all outputs (H, T).

    Gates in PyTorch's order i, f, g, o, G = 4. Arguments and parameters: see `Recurrent`.
    """

    short_name: ClassVar[str] = "lstm"
    gates = 4

    def _layer(self, x: Tensor, *params: Tensor) -> Tensor:
        return lstm(x, *params)

    def _parts(self, inputs: Array, sums: Array) -> dict[str, Array]:
        h, gates = self.hidden_size, inputs + sums
        found = {f"{name}_sum": gates[:, k * h : (k + 1) * h] for k, name in enumerate(GATES)}
        opened = sigmoid(Tensor(np.ascontiguousarray(gates[:, : 2 * h]))).data  # input and forget
        cells = opened[:, :h] * np.tanh(found["new_sum"])
        for t in range(1, cells.shape[2]):
            cells[:, :, t] += opened[:, h:, t] * cells[:, :, t - 1]
        return {**found, "cell": cells}

    def _lower(
        self, graph: Builder, part: Callable[..., None], value: Value, arrays: list[Reals]
    ) -> Value:
        w, u, b, c = arrays
        part("cell_before")
        cell_before = graph.state(value, self.hidden_size)
        part("state")
        read = graph.state(value, self.hidden_size)
        part("both")
        both, weight = graph.join(value, read), np.concatenate([w, u], axis=1)
        values = dict[str, Value]()
        for k, name in enumerate(GATES):
            rows = slice(k * self.hidden_size, (k + 1) * self.hidden_size)
            new = name == "new"
            part(f"{name}_sum", TANH_END if new else SIGMOID_END)
            sums = graph.dense(both, weight[rows], b[rows] + c[rows])
            part(name)
            function, slope = (np.tanh, 1.0) if new else (_sigmoid, 0.25)
            values[name] = _gate(graph, sums, function, slope)
        part("kept")
        kept = graph.binary(ops.Mul, values["forget"], cell_before)
        part("added")
        added = graph.binary(ops.Mul, values["input"], values["new"])
        graph.refine(added, wide=True, bounds=ONE)
        part("cell", CELL_END)
        cell = graph.refine(graph.binary(ops.Add, kept, added), wide=True)
        graph.refine(kept, wide=True, range_of=graph.layer, low=-CELL_END, high=CELL_END)
        graph.carry(cell_before, cell)
        part("cell8", TANH_END)
        cell8 = _narrow(graph, cell, (-TANH_END, TANH_END))
        part("tanh")
        tanh = _gate(graph, cell8, np.tanh, 1.0)
        part("next")
        output = graph.refine(graph.binary(ops.Mul, values["output"], tanh), bounds=ONE)
        graph.carry(read, output)
        return output


def _gate(graph: Builder, value: Value, function: RealFunction, slope: float) -> Value:
    """A function with results from -1 to 1, in 16 bits."""
    return graph.refine(graph.table(value, function, slope), wide=True, bounds=ONE)


def _narrow(graph: Builder, value: Value, bounds: tuple[float, float]) -> Value:
    """A value of 16 bits in 8 bits."""
    planned = ops.AvgPool.plan(graph.node(value).shape, kernel=(1, 1), stride=(1, 1))
    return graph.refine(graph.op(value, planned), bounds=bounds)


def _sigmoid(x: Reals) -> Reals:
    y: Reals = 0.5 * np.tanh(0.5 * x) + 0.5
    return y
