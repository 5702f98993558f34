"""The compiled kernels behind the signatures of the NumPy ones; float32 only.

Each is given the kernels that `kernels_for` chose.
"""

from typing import Any

import numpy as np

from ._compiled import pointer, run, struct
from ._lanes import to_lanes
from ._tape import Array


def conv2d_bias_gradient(kernels: Any, gradient: Array) -> Array:
    """See `_convolution_kernels`."""
    lanes = to_lanes(gradient)
    y = np.empty(lanes.shape[0], np.float32)
    rows, columns = lanes.shape[0], lanes.size // max(1, lanes.shape[0])
    run(
        kernels.row_sums,
        struct("dpk_row_sums", x=pointer(lanes), y=pointer(y), n_rows=rows, n_columns=columns),
    )
    return y
