"""The recurrent layers of signals."""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Self

import numpy as np

from drypoint.autodiff import Array, Tensor, dropout, gru, lstm

from .._errors import ConfigError, ShapeError
from .._module.context import Context
from .._module.initializers import Draw
from .._module.layer import Layer
from .._module.sizes import Shape, check_count, check_flag, check_fraction


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

    def _layer(self, x: Tensor, *params: Tensor) -> Tensor:
        """One layer over all steps, (N, C, T) to (N, H, T)."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, repr=False)
class GRU(Recurrent, per_example=True):
    """Gated recurrent units: signals (C, T) to the last output (H,), or to all outputs (H, T).

    PyTorch's unit, which is Keras's with ``reset_after``: the reset gate multiplies the product of
    the state. Gates in the order r, z, n, G = 3. Arguments and parameters: see `Recurrent`.
    """

    short_name: ClassVar[str] = "gru"
    gates = 3

    def _layer(self, x: Tensor, *params: Tensor) -> Tensor:
        return gru(x, *params)


@dataclass(frozen=True, eq=False, repr=False)
class LSTM(Recurrent, per_example=True):
    """Long short-term memory: signals (C, T) to the last output (H,), or to all outputs (H, T).

    Gates in PyTorch's order i, f, g, o, G = 4. Arguments and parameters: see `Recurrent`.
    """

    short_name: ClassVar[str] = "lstm"
    gates = 4

    def _layer(self, x: Tensor, *params: Tensor) -> Tensor:
        return lstm(x, *params)
