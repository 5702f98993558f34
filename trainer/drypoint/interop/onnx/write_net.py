"""A float net as an ONNX model: a node for each layer, with a batch of any size.

Names of nodes and initializers are the paths of layers and parameters in the net. The input is the
net's input, (N, C, H, W) or (N, I), behind the model's encoder. Encoder and classes stand in the
model's metadata as ``drypoint.encoder`` and ``drypoint.classes``, as JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from drypoint import nn

from .._errors import ExportError
from .._functions import add_function, name_of
from .._packages import package
from .operators.recurrent import onnx_arrays

OPSET, IR_VERSION = 18, 8  # read by runtimes since 2023
Reads = list[str]

_NODES: Mapping[type[nn.Module], tuple[str, Mapping[str, Any]]] = {
    nn.Add: ("Add", {}),
    nn.Mul: ("Mul", {}),
    nn.Concat: ("Concat", {"axis": 1}),
    nn.Flatten: ("Flatten", {"axis": 1}),
}
"""Layers of one node without arrays: the node's kind and attributes."""


def net_to_onnx(model: nn.Model) -> bytes:
    """The bytes of an ONNX file of a model's net."""
    onnx = package("onnx", extra="interop")
    net = model.net
    if net.input_shape is None or not net.initialized:
        raise ExportError(
            "the net is untrained or its sizes are open: train.fit(...).model, or "
            "net.bind(input_shape).initialize(seed=0)"
        )
    if not isinstance(net, nn.Graph):
        chain = net if isinstance(net, nn.Sequential) else nn.Sequential([net])
        net = nn.Graph.from_sequential(chain)
    flat = net.flatten()
    ((port, _),) = flat.input_shapes.items()
    writer = _Writer(onnx)
    tensors = {("", port): "input"}
    for step in flat.layer_shapes({}):
        feeds = flat.wiring.feeds[step.path]
        reads = [tensors[feeds[port]] for port in step.module.input_ports]
        module = step.module
        assert isinstance(module, nn.Module)  # a flattened graph has no others
        tensors[step.path, "output"] = writer.layer(step.path, module, reads, step.input_shapes)
    writer.check()
    shapes = {}
    for name, shape in flat.output_shapes(flat.input_shapes).items():
        output = name if name not in flat.layers else f"{name}.output"
        writer.node(output, "Identity", [tensors[flat.wiring.outputs[name]]])
        shapes[output] = shape
    (shape,) = flat.input_shapes.values()
    return writer.model(shape, shapes, _metadata(model))


def _metadata(model: nn.Model) -> dict[str, str]:
    facts: dict[str, object] = {}
    if model.encoder is not None:
        facts["drypoint.encoder"] = model.encoder.config()
    classes = getattr(model.decoder, "classes", None)
    if classes is not None:
        facts["drypoint.classes"] = list(classes)
    return {name: json.dumps(value) for name, value in facts.items()}


