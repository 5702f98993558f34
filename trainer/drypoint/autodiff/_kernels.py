"""The seam between the tape and the heavy array functions.

Ops that move most of the numbers call these and nothing else. Each is computed by the compiled
kernels where they are there and take the arrays (float32), else by NumPy: the readable reference,
what float64 runs on, and what the tests hold the compiled ones to. All are pure: arrays in, new
arrays out.
"""

from . import _compiled_kernels as compiled
from . import _convolution_kernels as reference
from ._compiled import kernels_for
from ._convolution_kernels import conv2d, conv2d_input_gradient, conv2d_weight_gradient
from ._pooling_kernels import (
    avg_pool2d,
    avg_pool2d_gradient,
    max_pool2d,
    max_pool2d_gradient,
    max_pool2d_winners,
)
from ._tape import Array

__all__ = [
    "avg_pool2d",
    "avg_pool2d_gradient",
    "conv2d",
    "conv2d_bias_gradient",
    "conv2d_input_gradient",
    "conv2d_weight_gradient",
    "max_pool2d",
    "max_pool2d_gradient",
    "max_pool2d_winners",
]


def conv2d_bias_gradient(gradient: Array) -> Array:
    """The gradient of a bias added to each channel of an image (N, O, H, W): (O,)."""
    if kernels := kernels_for(gradient):
        return compiled.conv2d_bias_gradient(kernels, gradient)
    return reference.conv2d_bias_gradient(gradient)
