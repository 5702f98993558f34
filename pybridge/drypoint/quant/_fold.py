"""Folds a float net into stages: batch norms and encoder folded in, activations and pools fused.

The functions are pure: the model is not changed. One error names all layers without an integer
form.
"""

from collections import Counter
from dataclasses import replace

import numpy as np

from drypoint.data import ImageEncoder
from drypoint.nn import Graph, Layer, Model, Reshape, Sequential
from drypoint.program import Shape

from ._draft import Affine, Draft, Refusal, Value, plane, same_order
from ._errors import QuantizationError, UnsupportedError
from ._layers import added
from ._stages import Folded, Weighted

End = tuple[str, str]  # a layer and its output port, or "" and an input port of the net


def fold(model: Model) -> Folded:
    """The stages of a model.

    Raises:
        UnsupportedError: layers have no integer form; the message lists them by path.
        QuantizationError: the net is not initialized, a parameter is not finite, an activation is
            neither a plane nor a vector, or the net has no weights to fold the encoder into.
    """
    net = flat_net(model.net)
    if net.input_shape is None:
        raise QuantizationError("the net's input shape is not known: call bind(shape) first")
    if not net.initialized:
        raise QuantizationError("the net has no values yet: call initialize() or fit() first")
    for path, array in {**net.params, **net.buffers}.items():
        if not np.isfinite(array).all():
            raise QuantizationError(f"{path} holds NaN or infinity: train again, or load another")
    draft, values, refused = Draft(), _inputs(net, model), list[str]()
    readers = Counter(end for feeds in net.wiring.feeds.values() for end in feeds.values())
    readers.update(net.wiring.outputs.values())
    (port,) = net.wiring.inputs
    draft = draft.sharing(values["", port]) if readers["", port] > 1 else draft
    for step in net.steps({port: net.input_shape}):
        path, layer = step.path, net[step.path]
        feeds = net.wiring.feeds[path]
        read = [values[feeds[name]] for name in layer.input_ports]
        (output,) = layer.output_ports
        try:
            out = plane(step.output_shapes[output])
        except QuantizationError as error:  # nothing is known of the layers after it
            refused.append(f"{path} ({type(layer).__name__}): {error}")
            break
        try:
            last = (path, output) in net.wiring.outputs.values()
            if last and isinstance(layer, Reshape) and same_order(read[0].shape, out):
                value = read[0]  # outputs are a vector in any form
            else:
                draft, value = added(draft, path, layer, read, out)
        except Refusal as reason:
            refused.append(f"{path} ({type(layer).__name__}): {reason}")
            draft, value = _stand_in(draft, path, read[0], out)
        values[path, output] = replace(value, path=path)
        draft = draft.sharing(value) if readers[path, output] > 1 else draft
    if refused:
        raise UnsupportedError(f"no integer form for {'; '.join(refused)}")
    (end,) = net.wiring.outputs.values()
    result = values[end]
    _check_end(draft, result)
    return Folded(
        stages=draft.stages,
        softmax=result.softmax,
        encoder=model.encoder.config() if isinstance(model.encoder, ImageEncoder) else None,
    )


def flat_net(net: Layer) -> Graph:
    """The net as a graph without containers in it, of one input and one output.

    Raises:
        QuantizationError: the net is a single layer, or a graph of several inputs or outputs.
    """
    if not isinstance(net, Sequential | Graph):
        raise QuantizationError(f"the net is a single {type(net).__name__}: put it in a Sequential")
    graph = (Graph.from_sequential(net) if isinstance(net, Sequential) else net).flatten()
    assert isinstance(graph, Graph)
    inputs, outputs = graph.wiring.inputs, graph.wiring.outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise QuantizationError(
            f"the engine runs nets of one input and one output; this one has the inputs "
            f"{', '.join(inputs)} and the outputs {', '.join(outputs)}"
        )
    return graph


def _inputs(net: Graph, model: Model) -> dict[End, Value]:
    """The net's input, by its end."""
    assert net.input_shape is not None
    (port,) = net.wiring.inputs
    value = Value(tensor=0, shape=plane(net.input_shape))
    encoder = model.encoder
    if isinstance(encoder, ImageEncoder):
        zero, one = np.zeros(value.shape.c), np.ones(value.shape.c)
        mean = zero if encoder.mean is None else zero + np.asarray(encoder.mean, np.float64)
        std = one if encoder.std is None else one * np.asarray(encoder.std, np.float64)
        value = replace(value, affine=Affine(1 / (255 * std), -mean / std))
    return {("", port): value}


def _stand_in(draft: Draft, path: str, read: Value, out: Shape) -> tuple[Draft, Value]:
    """A stage for a refused layer, so that the layers after it are checked too."""
    weight, bias = np.zeros((out.c, 1, 1, read.shape.c)), np.zeros(out.c)
    return draft.appended(
        Weighted(
            path=path,
            last=path,
            reads=(read.tensor,),
            in_shape=read.shape,
            out_shape=out,
            weight=weight,
            bias=bias,
        )
    )


def _check_end(draft: Draft, result: Value) -> None:
    """Check the net's output, which the last stage must compute."""
    if not draft.stages:
        raise QuantizationError("the net has no layer that would be an op of the engine")
    if result.affine is not None:
        raise QuantizationError(
            "the net has no weights that could take in what the encoder does to pixels: add a "
            "Linear or Conv2d, or quantize without the encoder"
        )
    if result.flat:
        raise QuantizationError(
            f"the net ends in a flattened plane {result.shape}, whose order in the engine is "
            "another (channels innermost): end in a Linear, or leave out the Flatten"
        )
    if any(result.padding):
        raise QuantizationError("the net ends in a padding layer: leave it out")
