"""TensorFlow Lite's LSTM as a layer."""

import numpy as np

from drypoint import nn
from drypoint.graph import Unsupported

from .._tensor_view import TensorView
from .nodes import Call
from .walk import input_tensor

# The first inputs of a kind: for each gate i, f, c, o, which is PyTorch's order.
WEIGHTS, STATE_WEIGHTS, BIASES = 1, 5, 12
LEFT_OUT = {
    9: "peepholes", 10: "peepholes", 11: "peepholes", 16: "a projection", 17: "a projection",
    20: "a layer norm", 21: "a layer norm", 22: "a layer norm", 23: "a layer norm",
}  # fmt: skip


def sequence_lstm(call: Call) -> None:
    """UNIDIRECTIONAL_SEQUENCE_LSTM of a float net, from states of 0; of a quantized file's weights
    their real values. The bound of a cell (CellClip) is left out, as in training.
    """
    if call.integers:
        raise Unsupported(
            "has states of 16 bits with the file's scales, which a program does not take: read the "
            "float net by interop.from_tflite, and quantize it with signals"
        )
    op = call.op
    for position, noun in LEFT_OUT.items():
        if input_tensor(call.file, op, position) is not None:
            raise Unsupported(f"has {noun}; wanted: none")
    if input_tensor(call.file, op, WEIGHTS) is None:
        raise Unsupported("couples its input and forget gates; wanted: four gates")
    if op.options["TimeMajor"]:
        raise Unsupported("has the steps before the batch (time_major); wanted: (N, T, C)")
    if op.activation != "TANH":
        raise Unsupported(f"has the function {op.activation}; wanted: TANH")
    image = call.image()
    channels, rows, steps = image.layer_shape
    weight, recurrent = (
        np.concatenate([call.constant(first + gate) for gate in range(4)])
        for first in (WEIGHTS, STATE_WEIGHTS)
    )
    bias = np.concatenate([call.constant(BIASES + gate) for gate in range(4)])
    units = len(weight) // 4
    shapes = [array.shape for array in (weight, recurrent, bias)]
    if rows != 1 or shapes != [(4 * units, channels), (4 * units, units), (4 * units,)]:
        raise Unsupported(f"has weights {shapes} for {channels} channels of {rows} rows")
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    arrays = dict(zip(names, (weight, recurrent, bias, 0 * bias), strict=True))
    signal = TensorView.of_layer(call.draft.reshape(image, (channels, steps)), (channels, steps))
    layer = nn.LSTM(units, return_sequences=True, input_size=channels)
    output = call.draft.add(layer, (signal,), arrays, name=op.name)
    made = units, 1, steps
    call.set(TensorView.of_layer(call.draft.reshape(output, made), made))
