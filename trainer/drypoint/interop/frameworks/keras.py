"""`from_keras`: the net of a Keras model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drypoint import nn
from drypoint.common import unknown
from drypoint.program import output_names

from .._errors import FrameworkError
from .._packages import package
from .keras_layers import LAYERS, REFUSED, Call
from .nodes import Nodes


def from_keras(model: Any, *, cut: Sequence[str] = ()) -> nn.Sequential | nn.Graph:
    """The float net of a Keras model, with its weights: a `Sequential` where it is a chain.

    The net takes images with their channels first, (C, H, W), where the model has (H, W, C), and
    signals (L, C) as images (C, 1, L). Layers that only act in training vanish. Layers that none of
    drypoint's computes are named all at once.

        net = interop.from_keras(model)
        encoder = data.ImageEncoder(width=28, height=28)
        found = nn.Model(net, encoder=encoder, decoder=data.ClassDecoder(range(10)))
        print(interop.check(found, model, images))

    Args:
        model: a ``keras.Sequential`` that is built, or a functional ``keras.Model``, of
            Keras 3 with any backend; or the path of a ``.keras`` or ``.h5`` file.
            Several inputs have the names of their ``keras.Input``, and several outputs of
            ``model.output_names``.
        cut: the names of the layers whose outputs the net ends in; none: the model's outputs.

    Raises:
        FrameworkError: the model is not built or of subclasses, or has layers without a
            counterpart (the message has a line for each reason, by the names of ONNX's operators
            where they have one).
        MissingPackageError: Keras is not installed (the extra ``keras``).
    """
    keras = package("keras", extra="keras")
    if isinstance(model, str | Path):
        model = _load(keras, Path(model))
    if not isinstance(model, keras.Model):
        raise FrameworkError(f"model is a {type(model).__name__}; wanted: a keras.Model")
    if not getattr(model, "built", False) or not hasattr(model, "inputs") or not model.inputs:
        raise FrameworkError(
            "the model has no graph of layers: build it with keras.Input(shape), and make a "
            "subclass of keras.Model functional"
        )
    if cut:
        layers = {layer.name: layer for layer in model.layers}
        for name in cut:
            if name not in layers:
                raise FrameworkError(unknown("the model has no layer", name, list(layers), {}))
        model = keras.Model(model.inputs, [layers[name].output for name in cut])
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    for shape in shapes:
        if None in shape:
            raise FrameworkError(
                f"the model's input is {shape}; wanted fixed sizes: keras.Input(shape)"
            )
    names = ["input"] if len(shapes) == 1 else [tensor.name for tensor in model.inputs]
    inputs = dict(zip(names, shapes, strict=True))
    nodes = Nodes()
    nodes.shapes |= inputs
    tensors = _walk(model, names, nodes, "")
    ends = output_names(getattr(model, "output_names", None) or model._functional.output_names)
    outputs = dict(zip(ends, tensors, strict=True))
    return nodes.net(inputs, outputs, batch=1, subject="the model is")


def _load(keras: Any, path: Path) -> Any:
    """The model of a Keras file."""
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # what Keras raises depends on the fault
        fault = " ".join(str(error).split())
        raise FrameworkError(f"Keras cannot load {path}: {fault[:300]}") from error


def _walk(model: Any, inputs: list[str], nodes: Nodes, prefix: str) -> list[str]:
    """Add the nodes of all layers of a model."""
    names = {id(tensor): name for tensor, name in zip(model.inputs, inputs, strict=True)}
    for node in _calls(model):
        layer = node.operation
        reads = [names[id(tensor)] for tensor in node.input_tensors]
        name = nodes.free_name(f"{prefix}{layer.name}")
        if hasattr(layer, "_functional") or hasattr(layer, "_nodes_by_depth"):
            outputs = _walk(layer, reads, nodes, f"{name}.")
        elif len(node.output_tensors) == 1:
            outputs = [_add(Call(layer=layer, reads=reads, name=name, node=node, nodes=nodes))]
        else:
            raise FrameworkError(f"layer '{layer.name}' has several outputs")
        for tensor, output in zip(node.output_tensors, outputs, strict=True):
            nodes.shapes[output] = tuple(tensor.shape[1:])
            names[id(tensor)] = output
    return [names[id(tensor)] for tensor in model.outputs]


def _calls(model: Any) -> list[Any]:
    """The calls of a model's layers, in order of computation."""
    graph = getattr(model, "_functional", None) or model
    depths = graph._nodes_by_depth
    calls = [node for depth in sorted(depths, reverse=True) for node in depths[depth]]
    return [node for node in calls if not node.is_input]


def _add(call: Call) -> str:
    """Add the nodes of one call; the name of its output."""
    kind = type(call.layer).__name__
    if getattr(call.layer, "data_format", "") == "channels_first":
        return call.add(f"keras.{kind} with channels_first", call.reads)
    if kind in LAYERS:
        return LAYERS[kind](call)
    return call.add(REFUSED.get(kind, f"keras.{kind}"), call.reads)
