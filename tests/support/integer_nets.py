"""Integer programs of float nets, and what every such program is held to."""

import numpy as np
import pytest

from drypoint import engine, nn, quant
from drypoint.program import ProgramError, blob, reference, streaming

OF_MINOR_1 = {"resize", "slice", "transpose", "prelu"}  # of BLOB.md, section 1


def quantize(layers, x):
    """A net of layers for examples ``x``, its calibration, and its program; batch norms have random
    factors and running statistics.
    """
    net = nn.Sequential(layers, input_shape=x.shape[1:]).initialize(seed=1)
    rng = np.random.default_rng(1)
    buffers = {k: v + rng.uniform(0, 0.5, v.shape) for k, v in net.buffers.items()}
    factors = {k: rng.normal(size=v.shape) for k, v in net.params.items() if k.endswith("scale")}
    net = net.with_params(factors).with_buffers(buffers)
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


def assert_within_bound(net, calibration, program, x):
    """The program's values differ from the net's by the proven bound at most, each backend gives
    the reference's bytes, and the blob, of the least minor version that has its ops, comes back.

    Args:
        net: of one output: a plane (C, H, W), a signal (C, L) or a vector.
        calibration: of the net.
        program: of both.
        x: float32 (N, ...).
    """
    integers, wanted = program.integers(x), net(x)
    values = program.real(reference.run(program, integers)).reshape(len(x), *program.output_shape)
    bound = [*quant.error_bound(net, calibration).values()][-1]
    assert np.abs(values.transpose(0, 3, 1, 2).reshape(wanted.shape) - wanted).max() <= bound
    for backend in engine.Engine.backends():
        run = engine.Engine(program, backend=backend)
        assert engine.verify(program, {"C": run}, integers).differing_bytes == 0
    data = blob.dumps(program)
    assert data[6] == int(any(op.kind in OF_MINOR_1 for op in program.ops))
    assert blob.dumps(blob.loads(data)) == data
