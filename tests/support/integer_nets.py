"""What every integer program of a float net is held to."""

import numpy as np

from drypoint import engine, quant
from drypoint.program import blob, reference


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
