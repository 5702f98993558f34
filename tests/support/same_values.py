"""Checks that two ways of computing a net give equal values."""

import numpy as np

from drypoint import engine, nn, quant


def check_close(found, wanted, tolerance=1e-5):
    """Float32 sums of at most a thousand products may be taken in another order: 1e-5 of the
    largest output is far above that, and far below any misread weight or padding.
    """
    assert np.abs(found.reshape(wanted.shape) - wanted).max() <= tolerance * np.abs(wanted).max()


def check_engine(program, x, case=""):
    """The C engine gives the reference's bytes for integers ``x``."""
    found = engine.verify(program, {"C": engine.Engine(program)}, x)
    assert found.differing_bytes == 0, case


def check_integers_of(net, x, n=None, case=""):
    """The program of a net, calibrated on ``x``, which the C engine computes to the byte.

    Args:
        net: the net.
        x: float32 (N, ...).
        n: of so many of ``x``; None: of all.
        case: for the message.
    """
    program = quant.quantize(nn.Model(net), quant.calibrate(nn.Model(net), x))
    check_engine(program, program.integers(x)[:n], case)
    return program
