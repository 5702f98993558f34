"""Makes an integer program of a model and a calibration."""

from collections.abc import Mapping
from typing import Any

from drypoint.common import accept
from drypoint.data import AudioEncoder, SignalEncoder
from drypoint.graph import to_program
from drypoint.nn import Layer, Model
from drypoint.program import Program, ProgramError

from ._aliases import QUANTIZE
from ._calibration import Calibration, check_calibration
from ._errors import QuantizationError
from ._fold import fold
from ._gate import as_model
from ._quantized_nodes import quantize_nodes


@accept(QUANTIZE)
def quantize(
    model: Model | Layer,
    calibration: Calibration,
    *,
    name: str = "model",
    provenance: Mapping[str, Any] | None = None,
) -> Program:
    """The integer program of a float model.

    Args:
        model: an initialized net, its encoder and decoder. A net counts as a model without these.
            Each output of a graph with several becomes an output of the program, with a scale of
            its own; `Program.outputs` has them in the order of their ops.
        calibration: of this model, by `calibrate`.
        name: the program's name; also the default name of its C files.
        provenance: JSON-able facts that the program carries.

    Raises:
        UnsupportedError: layers have no integer form; the message names them all.
        QuantizationError: the net has no values or no known input shape, a parameter is not finite,
            the calibration is of another net, or a shape is beyond the engine.
    """
    model = as_model(model)
    check_calibration(calibration)
    graph = fold(model)
    nodes = quantize_nodes(graph, calibration)
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
