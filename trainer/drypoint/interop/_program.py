"""The integer program of a quantized file: its draft's layers add nodes to a graph, each with the
file's scales.

An int8 tensor with zero point z is one of drypoint's: ``u8`` of the integers + 128 where z is
-128, so that real zero is stored as 0; else ``i8`` with z. A uint8 tensor counts as the int8 tensor
of its integers - 128.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from drypoint import graph, nn
from drypoint.graph import Builder, LoweringError, QuantizedNode, Unsupported, Value, plane_of
from drypoint.program import Program

from ._draft import Draft, DraftLayer, layer_names
from ._errors import ImportFileError
from ._integer_layers import Crop, FileQuantParams, Floats, OfIntegers, Requantize

PROBABILITIES = FileQuantParams(kind="INT8", scales=np.array([1 / 256]), zero=-128)
MOVING = (
    *(nn.Flatten, nn.Reshape, nn.ZeroPad2d, nn.Upsample, nn.PixelShuffle, nn.Slice),
    *(nn.Permute, nn.ChannelShuffle, Crop),
)
KEEPING = (nn.MaxPool2d, *MOVING)  # move or choose values
CLIPS = (nn.ReLU, nn.ReLU6, nn.Hardtanh)


def program_of(
    draft: Draft,
    outputs: Mapping[str, int],
    *,
    name: str,
    halves: graph.Halves,
) -> tuple[Program, tuple[QuantizedNode, ...]]:
    """The integer program of a quantized file's draft, and the node of each op."""
    layers, outputs = draft.merge_scalings(outputs)
    qparams = _OutputParams(draft, layers, outputs).qparams
    try:
        values, builder = _build(draft, layers, {*outputs.values()}, qparams)
        ends = {port: values[number] for port, number in outputs.items()}
        if any(value.number == 0 for value in ends.values()):
            raise draft.error("computes nothing: its output is its input")
        lowered = graph.compute_outputs(graph.fuse(builder.graph(ends)))
        nodes = graph.quantize_as_file(lowered, halves=halves)
    except LoweringError as error:
        kinds = {layer.title: layer.module.short_name for layer in layers.values()}
        troubles = [(kinds.get(title, ""), title, reason) for title, reason in error.troubles]
        raise draft.error.of(troubles, len(layers), "layers") from error
    factors = {port: layers[number].beta for port, number in outputs.items()}
    program = graph.to_program(lowered, nodes, name=name, factors=factors)
    return program, tuple(node for node in nodes if node.has_op)


def _build(
    draft: Draft,
    layers: Mapping[int, DraftLayer],
    outputs: Collection[int],
    qparams: Mapping[int, FileQuantParams],
) -> tuple[dict[int, Value], Builder]:
    """The nodes of all layers, and the value that each layer computes."""
    names, users = layer_names(layers), Counter(n for layer in layers.values() for n in layer.reads)
    parts = draft.input_ends
    builder = Builder(
        plane_of(draft.input_shape), qparams=_input_params(qparams[0]), input_is_shared=users[0] > 1
    )
    values, troubles, lost = {0: builder.input}, list[tuple[str, str]](), set[int]()
    for number, layer in layers.items():
        moves = layer.keeps or isinstance(layer.module, KEEPING)
        last = number in outputs and isinstance(layer.module, nn.Softmax | nn.LogSoftmax)
        params = PROBABILITIES if last else qparams.get(number)
        read = [values[n] for n in layer.reads]
        try:
            if params is None:
                raise Unsupported(
                    "is computed in floats: no QuantizeLinear reads its output. Quantize it too, "
                    "or export the float net"
                )
            if any(value.softmax for value in read):
                raise Unsupported("comes after a softmax, which ends a program")
            arrays = {k: np.asarray(array, np.float64) for k, array in layer.arrays.items()}
            if layer.weights is not None and layer.bias_scales is not None:
                source = builder.node(read[0]).qparams or params_of(PROBABILITIES)
                unit = layer.weights.scales * source.scale
                arrays["bias"] = _exact_bias(arrays["bias"], layer.bias_scales, unit)
            scales = None if layer.weights is None else layer.weights.scales
            builder.enter(
                names[number], layer.title, arrays,
                qparams=_input_params(params) if number in parts else params_of(params),
                scales=scales, clip=layer.clip,
            )  # fmt: skip
            values[number] = layer.module.lower(builder, *read)
            if number in outputs and values[number].flat and values[number].shape.c > 1:
                raise Unsupported("ends the net in a flattened image: leave it out")
        except Unsupported as reason:
            if not (moves and layer.reads[0] in lost):
                troubles.append((layer.title, str(reason)))
            lost.add(number)
            stand_in = params_of(params or PROBABILITIES)
            values[number] = builder.stand_in(plane_of(layer.shape), stand_in)
    if troubles:
        raise LoweringError(troubles)
    return values, builder


