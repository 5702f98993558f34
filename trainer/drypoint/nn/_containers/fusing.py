"""Fused layers: a convolution or matrix product with the ReLU and max-pooling after it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from drypoint.autodiff import MOST_POOLED, NO_PADDING, Pair, Tensor

from .._layers.activations import ReLU
from .._layers.convolution import Conv2d
from .._layers.linear import Linear
from .._layers.pooling import MaxPool2d
from .._layers.signal_layers import Conv1d, MaxPool1d
from .._module.context import Context
from .._module.layer import Layer


class Run(NamedTuple):
    """A layer and the layers after it that are computed with it, in one operation.

    Attributes:
        name: the name of the first layer.
        layer: the first layer.
        relu: whether a fused ReLU follows.
        pool: the window of the fused max-pooling; (1, 1) if there is none.
    """

    name: str
    layer: Layer
    relu: bool = False
    pool: Pair = (1, 1)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The output of the last fused layer; `ctx` is the container's context."""
        if isinstance(self.layer, Conv2d) and (self.relu or self.pool != (1, 1)):
            return self.layer.forward_fused(x, params, relu=self.relu, pool=self.pool)
        if isinstance(self.layer, Linear) and self.relu:
            return self.layer.forward_fused(x, params, relu=True)
        return ctx.within(self.name).forward(self.layer, x, params)


def fuse(layers: Iterable[tuple[str, Layer]]) -> tuple[Run, ...]:
    """The layers as runs, each as long as possible.

    Only the exact classes are fused: a derived class may override `forward`.
    """
    rest, runs = list(layers), []
    while rest:
        name, layer = rest.pop(0)
        relu, pool = False, (1, 1)
        if type(layer) in (Conv2d, Conv1d, Linear) and _next_is(ReLU, rest):
            rest.pop(0)
            relu = True
        if type(layer) in (Conv2d, Conv1d) and rest and (window := _touching(rest[0][1])):
            rest.pop(0)
            pool = window
        runs.append(Run(name, layer, relu, pool))
    return tuple(runs)


def _touching(layer: Layer) -> Pair | None:
    """The window of a max-pooling that can be fused with a convolution, else None."""
    if not (isinstance(layer, MaxPool2d | MaxPool1d) and type(layer) in (MaxPool2d, MaxPool1d)):
        return None
    window = layer.window((1, 1, 1))
    (kh, kw), touching = window.kernel, window.stride == window.kernel
    return (
        (kh, kw) if touching and window.padding == NO_PADDING and kh * kw <= MOST_POOLED else None
    )


def _next_is(kind: type[Layer], rest: Sequence[tuple[str, Layer]]) -> bool:
    return bool(rest) and type(rest[0][1]) is kind
