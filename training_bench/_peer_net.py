"""A net of ours as a function in a library that computes images (N, H, W, C)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff._window import Window
from drypoint.bench import BenchError
from drypoint.nn import (
    Add,
    BatchNorm1d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Flatten,
    GlobalAvgPool1d,
    GlobalAvgPool2d,
    Graph,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    ReLU6,
    Sequential,
    Softmax,
    Upsample,
)

Shape = tuple[int, ...]
Step = Callable[[Any], Any]


def channels_last(x: NDArray[Any]) -> NDArray[Any]:
    """Images (N, H, W) or (N, H, W, C) of bytes, and floats (N, C, H, W), (N, C, L) or (N, I), as
    contiguous (N, H, W, C), (N, L, 1, C) and (N, I)."""
    if x.dtype == np.uint8:
        return x[..., None] if x.ndim == 3 else x
    if x.ndim == 3:
        x = x[..., None]
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


class PeerNet(ABC):
    """The layers of a library.

    `build` gives a net up to its softmax. An array is made by `array`, in the layout that the
    library wants. In training `update` gets new running statistics.
    """

    training = False

    @abstractmethod
    def array(self, path: str, values: NDArray[np.float32], *, trained: bool = True) -> Any:
        """A function without arguments that gives the array in the library."""

    @abstractmethod
    def check_convolution(self, layer: Conv2d, shape: Shape) -> None:
        """Refuse a convolution that the library cannot train.

        Raises:
            BenchError: it is one.
        """

    @abstractmethod
    def convolution(self, x: Any, weight: Any, window: Window, groups: int) -> Any:
        """By weights (h, w, C / groups, O)."""

    @abstractmethod
    def batch_norm(self, layer: BatchNorm2d | BatchNorm1d, path: str) -> Step:
        """By the statistics of the batch, if `training`."""

    @abstractmethod
    def max_pool(self, x: Any, window: Window) -> Any:
        """Without padding."""

    @abstractmethod
    def upsample(self, x: Any, factor: int) -> Any:
        """Each pixel repeated."""

    @abstractmethod
    def library(self) -> Any:
        """matmul, maximum, minimum, mean(x, axes), concat(arrays) and reshape by these names."""

    def build(self, net: Sequential) -> Step:
        """The net as a function of its inputs.

        Raises:
            BenchError: a layer that is not given to peers.
        """
        assert net.input_shape is not None  # every net here says it
        return self._chain(net, net.input_shape, "")

    def _chain(self, net: Sequential, shape: Shape, path: str) -> Step:
        steps, before = list[Step](), shape
        for name, layer in net.items():
            if not isinstance(layer, Softmax):
                steps.append(self._step(layer, shape, f"{path}{name}", before))
            before = shape if isinstance(layer, Flatten) else layer.output_shape(shape)
            shape = layer.output_shape(shape)

        def apply(x: Any) -> Any:
            for step in steps:
                x = step(x)
            return x

        return apply

    def _step(self, layer: Module, shape: Shape, path: str, before: Shape) -> Step:
        """A layer; `before` is the shape before a Flatten that comes before it."""
        library = self.library()
        match layer:
            case Sequential():
                return self._chain(layer, shape, f"{path}.")
            case Graph():
                return self._graph(layer, shape, f"{path}.")
            case Conv2d():
                return self._convolution(layer, shape, path)
            case Linear():
                return self._linear(layer, path, before)
            case BatchNorm1d() | BatchNorm2d():
                return self.batch_norm(layer, path)
            case ReLU():
                return lambda x: library.maximum(x, 0.0)
            case ReLU6():
                return lambda x: library.minimum(library.maximum(x, 0.0), 6.0)
            case MaxPool2d() if not np.any(layer.window(shape).padding):
                window = layer.window(shape)
                return lambda x: self.max_pool(x, window)
            case Upsample() if isinstance(layer.scale_factor, int):
                factor = layer.scale_factor
                return lambda x: self.upsample(x, factor)
            case GlobalAvgPool1d() | GlobalAvgPool2d():
                return lambda x: library.mean(x, (1, 2))
            case Flatten():
                return lambda x: library.reshape(x, (-1, int(np.prod(shape))))
            case _:
                raise BenchError(f"{type(layer).__name__} is not given to peers")

    def _convolution(self, layer: Conv2d, shape: Shape, path: str) -> Step:
        self.check_convolution(layer, shape)
        weight = layer.params["weight"]
        planes = weight[..., None] if weight.ndim == 3 else weight
        kernel = self.array(f"{path}.weight", planes.transpose(2, 3, 1, 0))
        bias = self.array(f"{path}.bias", layer.params["bias"]) if layer.bias else None
        window = layer.window(shape)

        def step(x: Any) -> Any:
            y = self.convolution(x, kernel(), window, layer.groups)
            return y if bias is None else y + bias()

        return step

    def _linear(self, layer: Linear, path: str, before: Shape) -> Step:
        """The weight's columns in the order of pixels (H, W, C), where its inputs are pixels."""
        weight, library = layer.params["weight"], self.library()
        if len(before) == 3:
            weight = weight.reshape(-1, *before).transpose(0, 2, 3, 1).reshape(len(weight), -1)
        matrix = self.array(f"{path}.weight", np.ascontiguousarray(weight.T))
        bias = self.array(f"{path}.bias", layer.params["bias"]) if layer.bias else None
        return lambda x: library.matmul(x, matrix()) + (0.0 if bias is None else bias())

    def _graph(self, graph: Graph, shape: Shape, path: str) -> Step:
        def make(layer: Module, shape: Shape, name: str) -> Step:
            return self._step(layer, shape, f"{path}{name}", shape)

        return connect(graph, shape, make=make, concat=self.library().concat)[1]


def connect(
    graph: Graph,
    shape: Shape,
    *,
    make: Callable[[Module, Shape, str], Step],
    concat: Callable[[list[Any]], Any],
) -> tuple[dict[str, Step], Step]:
    """The steps of a graph's layers by name, and the graph as a function of its input.

    Args:
        graph: has one input; its layers have one input each, but additions and joins.
        shape: of the input.
        make: the step of a layer, of the shape of its input and of its name.
        concat: joins arrays along their channels.
    """
    wiring = graph.wiring
    sources = {name: [end[0] for end in wiring.feeds[name].values()] for name in wiring.order}
    shapes, steps = {"": shape}, dict[str, Step]()
    for name in wiring.order:
        layer: Any = graph.layers[name]  # of one output
        reads = [shapes[source] for source in sources[name]]
        if isinstance(layer, Add | Concat):
            ports = dict(zip(layer.input_ports, reads, strict=True))
            (shapes[name],) = layer.output_shapes(ports).values()
        else:
            steps[name] = make(layer, reads[0], name)
            shapes[name] = layer.output_shape(reads[0])
    ((last, _),) = wiring.outputs.values()

    def apply(x: Any) -> Any:
        values = {"": x}
        for name in wiring.order:
            read = [values[source] for source in sources[name]]
            if name in steps:
                values[name] = steps[name](read[0])
            elif isinstance(graph.layers[name], Concat):
                values[name] = concat(read)
            else:
                values[name] = read[0] + read[1]
        return values[last]

    return steps, apply
