"""Fused layers: a convolution or matrix product with the ReLU and max-pooling after it; a batch
norm with the ReLU or ReLU6 after it."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from drypoint.autodiff import MOST_POOLED, NO_PADDING, Pair, Tensor

from .._layers.activations import ReLU, ReLU6
from .._layers.batch_norm import BatchNorm1d, BatchNorm2d
from .._layers.convolution import Conv2d
from .._layers.linear import Linear
from .._layers.pooling import MaxPool2d
from .._layers.signal_layers import Conv1d, MaxPool1d
from .._module.context import Context
from .._module.layer import Layer
from .._module.module import Module
from .wiring import Wiring


class Run(NamedTuple):
    """A layer and the layers after it that are computed with it, in one operation.

    Attributes:
        name: the name of the first layer.
        layer: the first layer.
        relu: whether a fused ReLU follows.
        pool: the window of the fused max-pooling; (1, 1) if there is none.
        clip: the upper bound of a batch norm's fused ReLU (infinity) or ReLU6 (6); else None.
        last: the name of the last layer.
    """

    name: str
    layer: Layer
    relu: bool = False
    pool: Pair = (1, 1)
    clip: float | None = None
    last: str = ""

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """The output of the last fused layer; `ctx` is the container's context."""
        if isinstance(self.layer, Conv2d) and (self.relu or self.pool != (1, 1)):
            return self.layer.forward_fused(x, params, relu=self.relu, pool=self.pool)
        if isinstance(self.layer, Linear) and self.relu:
            return self.layer.forward_fused(x, params, relu=True)
        own = ctx.within(self.name)
        own = own if self.clip is None else replace(own, clip=self.clip)
        return own.forward(self.layer, x, params)


CLIPS: Mapping[type[Layer], float] = {ReLU: math.inf, ReLU6: 6.0}
"""A layer that clips at 0 -> its upper bound."""


_MOST = 3
"""The largest number of layers of a run."""


def fuse(layers: Iterable[tuple[str, Layer]]) -> tuple[Run, ...]:
    """The layers as runs, each as long as possible.

    Only the exact classes are fused: a derived class may override `forward`.
    """
    rest, runs = list(layers), []
    while rest:
        name, layer = last, _ = rest.pop(0)
        relu, pool, clip = False, (1, 1), None
        if _next_is(ReLU, rest) and _takes_relu(layer, rest[1:]):
            last, _ = rest.pop(0)
            relu = True
        if type(layer) in (Conv2d, Conv1d) and rest and (window := _touching(rest[0][1])):
            last, _ = rest.pop(0)
            pool = window
        if type(layer) in (BatchNorm1d, BatchNorm2d) and rest and type(rest[0][1]) in CLIPS:
            last, act = rest.pop(0)
            clip = CLIPS[type(act)]
        runs.append(Run(name, layer, relu, pool, clip, last))
    return tuple(runs)


def fuse_graph(layers: Mapping[str, Module], wiring: Wiring) -> dict[str, Run]:
    """The runs of a graph of two and more layers, by the name of the first one.

    A layer can follow another one in a run if it alone reads its output.
    """
    ends = [end for feeds in wiring.feeds.values() for end in feeds.values()]
    n_reads = Counter([*ends, *wiring.outputs.values()])
    after: dict[str, str] = {}
    for name, feeds in wiring.feeds.items():
        for source, port in feeds.values():
            layer = layers[name]
            if isinstance(layer, Layer) and source and n_reads[source, port] == 1:
                after[source] = name
    runs: dict[str, Run] = {}
    for name in wiring.order:
        chain = [name]
        while (following := after.get(chain[-1])) and len(chain) < _MOST:
            chain.append(following)
        rows = [(path, layers[path]) for path in chain]
        if isinstance(layers[name], Layer):
            run = fuse(rows)[0]  # type: ignore[arg-type]  # `after` leads to layers alone
            if run.last != name:
                runs[name] = run
    return runs


def _touching(layer: Layer) -> Pair | None:
    """The window of a max-pooling that can be fused with a convolution, else None."""
    if not (isinstance(layer, MaxPool2d | MaxPool1d) and type(layer) in (MaxPool2d, MaxPool1d)):
        return None
    window = layer.window((1, 1, 1))
    (kh, kw), touching = window.kernel, window.stride == window.kernel
    return (
        (kh, kw) if touching and window.padding == NO_PADDING and kh * kw <= MOST_POOLED else None
    )


def _takes_relu(layer: Layer, after: Sequence[tuple[str, Layer]]) -> bool:
    """Whether a layer and the ReLU after it are faster in one operation.

    Convolutions of 1x1 and of groups have kernels without a ReLU, which are faster unless a
    max-pooling follows that is fused too.
    """
    if type(layer) not in (Conv2d, Conv1d):
        return type(layer) is Linear
    pooled = bool(after) and _touching(after[0][1]) is not None
    assert isinstance(layer, Conv2d)  # a Conv1d is one
    return pooled or (layer.groups == 1 and layer.kernel_size not in (1, (1, 1)))


def _next_is(kind: type[Layer], rest: Sequence[tuple[str, Layer]]) -> bool:
    return bool(rest) and type(rest[0][1]) is kind
