"""Makes an integer program of a model and a calibration; checks that one can be made."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import accept
from drypoint.data import Dataset
from drypoint.nn import Layer, Model
from drypoint.program import Program

from ._aliases import NO_CALIBRATION, QUANTIZE
from ._calibration import Calibration, calibrate
from ._errors import QuantizationError
from ._fold import fold, program_of
from ._gate import as_model
from ._quantized_nodes import quantize_nodes
from ._scheme import Bits, Scheme, as_scheme, weighted_names
from ._training import IntegerEncoder, integers_of


@accept(QUANTIZE)
def quantize(
    model: Model | Layer,
    calibration: Calibration | NDArray[np.generic] | Sequence[Any] | Dataset | None = None,
    *,
    weights: Bits | Scheme | None = None,
    name: str = "model",
    provenance: Mapping[str, Any] | None = None,
) -> Program:
    """The integer program of a float model, or of a model that was trained in integers.

    Args:
        model: an initialized net, its encoder and decoder. A net counts as a model without these.
            Each output of a graph with several becomes an output of the program, with a scale of
            its own; `Program.outputs` has them in the order of their ops.
        calibration: of this model, by `calibrate`; or its inputs, which are calibrated on. None,
            and nothing else, for a model of ``train.fit(quantization=...)``, whose scales were
            trained.
        weights: the bits of weights, 8, 4 or 2; for each op its own by a dict of glob patterns of
            op names, such as ``{"fc1": 2, "*": 4}``; or a `Scheme`. None: 8; of a model that was
            trained in integers its own.
        name: the program's name; also the default name of its C files.
        provenance: JSON-able facts that the program carries.

    Raises:
        UnsupportedError: layers have no integer form; the message names them all.
        QuantizationError: the net has no values or no known input shape, a parameter is not finite,
            the calibration is of another net, or the model was trained in integers and has one, a
            shape is beyond the engine, ``weights`` is no number of bits, or another one than the
            model was trained with.
    """
    model, scheme = as_model(model), as_scheme(8 if weights is None else weights)
    encoder = model.encoder
    if (net := integers_of(model)) is not None:
        if calibration is not None:
            raise QuantizationError(
                "the model was trained in integers, with scales of its own, which no calibration "
                "changes: leave calibration out, or quantize the float model before"
            )
        graph, nodes = net.graph, net.quantized_nodes()
        if weights is not None:
            scheme.check_equal(Scheme(weights=net.settings["weights"]), weighted_names(graph))
        assert isinstance(encoder, IntegerEncoder)  # as `integer_model` makes them
        encoder = encoder.encoder
    elif calibration is None:
        raise QuantizationError(f"quantize got no calibration: {NO_CALIBRATION}")
    else:
        graph = fold(model)
        scheme.check_names(weighted_names(graph))  # before the work
        if not isinstance(calibration, Calibration):
            calibration = calibrate(model, calibration)
        nodes = quantize_nodes(graph, calibration, scheme.weight_bits)
    return program_of(encoder, model.decoder, graph, nodes, name=name, provenance=provenance)


def check_export(model: Model | Layer) -> None:
    """Check that every layer of a net has an integer form; the net needs no trained values.

    The integer forms of layers do not depend on parameters, so a net that passes can be quantized
    after training, unless it is beyond a limit of the engine (`quantize` names the limit).

    Args:
        model: a model, or a net of known input shape.

    Raises:
        UnsupportedError: layers have no integer form; the message lists each with its path, the
            reason and what to use instead.
        QuantizationError: the input shape is not known, or the net as a whole has no integer form.
    """
    model = as_model(model)
    net = model.net
    if net.input_shape is not None and not net.initialized:
        model = model.with_net(net.initialize())
    fold(model)