class _Writer:
    """Nodes and initializers, in the order of the file, and the layers that have no node."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.refused: list[str] = []

    def layer(
        self, path: str, layer: nn.Module, reads: Reads, shapes: Mapping[str, nn.Shape]
    ) -> str:
        """Add a layer; the name of its output."""
        if type(layer) in _NODES:
            kind, attributes = _NODES[type(layer)]
            return self.node(path, kind, reads, **attributes)
        if isinstance(layer, nn.Merge):  # it has no single input shape
            return self._refuse(path, layer, reads)
        (shape,) = shapes.values()
        if name := name_of(layer):
            return add_function(_Function(self, path), name, *reads)
        match layer:
            case nn.Conv2d():
                return self._convolution(path, layer, reads, shape)
            case nn.Pool2d() | nn.AdaptiveAvgPool2d() | nn.GlobalAvgPool2d():
                return self._pool(path, layer, reads, shape)
            case nn.Upsample() | nn.Resize() | nn.PixelShuffle() | nn.ConvTranspose2d():
                return self._upsample(path, layer, reads, shape)
            case nn.Softmax() | nn.Reshape() | nn.ZeroPad2d():
                return self._move(path, layer, reads, shape)
            case nn.Slice() | nn.Permute() | nn.ChannelShuffle():
                return self._choose(path, layer, reads, shape)
            case nn.Recurrent():
                return self._recurrent(path, layer, reads[0])
            case nn.Linear():
                arrays = self._arrays(path, layer, layer.param_names)
                return self.node(path, "Gemm", [*reads, *arrays], transB=1)
            case nn.BatchNorm():
                names = ("scale", "shift", "running_mean", "running_variance")
                arrays = self._arrays(path, layer, names)
                reads = [*reads, *arrays]
                return self.node(path, "BatchNormalization", reads, epsilon=layer.epsilon)
            case _:
                return self._pointwise(path, layer, reads, shape)

    def _convolution(self, path: str, layer: nn.Conv2d, reads: Reads, shape: nn.Shape) -> str:
        window = layer.window(shape)
        return self.node(
            path,
            "Conv",
            [*reads, *self._arrays(path, layer, layer.param_names)],
            **_sides(window, shape),
            dilations=window.dilation[: len(shape) - 1],
            group=layer.groups,
        )

    def _recurrent(self, path: str, layer: nn.Recurrent, read: str) -> str:
        """A node for each layer on (T, N, C)."""
        read = self.node(f"{path}.steps", "Transpose", [read], perm=(2, 0, 1))
        for i in range(layer.num_layers):
            last = i == layer.num_layers - 1 and not layer.return_sequences
            arrays = onnx_arrays(layer, i)
            names = [self._array(f"{path}.{n}_l{i}", a) for n, a in arrays.items()]
            name, output = f"{path}.l{i}", f"{path}.l{i}.h"
            op = type(layer).__name__
            more = {"linear_before_reset": 1} if op == "GRU" else {}
            outputs = ["", output] if last else [output]
            node = self.onnx.helper.make_node(
                op, [read, *names], outputs, name=name, hidden_size=layer.hidden_size, **more
            )
            self.nodes.append(node)
            axis = self._array(f"{name}.axis", np.array([0 if last else 1]))
            read = self.node(path if last else f"{name}.all", "Squeeze", [output, axis])
        if not layer.return_sequences:
            return read
        return self.node(path, "Transpose", [read], perm=(1, 2, 0))

    def _upsample(self, path: str, layer: nn.Layer, reads: Reads, shape: nn.Shape) -> str:
        match layer:
            case nn.Resize() | nn.Upsample(mode="bilinear"):
                sides = self._array(f"{path}.size", np.array(layer.output_shape(shape)[1:]))
                how = {"coordinate_transformation_mode": layer.alignment, "mode": "linear"}
                return self.node(path, "Resize", [*reads, "", "", sides], axes=(2, 3), **how)
            case nn.Upsample():
                _, h, w = layer.output_shape(shape)
                sizes = np.array([1, 1, h // shape[1], w // shape[2]], np.float32)
                scales = self._array(f"{path}.scales", sizes)
                how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
                return self.node(path, "Resize", [*reads, "", scales], mode="nearest", **how)
            case nn.PixelShuffle():
                size = layer.upscale_factor
                return self.node(path, "DepthToSpace", reads, blocksize=size, mode=layer.mode)
            case nn.ConvTranspose2d():
                (top, bottom), (left, right) = layer.left_out
                return self.node(
                    path,
                    "ConvTranspose",
                    [*reads, *self._arrays(path, layer, layer.param_names)],
                    strides=layer.block,
                    pads=(top, left, max(bottom, 0), max(right, 0)),
                    output_padding=(max(-bottom, 0), max(-right, 0)),
                )
            case _:
                raise AssertionError(layer)

    def _pool(self, path: str, layer: nn.Module, reads: Reads, shape: nn.Shape) -> str:
        if isinstance(layer, nn.GlobalAvgPool2d):
            return self.node(
                path, "Flatten", [self.node(f"{path}.mean", "GlobalAveragePool", reads)]
            )
        assert isinstance(layer, nn.Pool2d | nn.AdaptiveAvgPool2d)
        window, more = layer.window(shape), {}
        kind = "MaxPool" if isinstance(layer, nn.MaxPool2d | nn.MaxPool1d) else "AveragePool"
        if isinstance(layer, nn.AvgPool2d | nn.AvgPool1d):
            more["count_include_pad"] = 1
        return self.node(path, kind, reads, **_sides(window, shape), **more)

    def _pointwise(self, path: str, layer: nn.Module, reads: Reads, shape: nn.Shape) -> str:
        match layer:
            case nn.Dropout():
                return reads[0]
            case nn.Hardtanh(min_val=low, max_val=high):
                bounds = [
                    self._constant(f"{path}.{n}", v) for n, v in (("low", low), ("high", high))
                ]
                return self.node(path, "Clip", [*reads, *bounds])
            case nn.PReLU():
                slopes = layer.params["weight"]
                slopes = slopes.reshape(-1, *(1,) * (len(shape) - 1))
                return self.node(path, "PRelu", [*reads, self._array(f"{path}.weight", slopes)])
            case nn.LeakyReLU():
                return self.node(path, "LeakyRelu", reads, alpha=layer.negative_slope)
            case _:
                return self._refuse(path, layer, reads)

    def _move(self, path: str, layer: nn.Layer, reads: Reads, shape: nn.Shape) -> str:
        match layer:
            case nn.Softmax():
                axis = layer.axis if layer.axis < 0 else layer.axis + 1
                return self.node(path, "Softmax", reads, axis=axis)
            case nn.Reshape():
                sizes = np.array([0, *layer.output_shape(shape)], np.int64)  # 0: the batch's size
                return self.node(path, "Reshape", [*reads, self._array(f"{path}.shape", sizes)])
            case nn.ZeroPad2d():
                (top, bottom), (left, right) = layer.sides
                sides = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
                return self.node(path, "Pad", [*reads, self._array(f"{path}.sides", sides)])
            case _:
                raise AssertionError(layer)

    def _choose(self, path: str, layer: nn.Layer, reads: Reads, shape: nn.Shape) -> str:
        match layer:
            case nn.Slice():
                places = layer.places(shape[layer.axis])
                numbers = (places[0], places[-1] + 1, layer.axis + 1, places.step)
                sides = dict(zip(("start", "stop", "axis", "step"), numbers, strict=True))
                arrays = [self._array(f"{path}.{n}", np.array([v])) for n, v in sides.items()]
                return self.node(path, "Slice", [*reads, *arrays])
            case nn.Permute():
                return self.node(
                    path, "Transpose", reads, perm=(0, *(axis + 1 for axis in layer.axes))
                )
            case nn.ChannelShuffle():
                order = np.arange(shape[0]).reshape(layer.groups, -1).T.reshape(-1)
                return self.node(
                    path, "Gather", [*reads, self._array(f"{path}.order", order)], axis=1
                )
            case _:
                raise AssertionError(layer)

    def _refuse(self, path: str, layer: nn.Module, reads: Reads) -> str:
        self.refused.append(f"{type(layer).__name__} at path '{path}'")
        return reads[0]

    def check(self) -> None:
        """Refuse the net if one of its layers has no node."""
        if self.refused:
            raise ExportError(f"ONNX nodes are not written for {', '.join(self.refused)}")

    def node(self, name: str, kind: str, reads: Reads, **attributes: Any) -> str:
        """Add a node with one output, which has the node's name."""
        node = self.onnx.helper.make_node(kind, reads, [name], name=name, **attributes)
        self.nodes.append(node)
        return name

    def _arrays(self, path: str, layer: nn.Layer, names: tuple[str, ...]) -> Reads:
        arrays = {**layer.params, **layer.buffers}
        return [self._array(f"{path}.{name}", arrays[name]) for name in names]

    def _constant(self, name: str, value: float) -> str:
        return self._array(name, np.asarray(value, np.float32))

    def _array(self, name: str, values: Any) -> str:
        self.initializers.append(self.onnx.numpy_helper.from_array(values, name))
        return name

    def model(
        self, reads: nn.Shape, gives: Mapping[str, nn.Shape], metadata: Mapping[str, str]
    ) -> bytes:
        """The file."""
        helper, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        shapes = {"input": reads, **gives}
        first, *outputs = (
            helper.make_tensor_value_info(n, kind, ["N", *s]) for n, s in shapes.items()
        )
        graph = helper.make_graph(self.nodes, "drypoint", [first], outputs, self.initializers)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="drypoint"
        )
        helper.set_model_props(model, dict(metadata))
        return bytes(model.SerializeToString())


@dataclass(frozen=True)
class _Function:
    """The nodes of a function of one value, at the path of its layer."""

    writer: _Writer
    path: str

    def add(self, op: str, reads: Reads, suffix: str = "", **attributes: Any) -> str:
        name = f"{self.path}.{suffix}" if suffix else self.path
        return self.writer.node(name, op, reads, **attributes)

    def number(self, value: float) -> str:
        return self.writer._constant(f"{self.path}.number{len(self.writer.initializers)}", value)


def _sides(window: Any, shape: nn.Shape) -> dict[str, Any]:
    """Attributes of a window over an image (C, H, W) or a signal (C, L), in ONNX's order."""
    axes = len(shape) - 1
    before, after = zip(*window.padding[:axes], strict=True)
    return {
        "kernel_shape": window.kernel[:axes],
        "strides": window.stride[:axes],
        "pads": (*before, *after),
    }
