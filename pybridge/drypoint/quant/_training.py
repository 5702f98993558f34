"""A model that computes in a program's integers, for quantization-aware training."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.data import AudioEncoder, Encoder, ImageEncoder, SignalEncoder
from drypoint.graph import QuantizedNode
from drypoint.nn import Graph, Layer, Model, Sequential, Softmax
from drypoint.program import Program

from ._calibration import Calibration
from ._errors import UnsupportedError
from ._fold import fold, program_of
from ._integer_net import IntegerNet, integer_net
from ._quantized_nodes import quantize_nodes


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerEncoder:
    """Encodes inputs as the integers that a program reads, less the integer of real zero."""

    encoder: Encoder | None  # of the float model
    program: Program  # whose border it is
    zeros: tuple[int, ...]  # the integer of real zero in each channel
    shape: tuple[int, ...]  # (C, H, W); of a recurrent net (C, T)

    encodes_floats = True
    dtype = np.float32

    def __call__(self, things: object, /) -> NDArray[np.float32]:
        """float32 of the shape, or (N, ...) of several inputs."""
        given: Any = things
        recordings = self.program.is_streaming
        if single := recordings and self._is_recording(np.shape(given)):
            given = np.asarray(given)[None]
        integers = integers_read(self.program, self.encoder, given)
        planes = integers.astype(np.float32) - np.array(self.zeros, np.float32)
        if not recordings:
            return np.moveaxis(planes, -1, -3)
        signals = planes[:, :, 0, 0].swapaxes(1, 2)
        return signals[0] if single else signals

    def _is_recording(self, shape: tuple[int, ...]) -> bool:
        """Whether something of a shape is one recording, not several."""
        if isinstance(self.encoder, SignalEncoder | AudioEncoder):
            return self.encoder.is_window(shape)
        return shape == self.shape

    def config(self) -> dict[str, object]:
        """The config of the float model's encoder."""
        return {} if self.encoder is None else self.encoder.config()


def integers_read(program: Program, encoder: Encoder | None, inputs: object) -> NDArray[np.integer]:
    """The integers that the first op reads, (N, h, w, c), for inputs of the float model; of a
    streaming program (N, steps, h, w, c)."""
    if program.is_streaming:
        recordings: Any = inputs
        if encoder is not None and not isinstance(encoder, SignalEncoder | AudioEncoder):
            recordings = encoder(inputs)
        return np.stack([*map(program.encode_recording, recordings)])
    if isinstance(encoder, ImageEncoder):
        return encoder.pixels(inputs)
    if encoder is None or isinstance(encoder, SignalEncoder | AudioEncoder):
        return program.integers(inputs)  # type: ignore[arg-type]  # it checks
    return program.integers(encoder(inputs))


def integer_model(
    model: Model, calibration: Calibration, bits_of: Callable[[str], int], weights: object
) -> Model:
    """The model that computes the integers of a program, made of a float model."""
    graph = fold(model)
    nodes = quantize_nodes(graph, calibration, bits_of)
    settings = {"weights": weights, "calibration": json.loads(calibration.to_json())}
    net = integer_net(graph, nodes, model, settings)
    program = program_of(model.encoder, model.decoder, graph, nodes, name="start", provenance=None)
    encoder = IntegerEncoder(
        encoder=model.encoder, program=program, zeros=net.zeros, shape=net.input_shape
    )
    looped = {n - 1 for loop in net.loops for n in loop}  # whose sums are integers of 64 bits
    _check_sums([q for i, q in enumerate(nodes) if i not in looped])
    return Model(
        _with_softmax(net),
        encoder=encoder,
        decoder=model.decoder,
        provenance=dict(model.provenance),
    )


def _check_sums(nodes: list[QuantizedNode]) -> None:
    """Refuse sums that float32 may round, of ops whose factors training does not change."""
    lowered = [(q.node.name, q.lower()) for q in nodes]
    beyond = [
        f"{name}: its sums may exceed 2^24, which float32 rounds"
        for name, numbers in lowered
        if numbers is not None and numbers.largest >= 2**24
    ]
    if beyond:
        raise UnsupportedError(f"no training in integers for {'; '.join(beyond)}")


def _with_softmax(net: IntegerNet) -> Layer:
    """The net, and the softmax of each output that has one."""
    outputs = net.graph.outputs
    axes = [-1 if len(shape) == 1 else 0 for shape in net.shapes]  # the channels
    layers: dict[str, Layer] = {"integers": net}
    if len(outputs) == 1:
        layers |= {"softmax": Softmax(axes[0])} if outputs[0].softmax else {}
        return Sequential(layers)
    edges = [("input", "integers")]
    for output, axis in zip(outputs, axes, strict=True):
        ends = {f"softmax_{output.name}": Softmax(axis)} if output.softmax else {}
        layers |= ends
        edges += pairwise([f"integers.{output.name}", *ends, f".{output.name}"])
    return Graph(layers, edges)


def integers_of(model: Model) -> IntegerNet | None:
    """The net of a model that computes in integers; None of a float model."""
    net = model.net
    first = next(iter(net.layers.values()), None) if isinstance(net, Sequential | Graph) else None
    return first if isinstance(first, IntegerNet) else None
