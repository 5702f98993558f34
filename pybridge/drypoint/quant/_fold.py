"""The fused graph of a float net, each node of which will be one integer op, and its program."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from drypoint.data import AudioEncoder, BoxDecoder, Decoder, Encoder, ImageEncoder, SignalEncoder
from drypoint.detection import DetectionError
from drypoint.graph import (
    Affine,
    Builder,
    InputPart,
    LoweringError,
    QuantizedNode,
    State,
    Unsupported,
    Value,
    fuse,
    plane_of,
    same_order,
    to_program,
)
from drypoint.graph import Graph as LoweredGraph
from drypoint.nn import (
    BatchNorm1d,
    Conv1d,
    Graph,
    Layer,
    LogSoftmax,
    Model,
    Module,
    Recurrent,
    Reshape,
    Sequential,
    Softmax,
)
from drypoint.program import Program, ProgramError, Shape, step_encoder

from ._errors import QuantizationError, UnsupportedError
from ._gate import check_float


def fold(model: Model) -> LoweredGraph:
    """The fused graph of a model."""
    check_float(model)
    net = flat_net(model.net)
    _check_values(net)
    assert net.input_shape is not None
    (port,) = net.wiring.inputs
    read_by_layers = Counter(end for feeds in net.wiring.feeds.values() for end in feeds.values())
    readers = read_by_layers + Counter(net.wiring.outputs.values())
    input_shape = _step_shape(net, net.input_shape)
    shape = _plane(input_shape)
    builder = Builder(shape, affine=_affine(model, shape), input_is_shared=readers["", port] > 1)
    values, refused = {("", port): builder.input}, list[str]()
    for step in net.layer_shapes({port: input_shape}):
        path, layer = step.path, net[step.path]
        arrays = {**layer.params, **layer.buffers}
        builder.enter(path, f"{path} ({type(layer).__name__})", arrays)
        read = [values[net.wiring.feeds[path][name]] for name in layer.input_ports]
        (output,) = layer.output_ports
        try:
            out = plane_of(step.output_shapes[output])
        except Unsupported as reason:  # nothing is known of the layers after it
            refused.append(f"{builder.title}: {reason}")
            break
        try:
            _check_softmax(layer, step.output_shapes[output])
            last = (path, output) not in read_by_layers
            values[path, output] = _lower(builder, layer, read, out, last=last)
        except Unsupported as reason:
            refused.append(f"{builder.title}: {reason}")
            values[path, output] = builder.stand_in(out)
    if refused:
        raise UnsupportedError(f"no integer form for {'; '.join(refused)}")
    outputs = {
        name: _checked_end(builder, values[end], _name_layer(name, net))
        for name, end in net.wiring.outputs.items()
    }
    encoder = model.encoder.config() if isinstance(model.encoder, ImageEncoder) else None
    graph = builder.graph(outputs, encoder)
    try:
        return fuse(graph)
    except LoweringError as error:
        lines = [f"{title}: {reason}" for title, reason in error.troubles if title]
        if lines:
            raise UnsupportedError(f"no integer form for {'; '.join(lines)}") from error
        raise QuantizationError(error.troubles[0][1]) from error


def _step_shape(net: Graph, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an example; of a recurrent net, which runs step by step, of one step.

    Raises:
        UnsupportedError: a layer before a recurrent one, or of the outputs of all steps, reads
            other steps than its own.
    """
    layers = dict(net.leaves())
    if not any(isinstance(layer, Recurrent) for layer in layers.values()):
        return shape
    (port,) = net.wiring.inputs
    shapes = {("", port): shape}
    for step in net.layer_shapes({port: shape}):
        layer = layers[step.path]
        reads = [shapes[end] for end in net.wiring.feeds[step.path].values()]
        alone = isinstance(layer, Recurrent | BatchNorm1d) or (
            isinstance(layer, Layer) and layer.keeps_axes and len(reads) == 1
        )
        if isinstance(layer, Conv1d) and layer.kernel_size == layer.stride == 1:
            alone = layer.output_shape(reads[0])[1] == reads[0][1]
        if not alone and any(len(read) > 1 for read in reads):
            raise UnsupportedError(
                f"no integer form for {step.path} ({type(layer).__name__}): it reads signals "
                "beside a recurrent layer; wanted: layers of each step alone, such as "
                "Conv1d(C, 1), or the last output of a recurrent layer"
            )
        shapes |= {(step.path, name): s for name, s in step.output_shapes.items()}
    return shape[0], 1


def flat_net(net: Layer) -> Graph:
    """The net as a graph without containers in it, of one input."""
    if not isinstance(net, Sequential | Graph):
        raise QuantizationError(f"the net is a single {type(net).__name__}: put it in a Sequential")
    graph = (Graph.from_sequential(net) if isinstance(net, Sequential) else net).flatten()
    assert isinstance(graph, Graph)
    inputs = graph.wiring.inputs
    if len(inputs) != 1:
        raise QuantizationError(
            f"the graph has losses inside, which read {', '.join(inputs)}: quantize the net alone"
        )
    return graph


