"""The seam between the tape and the heavy array functions.

Ops that move most of the numbers call these and nothing else, so that a compiled kernel replaces
a NumPy one here, in one line, behind the same signature. All are pure: arrays in, new arrays out.
"""

from ._convolution_kernels import (
    conv2d,
    conv2d_bias_gradient,
    conv2d_input_gradient,
    conv2d_weight_gradient,
)
from ._pooling_kernels import (
    avg_pool2d,
    avg_pool2d_gradient,
    max_pool2d,
    max_pool2d_gradient,
    max_pool2d_winners,
)

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
