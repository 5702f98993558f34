"""Makes an integer program of a model and a calibration."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import accept
from drypoint.data import AudioEncoder, Dataset, SignalEncoder
from drypoint.graph import Graph, QuantizedNode, Weighted, to_program
from drypoint.nn import Layer, Model
from drypoint.program import Program, ProgramError

from ._aliases import QUANTIZE
from ._calibration import Calibration, calibrate
from ._errors import QuantizationError
from ._fold import fold
from ._gate import as_model
from ._quantized_nodes import quantize_nodes
from ._scheme import Bits, Scheme, as_scheme


@accept(QUANTIZE)
def quantize(
    model: Model | Layer,
    calibration: Calibration | NDArray[np.generic] | Sequence[Any] | Dataset,
    *,
    weights: Bits | Scheme = 8,
    name: str = "model",
    provenance: Mapping[str, Any] | None = None,
) -> Program:
    """The integer program of a float model.

    Args:
        model: an initialized net, its encoder and decoder. A net counts as a model without these.
            Each output of a graph with several becomes an output of the program, with a scale of
            its own; `Program.outputs` has them in the order of their ops.
        calibration: of this model, by `calibrate`; or its inputs, which are calibrated on.
        weights: the bits of weights, 8, 4 or 2; for each op its own by a dict of glob patterns of
            op names, such as ``{"fc1": 2, "*": 4}``; or a `Scheme`.
        name: the program's name; also the default name of its C files.
        provenance: JSON-able facts that the program carries.

    Raises:
        UnsupportedError: layers have no integer form; the message names them all.
        QuantizationError: the net has no values or no known input shape, a parameter is not finite,
            the calibration is of another net, a shape is beyond the engine, or ``weights`` is no
            number of bits.
    """
    model, scheme = as_model(model), as_scheme(weights)
    if not isinstance(calibration, Calibration):
        calibration = calibrate(model, calibration)
    graph = fold(model)
    scheme.check_names(tuple(n.name for n in graph.nodes.values() if isinstance(n, Weighted)))
    return program_of(
        model,
        graph,
        quantize_nodes(graph, calibration, scheme),
        name=name,
        provenance=provenance,
    )


def program_of(
    model: Model,
    graph: Graph,
    nodes: tuple[QuantizedNode, ...],
    *,
    name: str,
    provenance: Mapping[str, Any] | None,
) -> Program:
    """The program of a model's fused graph, with the integers of its nodes.

    Raises:
        QuantizationError: the net is beyond the engine.
    """
    names = [output.name for output in graph.outputs]
    decoders = model.decoder if isinstance(model.decoder, Mapping) else {names[-1]: model.decoder}
    found = {name: decoder for name, decoder in decoders.items() if decoder is not None}
    try:
        return to_program(
            graph,
            nodes,
            name=name,
            labels=tuple(str(c) for c in getattr(found.get(names[-1]), "classes", ())),
            encoder=_border(model) or graph.encoder,
            decoders={name: decoder.config() for name, decoder in found.items()},
            provenance=provenance or {},
            front=model.encoder.front if isinstance(model.encoder, AudioEncoder) else None,
        )
    except ProgramError as error:
        raise QuantizationError(f"the net does not fit the engine: {error}") from error


def _border(model: Model) -> Mapping[str, Any] | None:
    """The config of an encoder whose arithmetic the program's border does, not its first op."""
    at_border = isinstance(model.encoder, SignalEncoder | AudioEncoder)
    return model.encoder.config() if at_border else None  # type: ignore[union-attr]
