"""The values that section 5 of NUMERICS.md walks through, and the factors of an addition."""

from fractions import Fraction

import numpy as np
import pytest

from drypoint.graph import QuantParams, weighted_integers
from drypoint.program import sum_factors
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


def test_a_bias_that_needs_a_coarse_step_leaves_the_other_channels_theirs():
    """Its accumulators would not fit 32 bits; the other channel keeps max|w| / 127."""
    weight, bias = np.array([[1.0, -0.5], [1.0, -0.5]]), np.array([3e9, 0.0])
    q, _ = weighted_integers(weight, bias, source=QuantParams("u8", 1.0), out_scale=1.0)
    assert q.weight[1].tolist() == [127, -64]
    assert abs(int(q.weight[0, 0])) < 127
    assert abs(q.bias[0] * q.unit[0] - 3e9) <= q.unit[0] / 2


def test_weights_of_0_have_an_accumulator_of_steps_of_a_256th():
    """Oracle: 0.3 * 256 = 76.8 and -0.2 * 256 = -51.2."""
    source = QuantParams("u8", 0.5)
    q, _ = weighted_integers(np.zeros((2, 3)), np.array([0.3, -0.2]), source=source, out_scale=0.01)
    assert (q.unit.tolist(), q.bias.tolist()) == ([1 / 256] * 2, [77, -51])


def test_coarser_steps_have_the_zero_point_of_the_same_lowest_value():
    """Oracle: -128 + 0.4 / 0.05, and no zero point where there was none."""
    assert QuantParams("i8", 0.025, -112).coarsen(0.05, -0.4) == QuantParams("i8", 0.05, -120)
    assert QuantParams("i8", 0.025).coarsen(0.05, -0.4) == QuantParams("i8", 0.05)


def test_the_factors_of_the_page():
    """Oracle: the page, sections 3 and 5."""
    assert sum_factors(0.1, 0.5) == ((6_553, 32_765), 0.5 / 32_765)
    assert sum_factors(0.02, 0.0123456) == ((31_250, 19_290), 0.02 / 31_250)
    assert sum_factors(1.0, 1.0)[0] == (32_767, 32_767)


@pytest.mark.parametrize("fine", [0.9999, 0.70710678, 0.00154, 4e-5, 1e-6])
def test_no_other_factors_are_nearer_to_the_quotient_of_the_scales(fine):
    """Oracle: every denominator, in exact fractions. The real value of the accumulator 1 makes the
    coarser scale exact, and the larger factor is above 16,383."""
    (large, small), unit = sum_factors(1.0, fine)
    assert sum_factors(fine, 1.0) == ((small, large), unit)
    assert 16_383 < large <= 32_767
    assert 1 <= small <= large
    assert unit == 1.0 / large
    top, bottom = fine.as_integer_ratio()
    denominators = range(1, 32_768)
    distances = (
        Fraction(abs(max(1, (2 * top * d + bottom) // (2 * bottom)) * bottom - top * d), d)
        for d in denominators
    )
    assert abs(Fraction(small, large) - Fraction(fine)) == min(distances) / bottom
