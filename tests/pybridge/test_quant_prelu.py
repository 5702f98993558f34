"""Integer programs with a slope for each channel.

Oracles: the proven bound of the error; the slopes and factors of section 5 of NUMERICS.md, by hand.
"""

import numpy as np
import pytest
from integer_nets import assert_within_bound

from drypoint import nn, quant
from drypoint.graph import Unsupported
from drypoint.program import Lookup, PReLU, blob

SHAPE = (2, 5, 6)
X = np.random.default_rng(0).normal(0, 1, (60, *SHAPE)).astype(np.float32)
LAST = nn.Conv2d(2, 3)
SLOPES = {
    "small": (0.25, 0.0, 0.031),
    "falling": (-1.0, 0.5, 1.0),
    "steep": (3.0, -200.0, 0.1),
    "tiny": (1e-3, 5e-4, 0.0),
    "zero": (0.0, 0.0, 0.0),
}


def make_net(slopes, *behind):
    layers = [nn.Conv2d(3, 3), nn.PReLU(3), *behind]
    net = nn.Sequential(layers, input_shape=SHAPE).initialize(seed=1)
    return net.with_params({**net.params, "relu.weight": np.array(slopes, np.float32)})


@pytest.mark.parametrize("behind", [(), (LAST,), (nn.Hardtanh(-0.3, 0.2), LAST)])
@pytest.mark.parametrize("slopes", SLOPES.values(), ids=SLOPES)
def test_a_program_stays_within_the_proven_bound(slopes, behind):
    net = make_net(slopes, *behind)
    calibration = quant.calibrate(net, X)
    program = quant.quantize(net, calibration)
    assert [type(op) for op in program.ops].count(PReLU) == 1
    assert_within_bound(net, calibration, program, X)


def test_one_slope_is_a_table():
    net = nn.Sequential([LAST, nn.PReLU(), LAST], input_shape=SHAPE).initialize(seed=1)
    program = quant.quantize(net, quant.calibrate(net, X))
    assert [type(op) for op in program.ops][1] is Lookup
    assert blob.dumps(program)[6] == 0


def choose(*slopes):
    return PReLU.choose_factors({"slopes": np.array(slopes), "step": None})


def test_slopes_and_factors():
    """0.25: factor_b = floor(32,767 / 508) = 64, factor_a = 64 * 508 = 32,512, 0.1 -> 50.8."""
    factors, q = choose(0.25, -0.1, 0.0)
    assert (q.tolist(), factors) == ([127, -51, 0], (32512, 64))
    factors, q = choose(1e-3, 5e-4)
    assert (q.tolist(), factors) == ([33, 16], (32767, 1))
    factors, q = choose(32767.0)
    assert (q.tolist(), factors) == ([127], (127, 32767))
    with pytest.raises(Unsupported, match="has a slope above 32767"):
        choose(32768.0)


def test_a_blob_of_minor_0_has_no_such_kind():
    net = make_net(SLOPES["small"])
    data = bytearray(blob.dumps(quant.quantize(net, quant.calibrate(net, X))))
    data[6] = 0
    with pytest.raises(blob.BlobError, match=r"op 1 is of kind 16, which format 2.0 does not have"):
        blob.loads(blob_with_crc(data))


def blob_with_crc(data):
    data[12:16] = blob.zlib.crc32(data[16:]).to_bytes(4, "little")
    return bytes(data)
