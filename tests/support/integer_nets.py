"""Integer programs of float nets, and what every such program is held to."""

import numpy as np
import pytest

from drypoint import engine, nn, quant
from drypoint.program import ProgramError, blob, reference, streaming


def quantize(layers, x):
    """A net of layers for examples ``x``, its calibration, and its program."""
    net = nn.Sequential(layers, input_shape=x.shape[1:]).initialize(seed=1)
    calibration = quant.calibrate(net, x)
    return net, calibration, quant.quantize(net, calibration)


def assert_stream(layers, x, kind, refusal=""):
    """The stream of a program of layers has such an op, or is refused with these words."""
    _, _, program = quantize(layers, x)
    if not refusal:
        assert kind in [op.kind for op in streaming(program).ops]
        return
    with pytest.raises(ProgramError, match=refusal):
        streaming(program)


def assert_within_bound(net, calibration, program, x, *, minor):
    """The program's values differ from the net's by the proven bound at most, each backend gives
    the reference's bytes, and the blob, of this minor version, comes back.

    Args:
        net: of one plane (C, H, W) as output.
        calibration: of the net.
        program: of both.
        x: float32 (N, C, H, W).
        minor: of the blob's version.
    """
    integers = program.integers(x)
    values = program.real(reference.run(program, integers)).reshape(len(x), *program.output_shape)
    bound = [*quant.error_bound(net, calibration).values()][-1]
    assert np.abs(values.transpose(0, 3, 1, 2) - net(x)).max() <= bound
    for backend in engine.Engine.backends():
        run = engine.Engine(program, backend=backend)
        assert engine.verify(program, {"C": run}, integers).differing_bytes == 0
    data = blob.dumps(program)
    assert data[6] == minor
    assert blob.dumps(blob.loads(data)) == data