def _check_values(net: Graph) -> None:
    if net.input_shape is None:
        raise QuantizationError("the net's input shape is not known: call bind(shape) first")
    if not net.initialized:
        raise QuantizationError("the net has no values yet: call initialize() or fit() first")
    for path, array in {**net.params, **net.buffers}.items():
        if not np.isfinite(array).all():
            raise QuantizationError(f"{path} holds NaN or infinity: train again, or load another")


def _plane(shape: tuple[int, ...]) -> Shape:
    try:
        return plane_of(shape)
    except Unsupported as error:
        raise QuantizationError(str(error)) from error


def _affine(model: Model, shape: Shape) -> Affine | None:
    """What the model's encoder of pictures does to a pixel."""
    encoder = model.encoder
    if not isinstance(encoder, ImageEncoder):
        return None
    zero, unit = np.zeros(shape.c), np.ones(shape.c)
    mean = zero if encoder.mean is None else zero + np.asarray(encoder.mean, np.float64)
    std = unit if encoder.std is None else unit * np.asarray(encoder.std, np.float64)
    return Affine(1 / (255 * std), -mean / std)


def _lower(builder: Builder, layer: Module, read: list[Value], out: Shape, *, last: bool) -> Value:
    """The value that a layer outputs."""
    if last and isinstance(layer, Reshape) and same_order(read[0].shape, out):
        return read[0]  # outputs are a vector in any form
    if any(value.softmax for value in read):
        raise Unsupported("it comes after a softmax, which ends a program: leave out that softmax")
    if not layer.exportable:
        raise Unsupported(f"the engine has no such op: {layer.use_instead}")
    return layer.lower(builder, *read)


def _check_softmax(layer: Module, shape: tuple[int, ...]) -> None:
    """Refuse a softmax along an axis of one value beside a longer one: it is over the channels."""
    if isinstance(layer, Softmax | LogSoftmax) and shape[layer.axis] == 1 < math.prod(shape):
        raise Unsupported(
            f"it acts along axis {layer.axis} of {shape}, where each value is alone; wanted: along "
            "the channels, axis=0, or a Flatten before it"
        )


def _name_layer(name: str, net: Graph) -> str:
    """How messages name an output."""
    return "the net" if len(net.wiring.outputs) == 1 else f"the output {name} of the net"


def _checked_end(builder: Builder, result: Value, title: str) -> Value:
    """An output of the net, checked to be the output of an op."""
    if result.number == 0 or isinstance(builder.node(result), InputPart):
        raise QuantizationError(f"{title} has no layer that would be an op of the engine")
    if result.flat and result.shape.c > 1:
        raise QuantizationError(
            f"{title} ends in a flattened plane {result.shape}, whose order in the engine is "
            "another (channels innermost): end in a Linear, or leave out the Flatten"
        )
    if builder.is_padding(result):
        raise QuantizationError(f"{title} ends in a padding layer: leave it out")
    return result


def is_recurrent(graph: LoweredGraph) -> bool:
    """Whether a net runs step by step, with a state."""
    return any(isinstance(node, State) for node in graph.nodes.values())


def program_of(
    encoder: Encoder | None,
    decoder: Decoder | Mapping[str, Decoder] | None,
    graph: LoweredGraph,
    nodes: tuple[QuantizedNode, ...],
    *,
    name: str,
    provenance: Mapping[str, Any] | None,
) -> Program:
    """The program of a fused graph, with the integers of its nodes."""
    names = [output.name for output in graph.outputs]
    decoders = decoder if isinstance(decoder, Mapping) else {names[-1]: decoder}
    found = {name: d for name, d in decoders.items() if d is not None}
    border = _border(encoder) or graph.encoder
    try:
        program = to_program(
            graph,
            nodes,
            name=name,
            labels=_labels(found.get(names[-1])),
            encoder=step_encoder(border) if is_recurrent(graph) else border,
            decoders={name: d.config() for name, d in found.items()},
            provenance=provenance or {},
            front=encoder.front if isinstance(encoder, AudioEncoder) else None,
        )
        last = found.get(names[-1])
        if not isinstance(last, BoxDecoder):
            return program
        return replace(program, boxes=last.integers(program.output_scale))
    except (ProgramError, DetectionError) as error:
        raise QuantizationError(f"the net does not fit the engine: {error}") from error


def _labels(decoder: Decoder | None) -> tuple[str, ...]:
    """The names of the last output's values, or of its channels."""
    if isinstance(decoder, BoxDecoder):
        return decoder.channel_names
    return tuple(str(c) for c in getattr(decoder, "classes", ()))


def _border(encoder: Encoder | None) -> Mapping[str, Any] | None:
    """The config of an encoder whose arithmetic the program's border does, not its first op."""
    at_border = isinstance(encoder, SignalEncoder | AudioEncoder)
    return encoder.config() if at_border else None  # type: ignore[union-attr]
