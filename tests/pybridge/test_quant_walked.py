"""The value that section 5 of NUMERICS.md walks through."""

import numpy as np

from drypoint.graph import QuantParams, weighted_integers
from drypoint.quant._quantized_nodes import quant_params_of


def test_the_value_of_section_5():
    """Oracle: the page."""
    read = quant_params_of(-0.375, 6.0)
    assert read == QuantParams("i8", 0.025, -113)
    assert [read.integer(x) for x in (6.0, 0.0, -0.375)] == [127, -113, -128]
    q, scale = weighted_integers(
        np.array([[-0.5, 0.254]]), np.array([0.1]), source=read, out_scale=0.05
    )
    assert (q.weight.tolist(), q.bias.tolist()) == ([[-127, 65]], [-5990])
    assert (q.mult.tolist(), q.shift, scale) == ([8_454_660], 0, 0.05)
    accumulator = int(q.bias[0]) + int(q.weight[0] @ [127, -113])
    assert accumulator == -29_464
    assert (accumulator * 8_454_660 + 2**31) >> 32 == -58
    joined = quant_params_of(-0.375, 8.0)
    assert (joined.scale, joined.zero) == (8.375 / 255, -117)
