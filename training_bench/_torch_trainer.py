"""Training by PyTorch: a net of ours in PyTorch, with its parameters, and its trainer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from drypoint.bench import BenchError
from drypoint.nn import (
    BatchNorm1d,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    Flatten,
    GlobalAvgPool1d,
    GlobalAvgPool2d,
    Graph,
    Linear,
    MaxPool2d,
    Recurrent,
    ReLU,
    ReLU6,
    Sequential,
    Softmax,
    Upsample,
)
from drypoint.nn import Module as Ours

from ._peer_net import Shape, connect
from ._trainer import LR, Trainer

# Our name of an array -> PyTorch's.
NAMES = {
    "scale": "weight",
    "shift": "bias",
    "running_mean": "running_mean",
    "running_variance": "running_var",
}


class TorchTrainer(Trainer):
    """Eager PyTorch."""

    channels_last = False

    def __init__(
        self, net: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64], *, threads: int
    ) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        planes = x
        if x.dtype == np.uint8:
            planes = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
        self._x = torch.from_numpy(np.require(planes, requirements=["C", "W"]))
        self._y = torch.from_numpy(np.require(y, requirements=["W"]))
        self._format = (
            torch.channels_last
            if self.channels_last and planes.ndim == 4
            else torch.contiguous_format
        )
        self._net = torch_net(net).to(memory_format=self._format)
        self._adam = torch.optim.Adam(self._net.parameters(), lr=LR)
        self._loss = torch.nn.CrossEntropyLoss() if y.ndim == 1 else torch.nn.MSELoss()

    def train(self, n: int, batch: int) -> None:
        """One epoch."""
        self._net.train()
        order = torch.randperm(n)
        for start in range(0, n, batch):
            chosen = order[start : start + batch]
            self._adam.zero_grad(set_to_none=True)
            self._loss(self._net(self._scale(self._x[chosen])), self._y[chosen]).backward()
            self._adam.step()

    def forward(self, n: int, batch: int) -> None:
        """From bytes to outputs."""
        self._net.eval()
        with torch.inference_mode():
            for start in range(0, n, batch):
                self._net(self._scale(self._x[start : start + batch]))

    def _scale(self, x: Any) -> Any:
        if x.dtype != torch.uint8:
            return x.contiguous(memory_format=self._format)
        return x.to(torch.float32, memory_format=self._format).mul_(1 / 255)


class ChannelsLastTrainer(TorchTrainer):
    """PyTorch in the layout channels_last, usually its fastest layout on CPUs."""

    channels_last = True


def torch_net(net: Sequential) -> Any:
    """The net in PyTorch, up to its softmax.

    Raises:
        BenchError: a layer that is not given to peers.
    """
    assert net.input_shape is not None  # every net of the bench has one
    return _sequential(net, net.input_shape)


def _sequential(net: Sequential, shape: Shape) -> Any:
    modules: list[Any] = []
    for layer in net:
        if not isinstance(layer, Softmax):
            modules.append(torch_module(layer, shape))
        shape = layer.output_shape(shape)
    return torch.nn.Sequential(*modules)


def torch_module(layer: Ours, shape: Shape) -> Any:
    """A layer of one input, of this shape, as a module."""
    match layer:
        case Sequential():
            return _sequential(layer, shape)
        case Graph():
            return _graph(layer, shape)
        case Conv2d():
            return _convolution(layer, shape)
        case Linear():
            rows, columns = layer.params["weight"].shape
            return _with_arrays(torch.nn.Linear(columns, rows, bias=layer.bias), layer.params)
        case BatchNorm1d() | BatchNorm2d():
            kind = getattr(torch.nn, type(layer).__name__)
            norm = kind(shape[0], eps=layer.epsilon, momentum=layer.momentum)
            return _with_arrays(norm, {**layer.params, **layer.buffers})
        case ReLU():
            return torch.nn.ReLU()
        case ReLU6():
            return torch.nn.ReLU6()
        case MaxPool2d():
            return torch.nn.MaxPool2d(layer.kernel_size, layer.stride)
        case Upsample():
            return torch.nn.Upsample(scale_factor=layer.scale_factor)
        case GlobalAvgPool1d():
            return torch.nn.Sequential(torch.nn.AdaptiveAvgPool1d(1), torch.nn.Flatten())
        case GlobalAvgPool2d():
            return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
        case Flatten():
            return torch.nn.Flatten()
        case Recurrent(num_layers=1, return_sequences=False):
            return _recurrent(layer)
        case _:
            raise BenchError(f"{type(layer).__name__} is not given to peers")


def _convolution(layer: Conv2d, shape: Shape) -> Any:
    """A convolution; padding along time, or that differs between opposite sides, is a module before
    it.
    """
    (top, bottom), (left, right) = layer.window(shape).padding
    weight, signal = layer.params["weight"], isinstance(layer, Conv1d)
    inside = not signal and (top, left) == (bottom, right)
    module = (torch.nn.Conv1d if signal else torch.nn.Conv2d)(
        shape[0],
        len(weight),
        weight.shape[2:],
        stride=layer.stride,
        padding=(top, left) if inside else 0,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=layer.bias,
    )
    module = _with_arrays(module, layer.params)
    if inside:
        return module
    pad = (
        torch.nn.ConstantPad1d((top, bottom), 0)
        if signal
        else torch.nn.ZeroPad2d((left, right, top, bottom))
    )
    return torch.nn.Sequential(pad, module)


def _recurrent(layer: Recurrent) -> Any:
    """A recurrent layer of signals (N, C, T) to its last output."""
    kind = getattr(torch.nn, type(layer).__name__)

    class Last(torch.nn.Module):  # type: ignore[misc]
        """The last output."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = _with_arrays(kind(layer.input_size, layer.hidden_size), layer.params)

        def forward(self, x: Any) -> Any:
            """(N, C, T) to (N, H)."""
            return self.inner(x.permute(2, 0, 1))[0][-1]

    return Last()


def _graph(graph: Graph, shape: Shape) -> Any:
    """A graph of one input, whose layers have one input each, but additions and joins."""
    modules, apply = connect(
        graph,
        shape,
        make=lambda layer, shape, _: torch_module(layer, shape),
        concat=lambda arrays: torch.cat(arrays, 1),
    )

    class Wired(torch.nn.Module):  # type: ignore[misc]
        """The modules of the graph."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.ModuleDict(modules)

        def forward(self, x: Any) -> Any:
            """The output of the last layer."""
            return apply(x)

    return Wired()


def _with_arrays(module: Any, arrays: Mapping[str, Any]) -> Any:
    for name, values in arrays.items():
        getattr(module, NAMES.get(name, name)).data = torch.from_numpy(np.array(values))
    return module
