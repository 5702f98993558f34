"""A model that computes in a program's integers, for quantization-aware training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drypoint.data import AudioEncoder, Encoder, ImageEncoder, SignalEncoder
from drypoint.nn import Layer, Model, Sequential, Softmax
from drypoint.program import Program

from ._calibration import calibrate
from ._fold import fold
from ._integer_net import IntegerNet, integer_net
from ._program_of import program_of
from ._quantized_nodes import quantize_nodes

CALIBRATED_ON = 1000  # training examples: learned scales start from their activations
PERCENTILE = 99.95


@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerEncoder:
    """Encodes inputs as the integers that a program reads, less the integer of real zero.

    Attributes:
        encoder: of the float model.
        program: whose border it is.
        zeros: the integer of real zero in each channel.
    """

    encoder: Encoder | None
    program: Program
    zeros: tuple[int, ...]

    encodes_floats = True
    dtype = np.float32

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        shape = self.program.input_shape
        return shape.c, shape.h, shape.w

    def __call__(self, things: object, /) -> NDArray[np.float32]:
        """float32 (C, H, W), or (N, C, H, W) of several inputs."""
        integers = integers_read(self.program, self.encoder, things)
        planes = integers.astype(np.float32) - np.array(self.zeros, np.float32)
        return np.moveaxis(planes, -1, -3)

    def config(self) -> dict[str, object]:
        """Of the float model's encoder."""
        return {} if self.encoder is None else self.encoder.config()


def integers_read(program: Program, encoder: Encoder | None, inputs: object) -> NDArray[np.integer]:
    """The integers that the first op reads, (N, h, w, c), for inputs of the float model."""
    if isinstance(encoder, ImageEncoder):
        return encoder.pixels(inputs)
    if encoder is None or isinstance(encoder, SignalEncoder | AudioEncoder):
        return program.integers(inputs)  # type: ignore[arg-type]  # it checks
    return program.integers(encoder(inputs))


def integer_model(model: Model, inputs: object, bits_of: Callable[[str], int]) -> Model:
    """The model that computes the integers of a program, made of a float model.

    Args:
        model: trained.
        inputs: training examples: the scales of activations start from them.
        bits_of: the bits of the weights of an op, by its name.

    Raises:
        UnsupportedError: an op of the net cannot be trained in integers.
        QuantizationError: as `quantize`.
    """
    x = inputs[:CALIBRATED_ON]  # type: ignore[index]
    calibration = calibrate(model, x, method="percentile", percentile=PERCENTILE)
    graph = fold(model)
    nodes = quantize_nodes(graph, calibration, bits_of)
    net = integer_net(graph, nodes)
    program = program_of(model.encoder, model.decoder, graph, nodes, name="start", provenance=None)
    encoder = IntegerEncoder(encoder=model.encoder, program=program, zeros=net.zeros)
    layers: dict[str, Layer] = {"integers": net}
    if graph.outputs[0].softmax:
        layers["softmax"] = Softmax()
    return Model(
        Sequential(layers),
        encoder=encoder,
        decoder=model.decoder,
        provenance=dict(model.provenance),
    )


def integers_of(model: Model) -> IntegerNet | None:
    """The net of a model that computes in integers; None of a float model."""
    net = model.net
    first = next(iter(net.layers.values()), None) if isinstance(net, Sequential) else None
    return first if isinstance(first, IntegerNet) else None
