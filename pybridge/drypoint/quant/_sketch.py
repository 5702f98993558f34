"""The program of an untrained net, with the size of the trained net's program."""

from drypoint.nn import Layer, Model
from drypoint.program import Program

from ._calibration import INPUT, Calibration
from ._errors import QuantizationError
from ._fold import fold, program_of
from ._gate import as_model
from ._quantized_nodes import quantize_nodes
from ._scheme import Bits, Scheme, as_scheme, weighted_names

RANGE = (-1.0, 1.0)  # of every activation; a node's own bounds narrow it


def sketch(
    model: Model | Layer, *, weights: Bits | Scheme | None = None, name: str = "model"
) -> Program:
    """The program that an untrained net would become, with initial weights and invented ranges.

    Its ops, shapes, MACs, memory plan and tables have the bytes of the program after training, with
    two exceptions: `program.simplify` leaves out channels that training made constant, and where
    the range of a padded plane lies to one side, its zero point is a table of a byte for each
    channel. Its values say nothing.

    Args:
        model: a net of known input shape, or a model with its encoder and decoder; without values
            it gets initial ones.
        weights: the bits of weights, as for `quantize`; None: 8.
        name: the program's name.

    Raises:
        UnsupportedError: layers have no integer form; the message names them all.
        QuantizationError: the input shape is not known, or a shape is beyond the engine.
    """
    model, scheme = as_model(model), as_scheme(8 if weights is None else weights)
    if model.net.input_shape is None:
        raise QuantizationError("the net's input shape is not known: call bind(shape) first")
    if not model.net.initialized:
        model = model.with_net(model.net.initialize(seed=0))
    graph = fold(model)
    scheme.check_names(weighted_names(graph))
    ranges = {INPUT: RANGE} | {node.ranged: RANGE for node in graph.nodes.values()}
    calibration = Calibration(ranges=ranges, method="minmax", percentile=100.0, n_examples=1)
    nodes = quantize_nodes(graph, calibration, scheme.weight_bits)
    return program_of(model.encoder, model.decoder, graph, nodes, name=name, provenance=None)
