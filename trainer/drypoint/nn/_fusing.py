"""Layers in a row that are one operation: what a convolution or a matrix product takes in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from drypoint.autodiff import MOST_POOLED, NO_PADDING, Pair, Tensor

from ._activations import ReLU
from ._context import Context
from ._convolution import Conv2d
from ._layer import Layer
from ._linear import Linear
from ._pooling import MaxPool2d


class Run(NamedTuple):
    """A layer, and those after it that it takes in.

    Attributes:
        name: of the first layer.
        layer: the first layer.
        relu: whether a ReLU follows.
        pool: the window of the max-pooling that follows; (1, 1) if none does.
    """

    name: str
    layer: Layer
    relu: bool = False
    pool: Pair = (1, 1)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The output of the last of them; `ctx` is that of the container."""
        if isinstance(self.layer, Conv2d) and (self.relu or self.pool != (1, 1)):
            return self.layer.followed(x, params, relu=self.relu, pool=self.pool)
        if isinstance(self.layer, Linear) and self.relu:
            return self.layer.followed(x, params, relu=True)
        return ctx.within(self.name).forward(self.layer, x, params)


def fused(layers: Iterable[tuple[str, Layer]]) -> tuple[Run, ...]:
    """The layers as runs, each as long as it can be.

    Only these very classes are taken in: a class derived from one may compute something else.
    """
    rest, runs = list(layers), []
    while rest:
        name, layer = rest.pop(0)
        relu, pool = False, (1, 1)
        if type(layer) in (Conv2d, Linear) and _next_is(ReLU, rest):
            rest.pop(0)
            relu = True
        if type(layer) is Conv2d and rest and (window := _touching(rest[0][1])):
            rest.pop(0)
            pool = window
        runs.append(Run(name, layer, relu, pool))
    return tuple(runs)


def _touching(layer: Layer) -> Pair | None:
    """The window of a max-pooling that a convolution can take in."""
    if type(layer) is not MaxPool2d:
        return None
    window = layer.window((1, 1, 1))
    (kh, kw), touching = window.kernel, window.stride == window.kernel
    return (
        (kh, kw) if touching and window.padding == NO_PADDING and kh * kw <= MOST_POOLED else None
    )


def _next_is(kind: type[Layer], rest: Sequence[tuple[str, Layer]]) -> bool:
    return bool(rest) and type(rest[0][1]) is kind