def _exact_bias(bias: Floats, scales: Floats, unit: Floats) -> Floats:
    """Biases that are the file's integers times ``unit``, the product of the scales of input and
    weights. The file's own ``scales`` are that product in float32.
    """
    close = np.allclose(scales, unit, rtol=2.0**-20, atol=0)
    return np.rint(bias / scales) * unit if close else bias


def params_of(qparams: FileQuantParams) -> graph.QuantParams:
    """A program's parameters: int8 whose zero point is -128, and uint8 that is 0, are ``u8``."""
    zero = qparams.zero - (128 if qparams.kind == "UINT8" else 0)
    scale = float(qparams.scales[0])
    if zero == -128:
        return graph.QuantParams("u8", scale)
    return graph.QuantParams("i8", scale, zero)


def _input_params(qparams: FileQuantParams) -> graph.QuantParams:
    """The parameters of the program's input, which has the file's int8."""
    params = params_of(qparams)
    if qparams.kind == "INT8" and params.dtype == "u8":
        return graph.QuantParams("i8", params.scale, -128)
    return params


class _OutputParams:
    """The quantization parameters of each layer's output."""

    def __init__(
        self, draft: Draft, layers: Mapping[int, DraftLayer], outputs: Mapping[str, int]
    ) -> None:
        self.layers, self.error = layers, draft.error
        self.users = Counter(
            [*outputs.values(), *(n for layer in layers.values() for n in layer.reads)]
        )
        self.qparams = {n: layer.output for n, layer in layers.items() if layer.output is not None}
        if draft.input_qparams is not None:
            self.qparams[0] = draft.input_qparams
        self._spread()
        self._choose()
        inputs = draft.input_ends
        if inputs != (0,) and self.qparams.keys() >= {*inputs}:  # the vector is as its largest part
            largest = max(inputs, key=lambda n: math.prod(layers[n].shape))
            self.qparams[0] = self.qparams[largest]
        if 0 not in self.qparams:
            lost = next(n for n in inputs if n not in self.qparams)
            first = next((x.title for x in layers.values() if lost in x.reads), "nothing")
            raise draft.error(
                f"its input is not quantized: {first} computes it in floats. Take that out of the "
                "net, and normalize before"
            )

    def _spread(self) -> None:
        """A layer that moves or chooses values has the steps of what it reads, or the other way
        around: rounding keeps order, so a maximum may be taken before or after it.
        """
        for number, layer in self.layers.items():
            keeps = layer.keeps or isinstance(layer.module, (*KEEPING, nn.ReLU))
            if number not in self.qparams and keeps:
                source = self.qparams.get(layer.reads[0])
                if source is not None:
                    self.qparams[number] = source
        wanted: dict[int, list[FileQuantParams]] = {}
        for number in [*reversed([*self.layers]), 0]:
            steps = wanted.get(number, [])
            alike = len({*map(id, steps)}) == 1 and len(steps) == self.users[number]
            if number not in self.qparams and alike:
                self.qparams[number] = steps[0]
            if number == 0 or number not in self.qparams:
                continue
            layer = self.layers[number]
            if layer.keeps or isinstance(layer.module, (*CLIPS, *KEEPING)):
                for before in layer.reads:
                    wanted.setdefault(before, []).append(self.qparams[number])

    def _choose(self) -> None:
        """A function of one value whose output the file leaves in floats, since only a mean or the
        like reads it, gets steps that span its 256 values.
        """
        for number, layer in self.layers.items():
            source = self.qparams.get(layer.reads[0])
            if number not in self.qparams and source is not None and is_function(layer.module):
                self.qparams[number] = _spanning(values_of(layer.module, source), self.error)


def is_function(layer: nn.Module) -> bool:
    """Whether a layer computes each value alone."""
    kinds = (
        *KEEPING,
        nn.Conv2d,
        nn.ConvTranspose2d,
        nn.Linear,
        nn.BatchNorm,
        nn.Pool2d,
        nn.GlobalAvgPool2d,
    )
    return isinstance(layer, nn.Layer) and not isinstance(
        layer, (*kinds, nn.Softmax, nn.LogSoftmax, Requantize)
    )


def values_of(layer: nn.Module, source: FileQuantParams) -> NDArray[np.float64]:
    """What a function makes of the 256 integers of a tensor."""
    first = -128 if source.kind == "INT8" else 0
    reals = source.scales[0] * (np.arange(first, first + 256) - source.zero)
    if isinstance(layer, OfIntegers):
        return layer.function(reals)
    assert isinstance(layer, nn.Layer)
    return np.asarray(layer(reals))


def _spanning(values: NDArray[np.float64], error: type[ImportFileError]) -> FileQuantParams:
    """QuantParams of int8 from the least to the largest value, and of 0."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    if not (np.isfinite(high - low) and high > low):
        raise error("a function of it is not finite, or the same for all values")
    scale = (high - low) / 255
    return FileQuantParams(kind="INT8", scales=np.array([scale]), zero=round(-128 - low / scale))
